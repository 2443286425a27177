"""KEM against its literal equations and the identities of kem.md part 3."""

import numpy as np
import pytest
import torch

from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import from_tokens, to_tokens
from mtlviz.trace import INTERACTION, to_arrays
from tests.models.literal_kem import literal_kem

TASKS = ("semseg", "depth", "normals")
WIDTH, GRID = 16, (4, 5)
TOKENS = len(TASKS) * GRID[0] * GRID[1]


def kem(seed=0, dtype=torch.float64, **options):
    torch.manual_seed(seed)
    module = build_interaction("kem", WIDTH, TASKS, {"slots": 6, **options}).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))  # away from the tame start
    return module.requires_grad_(False)


def features(batch=1, seed=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return {task: torch.randn(batch, WIDTH, *GRID, generator=generator, dtype=dtype) for task in TASKS}


VARIANTS = [
    {}, {"competition": "mask"}, {"competition": "subtract"}, {"picks": 1}, {"picks": None}, {"slots": 1},
    {"memory": "identity"}, {"pre_norm": True, "temperature": True}, {"residual": 0.5}, {"picks": 59},
    {"learn_residual": True},
]  # fmt: skip


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_folded_form_equals_the_literal_equations(options):
    module, inputs = kem(**options), features()
    out, trace, auxiliary = module(inputs, capture=INTERACTION)
    literal = literal_kem(module, to_tokens(inputs)[0])
    torch.testing.assert_close(to_tokens(out)[0], literal["out"], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(trace.logits, literal["logits"], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(trace.write, literal["write"], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(trace.memory_after, literal["retrieved"], rtol=1e-10, atol=1e-10)
    dense = torch.zeros_like(trace.logits).scatter(1, trace.picks, trace.weights)
    torch.testing.assert_close(dense, literal["retrieve"], rtol=1e-10, atol=1e-10)
    assert auxiliary == {}


def test_gradients_equal_those_of_the_literal_equations():
    module = kem().requires_grad_(True)
    inputs = features()
    to_tokens(module(inputs)[0]).square().sum().backward()
    folded = {name: parameter.grad.clone() for name, parameter in module.named_parameters()}
    module.zero_grad()
    literal_kem(module, to_tokens(inputs)[0])["out"].square().sum().backward()
    for name, parameter in module.named_parameters():
        torch.testing.assert_close(folded[name], parameter.grad, rtol=1e-8, atol=1e-8, msg=name)


def test_every_variant_trains():
    options = [
        {"gate": True}, {"heads": 4}, {"picks_per_task": True}, {"queries_per_task": True}, {"task_embedding": True},
        {"output_projection": True}, {"heads": 2, "gate": True, "picks_per_task": True, "competition": "mask"},
    ]  # fmt: skip
    for option in options:
        module = kem(dtype=torch.float32, **option).requires_grad_(True)
        out, _, _ = module(features(batch=2, dtype=torch.float32))
        to_tokens(out).square().sum().backward()
        assert all(parameter.grad is not None for parameter in module.parameters()), option
        assert all(parameter.grad.isfinite().all() for parameter in module.parameters()), option


def test_all_tokens_picked_equals_dense_softmax():
    inputs = features()
    everything, dense = kem(picks=TOKENS)(inputs)[0], kem(picks=None)(inputs)[0]
    torch.testing.assert_close(to_tokens(everything), to_tokens(dense))
    masked = kem(picks=TOKENS, competition="mask")(inputs)[0]
    torch.testing.assert_close(to_tokens(masked), to_tokens(dense))


def test_renorm_is_mask_over_its_row_sum():
    _, renorm, _ = kem()(features(), capture=INTERACTION)
    _, masked, _ = kem(competition="mask")(features(), capture=INTERACTION)
    assert torch.equal(renorm.picks, masked.picks)
    torch.testing.assert_close(renorm.weights, masked.weights / masked.weights.sum(1, keepdim=True))
    assert (masked.weights.sum(1) < 1).all()


def test_subtract_falls_back_to_renorm_when_nothing_is_left():
    module = kem(competition="subtract")
    module.retrieve_query.weight.zero_()  # all logits equal: every probability is the runner-up's
    _, trace, _ = module(features(), capture=INTERACTION)
    torch.testing.assert_close(trace.weights, torch.full_like(trace.weights, 1 / 3))


def test_one_slot_with_one_pick_copies_one_token():
    module, inputs = kem(slots=1, picks=1), features()
    _, trace, _ = module(inputs, capture=INTERACTION)
    copied = to_tokens(inputs)[0][trace.picks[0, 0]] @ module.retrieve_value.weight.T
    torch.testing.assert_close(trace.memory_after[0], copied)
    torch.testing.assert_close(trace.weights, torch.ones_like(trace.weights))


def test_zero_residual_returns_the_features_bit_for_bit():
    inputs = features()
    for out in (kem(residual=0.0)(inputs)[0], kem()(inputs, edit=Edit(residual=0.0))[0]):
        assert all(torch.equal(out[task], inputs[task]) for task in TASKS)


def test_an_edit_without_fields_changes_nothing():
    inputs = features()
    plain, edited = kem()(inputs)[0], kem()(inputs, edit=Edit())[0]
    assert all(torch.equal(plain[task], edited[task]) for task in TASKS)


def test_permuting_tokens_permutes_what_is_written_and_leaves_the_memory():
    module, inputs = kem(), features()
    order = torch.randperm(TOKENS, generator=torch.Generator().manual_seed(3))
    permuted = from_tokens(to_tokens(inputs)[:, order], inputs)
    _, trace, _ = module(inputs, capture=INTERACTION)
    _, moved, _ = module(permuted, capture=INTERACTION)
    torch.testing.assert_close(moved.written, trace.written[order])
    torch.testing.assert_close(moved.memory_after, trace.memory_after)


def test_permuting_slots_leaves_what_is_written():
    module, inputs = kem(), features()
    _, before, _ = module(inputs, capture=INTERACTION)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(4))
    module.memory.copy_(module.memory[order])
    _, after, _ = module(inputs, capture=INTERACTION)
    torch.testing.assert_close(after.written, before.written)
    assert torch.equal(after.picks, before.picks[order])


def test_more_picks_than_tokens_are_clamped():
    _, trace, _ = kem(picks=10_000)(features(), capture=INTERACTION)
    assert trace.picks.shape == (6, TOKENS)


def test_ties_go_to_the_lower_index():
    module = kem()
    module.retrieve_query.weight.zero_()
    _, trace, _ = module(features(), capture=INTERACTION)
    assert trace.picks.tolist() == [[0, 1, 2]] * 6


def test_padding_neither_competes_nor_is_read():
    module = kem(picks=5)
    mask = torch.zeros(1, GRID[0] * GRID[1], dtype=torch.bool)
    mask[0, 3:11] = True
    inputs = features()
    _, trace, _ = module(inputs, mask=mask, capture=INTERACTION)
    assert mask[0][trace.picks % mask.shape[1]].all()
    changed = {task: torch.where(mask.view(1, 1, *GRID), feature, 100.0) for task, feature in inputs.items()}
    _, other, _ = module(changed, mask=mask, capture=INTERACTION)
    torch.testing.assert_close(other.memory_after, trace.memory_after)


def test_fewer_tokens_than_picks_leave_empty_picks_with_no_weight():
    mask = torch.zeros(1, GRID[0] * GRID[1], dtype=torch.bool)
    mask[0, 7] = True  # one token a task
    _, trace, _ = kem(picks=5)(features(), mask=mask, capture=INTERACTION)
    assert (trace.picks[:, 3:] == -1).all()
    assert (trace.weights[:, 3:] == 0).all()
    torch.testing.assert_close(trace.weights.sum(1), torch.ones(6, dtype=torch.float64))


def test_padding_does_not_enter_the_gate():
    module = kem(gate=True)
    mask = torch.ones(1, GRID[0] * GRID[1], dtype=torch.bool)
    mask[0, -5:] = False
    inputs = features()
    changed = {task: torch.where(mask.view(1, 1, *GRID), feature, -50.0) for task, feature in inputs.items()}
    _, one, _ = module(inputs, mask=mask, capture=INTERACTION)
    _, other, _ = module(changed, mask=mask, capture=INTERACTION)
    torch.testing.assert_close(one.memory_after, other.memory_after)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_features_compete_in_float32(dtype):
    module = kem(dtype=torch.float32)
    half = features(dtype=torch.float32)
    half = {task: feature.to(dtype) for task, feature in half.items()}
    out, trace, _ = module(half, capture=INTERACTION)
    exact, _, _ = module({task: feature.float() for task, feature in half.items()})
    assert trace.logits.dtype == torch.float32
    assert all(out[task].dtype == dtype for task in TASKS)
    for task in TASKS:
        torch.testing.assert_close(out[task].float(), exact[task], rtol=1e-2, atol=1e-2)


def test_large_logits_do_not_overflow():
    module = kem(dtype=torch.float32)
    out, trace, _ = module({t: 1e4 * f for t, f in features(dtype=torch.float32).items()}, capture=INTERACTION)
    assert all(feature.isfinite().all() for feature in out.values())
    torch.testing.assert_close(trace.write.sum(1), torch.ones(TOKENS))


def test_picks_per_task_gives_every_task_its_share():
    _, trace, _ = kem(picks_per_task=True, picks=2)(features(), capture=INTERACTION)
    per_task = trace.picks // (GRID[0] * GRID[1])
    assert trace.picks.shape == (6, 6)
    assert all(sorted(row.tolist()) == [0, 0, 1, 1, 2, 2] for row in per_task)
    torch.testing.assert_close(trace.weights.sum(1), torch.ones(6, dtype=torch.float64))


def test_heads_capture_the_head_asked_for():
    module = kem(heads=4)
    traces = [module(features(), capture=INTERACTION.__class__(head=head))[1] for head in range(4)]
    for trace in traces:
        torch.testing.assert_close(trace.write.sum(1), torch.ones(TOKENS, dtype=torch.float64))
    assert not torch.equal(traces[0].logits, traces[1].logits)


def test_one_query_map_for_all_equals_equal_maps_for_each():
    shared, own = kem(), kem(queries_per_task=True)
    own.load_state_dict({**shared.state_dict(), "write_query.weight": shared.write_query.weight.repeat(3, 1)})
    one, other = shared(features())[0], own(features())[0]
    torch.testing.assert_close(to_tokens(one), to_tokens(other))


def test_batch_rows_are_independent():
    module, inputs = kem(), features(batch=3)
    together = to_tokens(module(inputs)[0])
    alone = [to_tokens(module({t: f[i : i + 1] for t, f in inputs.items()})[0]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_trace_leaves_the_module_as_arrays_and_describes_one_image():
    _, trace, _ = kem()(features(), capture=INTERACTION)
    arrays = to_arrays(trace)
    assert isinstance(arrays.write, np.ndarray)
    assert arrays.layout.grid == GRID
    assert arrays.layout.place(arrays.layout.token("depth", 2, 3)) == ("depth", 2, 3)
    with pytest.raises(ValueError, match="one image"):
        kem()(features(batch=2), capture=INTERACTION)


def test_operation_counts_follow_the_formulas():
    counts = build_interaction("kem", 256, ("a", "b"), {}).operations(4800)
    slots, tokens, width = 20, 9600, 256
    assert counts["literal"] == 4 * slots * tokens * width + 3 * tokens * width**2 + 3 * slots * width**2
    assert counts["used"] == 3 * slots * tokens * width + slots * 3 * width + 6 * slots * width**2
    everything = build_interaction("kem", 256, ("a", "b"), {"picks": None, "picks_per_task": True}).operations(4800)
    assert everything["used"] - counts["used"] == slots * (tokens - 3) * width


@pytest.mark.parametrize(
    ("options", "named"),
    [({"slots": 0}, "slots"), ({"competition": "hard"}, "competition"), ({"slot": 3}, "slot"),
     ({"picks_per_task": True, "competition": "subtract"}, "options")],
)  # fmt: skip
def test_impossible_options_are_named(options, named):
    with pytest.raises(OptionError, match=named):
        build_interaction("kem", WIDTH, TASKS, options)
