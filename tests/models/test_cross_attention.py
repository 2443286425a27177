"""Cross-attention against a dense masked softmax over all tokens."""

import pytest
import torch

from mtlviz.analysis.attention import attention_rows, readable
from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import to_tokens
from mtlviz.trace import INTERACTION, to_arrays

TASKS = ("semseg", "depth", "normals")
WIDTH, GRID = 16, (3, 4)
PER_TASK = GRID[0] * GRID[1]


def module(**options):
    torch.manual_seed(0)
    return build_interaction("cross_attention", WIDTH, TASKS, options).double().requires_grad_(False)


def features(batch=1):
    generator = torch.Generator().manual_seed(1)
    return {task: torch.randn(batch, WIDTH, *GRID, generator=generator, dtype=torch.float64) for task in TASKS}


def dense_weights(trace, mask=None):
    task = torch.arange(len(TASKS)).repeat_interleave(PER_TASK)
    logits = trace.queries @ trace.keys.T / WIDTH**0.5
    forbidden = task[:, None] == task[None]
    if mask is not None:
        forbidden = forbidden | ~mask.repeat(len(TASKS))[None]
    return logits.masked_fill(forbidden, -torch.inf).softmax(-1)


@pytest.mark.parametrize(
    "options", [{}, {"pre_norm": True, "temperature": True}, {"value_factor": 1}, {"picks": 100}], ids=str
)
def test_equals_one_masked_softmax_over_all_tokens(options):
    attention, inputs = module(**options), features()
    out, trace, _ = attention(inputs, capture=INTERACTION)
    written = attention.output(dense_weights(trace) @ trace.values)
    torch.testing.assert_close(trace.written, written)
    torch.testing.assert_close(to_tokens(out)[0], to_tokens(inputs)[0] + written)


def test_padding_is_not_read():
    attention, inputs = module(), features()
    mask = torch.ones(1, PER_TASK, dtype=torch.bool)
    mask[0, :5] = False
    _, trace, _ = attention(inputs, mask=mask, capture=INTERACTION)
    torch.testing.assert_close(trace.written, attention.output(dense_weights(trace, mask[0]) @ trace.values))


def test_with_picks_a_token_reads_only_what_it_likes_best():
    attention, inputs = module(picks=3), features()
    mask = torch.ones(1, PER_TASK, dtype=torch.bool)
    mask[0, :5] = False
    _, trace, _ = attention(inputs, mask=mask, capture=INTERACTION)
    dense = dense_weights(trace, mask[0])
    kept = torch.zeros_like(dense).scatter(1, dense.topk(3).indices, 1.0)
    weights = dense * kept / (dense * kept).sum(1, keepdim=True)
    torch.testing.assert_close(trace.written, attention.output(weights @ trace.values))
    rows = torch.from_numpy(attention_rows(to_arrays(trace), list(range(3 * PER_TASK))))
    torch.testing.assert_close(rows, weights.float())
    assert readable(to_arrays(trace), 0).read.sum() == 3


def test_with_few_picks_gradients_flow_through_them():
    attention = module(picks=1).requires_grad_(True)
    inputs = {task: feature.requires_grad_() for task, feature in features().items()}
    to_tokens(attention(inputs)[0]).square().sum().backward()
    assert all(torch.isfinite(feature.grad).all() for feature in inputs.values())
    assert attention.value.weight.grad.abs().sum() > 0


def test_no_token_reads_its_own_task():
    attention, inputs = module(), features()
    _, before, _ = attention(inputs, capture=INTERACTION)
    changed = {**inputs, "depth": inputs["depth"].roll(1, -1)}
    _, after, _ = attention(changed, capture=INTERACTION)
    own = slice(PER_TASK, 2 * PER_TASK)
    moved = torch.arange(PER_TASK).reshape(GRID).roll(1, 1).flatten()
    torch.testing.assert_close(after.written[own], before.written[own][moved])


def test_zero_residual_returns_the_features():
    inputs = features()
    out, _, _ = module()(inputs, edit=Edit(residual=0.0))
    assert all(torch.equal(out[task], inputs[task]) for task in TASKS)


def test_parameters_come_close_to_those_of_kem():
    count = {
        name: sum(p.numel() for p in build_interaction(name, 64, TASKS, {}).parameters())
        for name in ("kem", "cross_attention")
    }
    assert count["cross_attention"] == 6 * 64**2
    assert count["kem"] == 6 * 64**2 + 20 * 64


def test_operations_count_the_attention_over_other_tasks():
    tokens, others = 3 * PER_TASK, 2 * PER_TASK
    expected = 3 * tokens * others * WIDTH + 6 * tokens * WIDTH**2
    assert module().operations(PER_TASK)["used"] == expected


def test_one_task_alone_is_refused():
    with pytest.raises(OptionError, match="two tasks"):
        build_interaction("cross_attention", WIDTH, ("depth",), {})


def test_an_unknown_interaction_names_the_known_ones():
    with pytest.raises(OptionError, match=r"cross_attention, .*kem, none"):
        build_interaction("attention", WIDTH, TASKS, {})
