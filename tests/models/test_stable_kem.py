"""Stable KEM: every rung against its equations (kem.md 3.8 and 5), and the identities of KEM."""

import pytest
import torch
from torch.nn import functional

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.etf import simplex_etf
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import from_tokens, to_tokens
from mtlviz.trace import INTERACTION, to_arrays
from tests.models.literal_kem import literal_kem
from tests.models.stable_kems import (
    COLLAPSE,
    GRID,
    PER_TASK,
    RUNGS,
    SLOTS,
    TASKS,
    TOKENS,
    WIDTH,
    built,
    compared,
    features,
    labels,
    stable,
)

VARIANTS = [
    *RUNGS, *({**rung, "temperature": True} for rung in RUNGS), {"rung": "literal", "pre_norm": True},
    {**COLLAPSE, "pre_norm": True}, {**COLLAPSE, "values": "projected"},
]  # fmt: skip


def collapse_equations(module, tokens):
    """Rung ``collapse`` equation by equation, one image ``(S, D)``."""
    s, write_factor = [*module.log_temperature.exp(), torch.tensor(1.0)][:2]
    h = functional.normalize(module.project(module.projection_norm(tokens)), dim=-1)
    queries = module.retrieve_query(module.memory_norm(module.memory))
    logits = s * functional.cosine_similarity(queries[:, None], h[None], dim=-1)  # (L, S)
    best = logits.topk(3).indices
    chosen = torch.zeros_like(logits, dtype=torch.bool).scatter(1, best, True)
    values = WIDTH**0.5 * h if module.config.values == "projected" else module.token_norm(tokens)
    retrieved = logits.masked_fill(~chosen, -torch.inf).softmax(-1) @ module.retrieve_value(values)
    write = module.write_query(WIDTH**0.5 * h) @ module.write_key(retrieved).T / WIDTH**0.5
    write = (write * write_factor).softmax(-1)
    return {"logits": logits, "retrieved": retrieved, "write": write, "written": write @ module.write_value(retrieved)}


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_the_folded_form_equals_the_equations(options):
    module, inputs = stable(**options), features()
    out, trace, _ = module(inputs, capture=INTERACTION)
    tokens = to_tokens(inputs)[0]
    if options["rung"] == "collapse":
        expected = collapse_equations(module, tokens)
    else:
        projected = tokens @ module.frame
        if options["rung"] != "literal":
            z = functional.normalize(module.project(module.projection_norm(tokens)), dim=-1)
            projected = WIDTH**0.5 * z @ module.frame
        expected = literal_kem(module, projected)
    torch.testing.assert_close(trace.logits, expected["logits"])
    torch.testing.assert_close(trace.memory_after, expected["retrieved"])
    torch.testing.assert_close(trace.write, expected["write"])
    torch.testing.assert_close(trace.written, expected["written"])
    torch.testing.assert_close(to_tokens(out)[0], tokens + expected["written"])  # to the original tokens


def test_the_literal_rung_is_a_kem_whose_maps_have_absorbed_the_frame():
    module, inputs = stable(rung="literal"), features()
    kem = build_interaction("kem", WIDTH, TASKS, {"slots": SLOTS}).double()
    weights = {name: value for name, value in module.state_dict().items() if name != "frame"}
    for name in ("retrieve_key", "retrieve_value", "write_query"):
        weights[f"{name}.weight"] = weights[f"{name}.weight"] @ module.frame.T
    kem.load_state_dict(weights)
    torch.testing.assert_close(to_tokens(kem(inputs)[0]), to_tokens(module(inputs)[0]))


@pytest.mark.parametrize("options", RUNGS[1:], ids=str)
def test_the_length_of_a_token_does_not_help_it(options):
    module, inputs = stable(**options), features()
    size = torch.linspace(0.5, 1000, PER_TASK, dtype=torch.float64).view(1, 1, *GRID)
    shifted = {task: size * feature + 3.0 for task, feature in inputs.items()}
    _, trace, _ = module(inputs, capture=INTERACTION)
    _, other, _ = module(shifted, capture=INTERACTION)
    torch.testing.assert_close(other.logits, trace.logits, rtol=1e-3, atol=1e-3)  # but for the norm's epsilon
    lengths = compared(module, inputs).norm(dim=1)
    if options["rung"] == "collapse":
        torch.testing.assert_close(lengths, torch.ones(TOKENS, dtype=torch.float64))


def test_without_a_norm_the_longest_tokens_win():
    module, inputs = stable(rung="literal"), features()
    grown = {task: feature.clone() for task, feature in inputs.items()}
    grown["depth"] *= 1000
    _, trace, _ = module(grown, capture=INTERACTION)
    assert (trace.picks // PER_TASK == 1).all()


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_every_parameter_of_every_rung_trains(options):
    module = stable(torch.float32, **options).requires_grad_(True)
    inputs = features(batch=2, dtype=torch.float32)
    inputs["semseg"][:, :, 0] = 0  # tokens that say nothing
    out, _, auxiliary = module(inputs, labels=labels(batch=2))
    (to_tokens(out).square().sum() + sum(auxiliary.values())).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert isinstance(module.frame, torch.nn.Parameter) == (options["rung"] == "learnable")


@pytest.mark.parametrize("options", RUNGS, ids=str)
def test_the_frame_starts_as_a_simplex_etf_of_its_seed_and_is_part_of_the_weights(options):
    first, other = (built(**options, frame_seed=seed) for seed in (0, 1))
    if options != COLLAPSE:
        torch.testing.assert_close(first.frame.detach(), simplex_etf(WIDTH, WIDTH, 0).float())
    assert not torch.allclose(first.frame, other.frame)
    other.load_state_dict(first.state_dict())
    assert torch.equal(first.frame, other.frame)


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_identities_of_kem_hold(options):
    module, inputs = stable(**options), features(batch=2)
    one = {task: feature[:1] for task, feature in inputs.items()}
    off, _, _ = module(one, edit=Edit(residual=0.0))
    assert all(torch.equal(off[task], one[task]) for task in TASKS)
    torch.testing.assert_close(to_tokens(module(inputs)[0])[:1], to_tokens(module(one)[0]))
    _, trace, _ = module(one, capture=INTERACTION)
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(3))
    _, moved, _ = module(from_tokens(to_tokens(one)[:, order], one), capture=INTERACTION)
    torch.testing.assert_close(moved.written, trace.written[order])
    torch.testing.assert_close(moved.memory_after, trace.memory_after)


