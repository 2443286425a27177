"""What a token reads: rows of cross-attention and of KEM against the modules themselves and closed forms."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.attention import attention_rows, logit_half_range, noise_floor, readable, row_blocks
from mtlviz.models.interactions import build_interaction
from mtlviz.trace import Capture, InteractionTrace, to_arrays

TASKS = ("semseg", "depth", "normals")
GRID = (4, 5)
WIDTH = 16
N = GRID[0] * GRID[1]
S = len(TASKS) * N


def traced(name: str, mask: torch.Tensor | None = None, **options: object) -> tuple[torch.nn.Module, InteractionTrace]:
    torch.manual_seed(1)
    module = build_interaction(name, WIDTH, TASKS, options).eval()
    features = {task: torch.randn(1, WIDTH, *GRID) for task in TASKS}
    with torch.no_grad():
        _, trace, _ = module(features, mask=mask, capture=Capture())
    return module, to_arrays(trace)


def padding(*places: int) -> torch.Tensor:
    mask = torch.ones(1, N, dtype=torch.bool)
    mask[0, list(places)] = False
    return mask


@pytest.mark.parametrize("options", [{}, {"pre_norm": True, "temperature": True}])
@pytest.mark.parametrize("mask", [None, padding(0, 1, 19)])
def test_rows_times_values_reproduce_what_cross_attention_wrote(
    mask: torch.Tensor | None, options: dict[str, bool]
) -> None:
    module, trace = traced("cross_attention", mask, **options)
    rows = attention_rows(trace, np.arange(S))
    written = rows @ trace.values @ module.output.weight.detach().numpy().T
    np.testing.assert_allclose(written, trace.written, atol=1e-5)


@pytest.mark.parametrize("mask", [None, padding(2, 3)])
def test_rows_times_tokens_reproduce_what_kem_wrote(mask: torch.Tensor | None) -> None:
    module, trace = traced("kem", mask, slots=6)
    torch.manual_seed(1)
    build_interaction("kem", WIDTH, TASKS, {"slots": 6})
    tokens = np.concatenate([torch.randn(1, WIDTH, *GRID).flatten(2)[0].T.numpy() for _ in TASKS])
    maps = (module.retrieve_value.weight, module.write_value.weight)
    retrieve, write = (weight.detach().numpy() for weight in maps)
    written = attention_rows(trace, np.arange(S)) @ tokens @ retrieve.T @ write.T
    np.testing.assert_allclose(written, trace.written, atol=1e-5)


def test_cross_attention_reads_no_token_of_its_own_task_and_no_padding() -> None:
    _, trace = traced("cross_attention", padding(7))
    rows = attention_rows(trace, np.arange(S))
    for task in range(len(TASKS)):
        own = slice(task * N, (task + 1) * N)
        assert not rows[own, own].any()
    assert not rows[:, 7::N].any()
    np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-5)


def test_readable_tokens_are_the_other_tasks_for_cross_attention() -> None:
    _, trace = traced("cross_attention", padding(7))
    there = readable(trace, N + 3)
    assert there.candidates.sum() == 2 * (N - 1)
    assert not there.candidates[N : 2 * N].any()
    np.testing.assert_array_equal(there.read, there.candidates)
    np.testing.assert_array_equal(attention_rows(trace, [N + 3])[0] > 0, there.read)


def test_readable_tokens_of_kem_are_its_picks_among_all_valid_tokens() -> None:
    _, trace = traced("kem", padding(7), slots=4, picks=2)
    there = readable(trace, 3)
    assert there.candidates.sum() == 3 * (N - 1)
    assert there.read.sum() == len(np.unique(trace.picks)) <= 8
    assert not (there.read & ~there.candidates).any()
    np.testing.assert_array_equal(attention_rows(trace, [3])[0] > 0, there.read)


@pytest.mark.parametrize("name", ["kem", "cross_attention"])
def test_blocks_of_rows_equal_the_rows_and_leave_out_padding(name: str) -> None:
    _, trace = traced(name, padding(0, 5))
    valid = np.flatnonzero(trace.layout.valid_tokens())
    blocks = list(row_blocks(trace, entries=7 * S))
    assert max(len(tokens) for tokens, _ in blocks) == 7
    np.testing.assert_array_equal(np.concatenate([tokens for tokens, _ in blocks]), valid)
    rows = np.concatenate([rows for _, rows in blocks])
    np.testing.assert_allclose(rows, attention_rows(trace, valid), rtol=1e-5)


def test_a_token_that_does_not_exist_is_refused() -> None:
    _, trace = traced("cross_attention")
    with pytest.raises(IndexError, match=r"outside 0\.\.59"):
        attention_rows(trace, [S])


def test_noise_floor_matches_the_published_values() -> None:
    """kem.md 2.6: n = 9600 and m = 60 give .956, .744, .283 and .051 for B = 1, 2, 3, 4."""
    floors = [noise_floor(9600, 60, half_range) for half_range in (1, 2, 3, 4)]
    np.testing.assert_allclose(floors, (0.956, 0.744, 0.283, 0.051), atol=6e-4)
    assert noise_floor(10, 10, 1.0) == 0
    assert noise_floor(10, 0, 1.0) == 1


def test_no_row_is_less_noisy_than_its_floor() -> None:
    _, trace = traced("cross_attention")
    rng = np.random.default_rng(0)
    for token in (0, N, S - 1):
        candidates = readable(trace, token).candidates
        relevant = candidates & (rng.random(S) < 0.2)
        mass = attention_rows(trace, [token])[0, ~relevant].sum()
        floor = noise_floor(int(candidates.sum()), int(relevant.sum()), logit_half_range(trace, token))
        assert mass >= floor - 1e-6
