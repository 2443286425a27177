"""Pair-wise cross-attention against a softmax for each pair of tasks."""

import pytest
import torch

from mtlviz.analysis.attention import attention_rows
from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import to_tokens
from mtlviz.trace import INTERACTION, to_arrays

TASKS = ("semseg", "depth", "normals")
WIDTH, GRID = 16, (3, 4)
N = GRID[0] * GRID[1]


def module():
    torch.manual_seed(0)
    attention = build_interaction("pair_attention", WIDTH, TASKS, {}).double().requires_grad_(False)
    attention.output_weight.normal_()
    attention.output_bias.normal_()
    return attention


def features(batch=1):
    generator = torch.Generator().manual_seed(1)
    return {task: torch.randn(batch, WIDTH, *GRID, generator=generator, dtype=torch.float64) for task in TASKS}


def padding():
    mask = torch.ones(1, N, dtype=torch.bool)
    mask[0, :5] = False
    return mask


def written_pair_by_pair(attention, rows, mask):
    out = []
    for t in range(len(TASKS)):
        query = rows[t] @ attention.query_weight[t].T + attention.query_bias[t]
        pairs = []
        for s in range(len(TASKS)):
            if s == t:
                continue
            key = rows[s] @ attention.key_weight[s].T + attention.key_bias[s]
            value = rows[s] @ attention.value_weight[s].T + attention.value_bias[s]
            logits = query @ key.T / WIDTH**0.5
            pairs.append(logits[:, mask].softmax(-1) @ value[mask])
        out.append(sum(pairs) / len(pairs) @ attention.output_weight[t].T + attention.output_bias[t])
    return torch.cat(out)


@pytest.mark.parametrize("masked", [False, True])
def test_equals_one_softmax_for_each_pair_of_tasks(masked):
    attention, inputs = module(), features()
    mask = padding() if masked else None
    out, trace, _ = attention(inputs, mask=mask, capture=INTERACTION)
    rows = to_tokens(inputs)[0]
    expected = written_pair_by_pair(attention, rows.split(N), mask[0] if masked else torch.ones(N, dtype=torch.bool))
    torch.testing.assert_close(trace.written, expected)
    torch.testing.assert_close(to_tokens(out)[0], rows + expected)


def test_rows_of_the_trace_are_the_weights_that_were_used():
    attention, inputs = module(), features()
    _, trace, _ = attention(inputs, mask=padding(), capture=INTERACTION)
    rows = torch.from_numpy(attention_rows(to_arrays(trace), list(range(3 * N)))).double()
    torch.testing.assert_close(rows.sum(1), torch.ones(3 * N, dtype=torch.float64))
    mixed = (rows @ trace.values).unflatten(0, (3, -1))[None]
    torch.testing.assert_close(attention._mapped("output", mixed)[0].flatten(0, 1), trace.written, rtol=1e-4, atol=1e-5)


def test_every_other_task_gives_the_same_share():
    _, trace, _ = module()(features(), capture=INTERACTION)
    shares = attention_rows(to_arrays(trace), list(range(3 * N))).reshape(3, N, 3, N).sum(-1)
    expected = (1 - torch.eye(3))[:, None].expand(3, N, 3) / 2
    torch.testing.assert_close(torch.from_numpy(shares), expected.float(), rtol=1e-5, atol=0)


def test_starts_as_hard_sharing_and_can_be_switched_off():
    inputs = features()
    fresh = build_interaction("pair_attention", WIDTH, TASKS, {}).double()
    for out in (fresh(inputs)[0], module()(inputs, edit=Edit(residual=0.0))[0]):
        assert all(torch.equal(out[task], inputs[task]) for task in TASKS)


def test_counts_equal_their_formulas():
    attention = module()
    assert sum(p.numel() for p in attention.parameters()) == 3 * 4 * (WIDTH**2 + WIDTH)
    assert attention.operations(N)["used"] == 2 * 6 * N**2 * WIDTH + 12 * N * WIDTH**2


def test_one_task_alone_is_refused():
    with pytest.raises(OptionError, match="two tasks"):
        build_interaction("pair_attention", WIDTH, ("depth",), {})