@pytest.mark.parametrize("options", RUNGS, ids=str)
def test_padding_neither_competes_nor_is_read(options):
    module, inputs = stable(**options), features()
    mask = torch.zeros(1, PER_TASK, dtype=torch.bool)
    mask[0, 3:11] = True
    _, trace, _ = module(inputs, mask=mask, capture=INTERACTION)
    assert mask[0][trace.picks % PER_TASK].all()
    changed = {task: torch.where(mask.view(1, 1, *GRID), feature, 100.0) for task, feature in inputs.items()}
    _, other, _ = module(changed, mask=mask, capture=INTERACTION)
    torch.testing.assert_close(other.memory_after, trace.memory_after)


@pytest.mark.parametrize("options", RUNGS, ids=str)
def test_more_picks_than_tokens_are_clamped(options):
    _, trace, _ = stable(picks=10_000, **options)(features(), capture=INTERACTION)
    assert trace.picks.shape == (SLOTS, TOKENS)


@pytest.mark.parametrize("options", RUNGS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_compete_and_are_scored_in_float32(options, dtype):
    module = stable(torch.float32, **options)
    half = {task: feature.to(dtype) for task, feature in features(dtype=torch.float32).items()}
    with torch.autocast("cpu", dtype=dtype):
        out, trace, auxiliary = module(half, capture=INTERACTION, labels=labels())
    full = {task: feature.float() for task, feature in half.items()}
    _, exact, loss = module(full, capture=INTERACTION, labels=labels())
    assert all(out[task].dtype == dtype for task in TASKS)
    torch.testing.assert_close(trace.logits, exact.logits)
    torch.testing.assert_close(auxiliary, loss)


@pytest.mark.parametrize("options", RUNGS, ids=str)
def test_the_trace_holds_what_was_compared_and_the_frame(options):
    module, inputs = stable(**options), features()
    _, trace, _ = module(inputs, capture=INTERACTION)
    record = to_arrays(trace).projection
    torch.testing.assert_close(trace.projection.projected, compared(module, inputs))
    assert record.projected.shape == (TOKENS, WIDTH)
    assert record.rung == options["rung"]
    assert sum(record.frame_sizes) == record.frame.shape[1] == record.vertices.shape[1]
    assert dict(zip(record.frame_tasks, record.frame_sizes, strict=False)) == module.frame_tasks
    tokens = from_tokens(module.frame.T.repeat(4, 1)[None, :TOKENS], inputs) if options["rung"] == "literal" else None
    if tokens is not None:  # a token on a vertex of W* arrives at a vertex
        _, on, _ = module(tokens, capture=INTERACTION)
        torch.testing.assert_close(on.projection.projected[:WIDTH], on.projection.vertices.T)


def test_operation_counts_add_the_projections_to_those_of_kem():
    kem = build_interaction("kem", WIDTH, TASKS, {"slots": SLOTS}).operations(PER_TASK)
    square = TOKENS * WIDTH**2
    added = {"literal": (1, 1), "normalised": (2, 2), "learnable": (2, 2)}
    for options in RUNGS[:3]:
        counts = built(**options).operations(PER_TASK)
        used, literal = added[options["rung"]]
        assert counts == {"used": kem["used"] + used * square, "literal": kem["literal"] + literal * square}
    counts = built(**COLLAPSE).operations(PER_TASK)
    assert counts == {"used": kem["used"] + square - SLOTS * WIDTH**2, "literal": kem["literal"]}


def test_parameters_are_those_of_kem_with_the_projection():
    counts = [sum(parameter.numel() for parameter in built(**options).parameters()) for options in RUNGS]
    kem, norms = 6 * WIDTH**2 + SLOTS * WIDTH, 4 * WIDTH
    assert counts == [kem, kem + WIDTH**2 + norms, kem + 2 * WIDTH**2 + norms, kem + norms + 1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"rung": "normalised", "pre_norm": True}, "pre_norm would undo the projection"),
     ({"rung": "learnable", "pre_norm": True}, "pre_norm would undo the projection"),
     ({**COLLAPSE, "values": "projected", "pre_norm": True}, "pre_norm would undo the projection"),
     ({"rung": "literal", "values": "projected"}, "values belongs to rung 'collapse'; leave it out of rung 'literal'"),
     ({**COLLAPSE, "heads": 2}, "compares whole unit vectors"),
     ({**COLLAPSE, "class_lengths": True}, "class_lengths belongs to collapse_loss 'dot_regression'"),
     ({"rung": "collapsed"}, "option 'rung'")],
    ids=str,
)  # fmt: skip
def test_impossible_options_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(OptionError, match=sentence):
        built(**options)
