"""Noise of maps: closed forms for uniform logits, floors, column mass, curves over tokens."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlviz.analysis.attention import attention_rows, logit_half_range, noise_floor, readable
from mtlviz.analysis.attention_statistics import row_noise
from mtlviz.analysis.noise.columns import column_numbers
from mtlviz.analysis.noise.curve import only_places, task_curve, token_curve
from mtlviz.analysis.noise.floors import floors_of_rows, half_ranges, row_floors, write_floor, write_half_range
from mtlviz.analysis.noise.maps import map_numbers
from mtlviz.analysis.noise.names import map_measures
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.edits import Edit
from mtlviz.models.interactions import build_interaction
from mtlviz.trace import INTERACTION, AttentionTrace, TokenLayout, to_arrays
from tests.analysis.slot_traces import GRID, TASKS, half_padding, random_trace, slot_trace

N = GRID[0] * GRID[1]
S = len(TASKS) * N
LABELS = np.random.default_rng(5).integers(0, 4, N).astype(np.int16)


def attention(sharpness: float = 1.0, valid: np.ndarray | None = None, **changes: object) -> AttentionTrace:
    """A trace with random queries and keys; at sharpness 0 all logits are 0."""
    draw = np.random.default_rng(2)
    queries, keys, values, written = (draw.normal(size=(S, 8)).astype(np.float32) for _ in range(4))
    trace = AttentionTrace(TokenLayout(TASKS, GRID, valid), sharpness * queries, keys, values, written, 1.0)
    return replace(trace, **changes)


def valid_tokens(trace) -> np.ndarray:
    return np.flatnonzero(trace.layout.valid_tokens())


@pytest.mark.parametrize("valid", [None, half_padding()], ids=["whole", "padding"])
def test_uniform_logits_give_the_closed_form(valid):
    """Every other task holds all places alike: eta_i = (n - m) / n with the counts of the places."""
    shown = np.ones(N, bool) if valid is None else valid
    alike = np.array([(LABELS[shown] == label).mean() for label in LABELS[shown]])
    numbers = map_numbers(attention(0.0, valid), {"classes": LABELS}).numbers
    for name in ("noise", "chance", "floor"):
        assert numbers[f"{name}:classes"] == pytest.approx((1 - alike).mean(), abs=1e-6)
    assert numbers["relative:classes"] == pytest.approx(1, abs=1e-6)
    assert numbers["half_range"] == 0
    # three tasks that read the two others alike: singular values 1, 1/2, 1/2
    assert numbers["effective_rank"] == pytest.approx(np.exp(1.5 * np.log(2)), rel=1e-5)
    assert numbers["gini"] == pytest.approx(0, abs=1e-6)
    candidates = 2 * shown.sum()
    assert numbers["variance:classes"] == pytest.approx(((1 - alike) / candidates).mean(), abs=1e-7)


def test_uniform_logits_give_the_closed_form_at_every_number_of_tokens():
    for point in token_curve(attention(0.0), LABELS, seed=3):
        assert point.noise == pytest.approx(point.chance, abs=1e-6)
        assert point.floor == pytest.approx(point.chance, abs=1e-6)
        assert point.outside == pytest.approx(point.outside_chance, abs=1e-6)
        assert point.outside_floor == pytest.approx(point.outside_chance, abs=1e-6)


def test_outside_a_fixed_set_uniform_reading_leaves_one_less_m_over_n():
    """Over places the m tokens of the smallest draw stay while n grows."""
    points = token_curve(attention(0.0), LABELS, seed=3)
    first = points[0]
    relevant = (1 - first.outside) * first.candidates
    for point in points:
        assert point.outside == pytest.approx(1 - relevant / point.candidates, abs=1e-6)
    for point in token_curve(attention(1.5), LABELS, seed=3):
        assert 0 < point.outside_floor < point.outside < 1


def silenced(trace):
    """The trace of the same queries and keys with tasks out of the competition."""
    return lambda tasks: replace(trace, silenced=tasks)


def test_uniform_logits_give_the_closed_form_at_every_number_of_tasks():
    """Of the same labels in all k tasks (n - m) / n whatever k; of those in one of them alone 1 - m / (k N)."""
    found = task_curve(silenced(attention(0.0)), LABELS, seed=1, readers=N)
    assert list(found) == [1, 2]
    alike = np.array([(label == LABELS).mean() for label in LABELS])
    for count, point in found.items():
        assert point.candidates == count * N
        for value in (point.noise, point.chance, point.floor):
            assert value == pytest.approx((1 - alike).mean(), abs=1e-6)
        for value in (point.outside, point.outside_chance, point.outside_floor):
            assert value == pytest.approx((1 - alike / count).mean(), abs=1e-6)


@pytest.mark.parametrize("changes", [{}, {"pairwise": True}, {"picks": 2}])
def test_the_curve_over_tasks_ends_where_nobody_is_silenced(changes):
    trace = attention(2.0, half_padding(), **changes)
    found = task_curve(silenced(trace), LABELS, seed=1, readers=N)
    whole = map_numbers(trace, {"classes": LABELS}, rank=False).numbers
    assert found[2].noise == pytest.approx(whole["noise:classes"], rel=1e-5)
    assert found[2].floor == pytest.approx(whole["floor:classes"], rel=1e-5, nan_ok=True)
    assert np.isnan(found[2].floor) == ("picks" in changes)


def test_silenced_tasks_are_no_candidates_of_slots():
    torch.manual_seed(0)
    module = build_interaction("kem", 16, TASKS, {"slots": 5, "picks": 2}).eval()
    features = {task: torch.randn(1, 16, *GRID) for task in TASKS}

    def without(tasks):
        with torch.inference_mode():
            return to_arrays(module(features, capture=INTERACTION, edit=Edit(silenced=tasks))[1])

    trace = without(("depth",))
    candidates = readable(trace, 0).candidates
    np.testing.assert_array_equal(candidates, np.repeat([True, False, True], N))
    assert readable(trace, 0).read.sum() == len(np.unique(trace.picks))
    found = task_curve(without, LABELS, seed=1)
    assert [(count, point.candidates) for count, point in found.items()] == [(1, N), (2, 2 * N), (3, 3 * N)]


@pytest.mark.parametrize("padding", [False, True])
def test_slots_that_read_every_token_have_a_floor_and_keep_above_it(padding):
    torch.manual_seed(0)
    module = build_interaction("kem", 16, TASKS, {"slots": 5, "picks": None}).eval()
    torch.nn.init.normal_(module.memory)
    features = {task: torch.randn(1, 16, *GRID) for task in TASKS}
    mask = torch.from_numpy(half_padding())[None] if padding else None
    with torch.inference_mode():
        trace = to_arrays(module(features, mask=mask, capture=INTERACTION)[1])
    labels = np.where(np.arange(N) % 7, LABELS, UNKNOWN)
    tokens, known = valid_tokens(trace), np.tile(labels, len(TASKS)) != UNKNOWN
    noise = row_noise(trace, tokens, labels)
    floors = floors_of_rows(trace, tokens, noise.chance, known)
    has = np.isfinite(noise.mass)
    assert (noise.mass[has] >= floors[has] - 1e-6).all()
    assert (floors[has] > 0.05).all()
    flat = replace(trace, logits=np.where(np.isfinite(trace.logits), 0, trace.logits), weights=np.where(
        trace.picks >= 0, 1 / len(tokens), 0))  # fmt: skip
    alike = row_noise(flat, tokens, labels)
    np.testing.assert_allclose(alike.mass[has], alike.chance[has], atol=1e-6)
    np.testing.assert_allclose(floors_of_rows(flat, tokens, alike.chance, known)[has], alike.chance[has], atol=1e-6)


def test_the_top_p_curve_of_even_reading_is_p_itself():
    found = map_numbers(attention(0.0), {}).top_p
    for share, (tokens, part) in found.items():
        assert tokens == pytest.approx(np.ceil(round(share * 2 * N, 6)), abs=1)
        assert part == pytest.approx(share, abs=1 / N)
    sharp = [tokens for tokens, _ in map_numbers(attention(3.0), {}).top_p.values()]
    assert sharp == sorted(sharp)
    assert sharp[-1] < 2 * N


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("pairwise", [False, True])
@pytest.mark.parametrize("valid", [None, half_padding()], ids=["whole", "padding"])
def test_no_row_lies_below_its_floor(sharpness, pairwise, valid):
    trace = attention(sharpness, valid, pairwise=pairwise)
    labels = np.where(np.arange(N) % 7, LABELS, UNKNOWN)
    tokens = valid_tokens(trace)
    found = row_noise(trace, tokens, labels)
    known = np.isfinite(found.mass)
    floor = row_floors(found.chance, half_ranges(trace, tokens))
    assert known.any()
    assert (found.mass[known] >= floor[known] - 1e-6).all()


def test_floors_and_ranges_are_those_of_single_rows():
    trace = attention(2.0, half_padding())
    tokens = valid_tokens(trace)
    np.testing.assert_allclose(half_ranges(trace, tokens), [logit_half_range(trace, int(t)) for t in tokens], rtol=1e-5)
    counts = [(9600, 60), (10, 10), (10, 0), (12, 5)]
    chance = np.array([(n - m) / n for n, m in counts])
    expected = [noise_floor(n, m, 1.5) for n, m in counts]
    np.testing.assert_allclose(row_floors(chance, np.full(4, 1.5)), expected, rtol=1e-9)


def test_a_map_that_can_be_zero_has_no_floor():
    labels = {"classes": LABELS}
    for trace in (attention(picks=3), random_trace(0)):
        numbers = map_numbers(trace, labels).numbers
        assert np.isnan(numbers["floor:classes"])
        assert np.isfinite(numbers["noise:classes"])


def test_the_floor_of_write_depends_on_slots_and_logits_alone():
    trace = slot_trace(np.arange(8).reshape(4, 2))
    assert write_half_range(trace) == 0
    assert write_floor(trace) == pytest.approx(3 / 4)
    logits = np.tile([2.0, 0.0, 0.0, -2.0], (S, 1))
    sharp = replace(trace, write=(np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32))
    assert write_half_range(sharp) == pytest.approx(2, rel=1e-5)
    assert write_floor(sharp) == pytest.approx(noise_floor(4, 1, 2.0), rel=1e-5)


@pytest.mark.parametrize("trace", [attention(1.5), random_trace(1)], ids=["attention", "slots"])
def test_numbers_equal_a_literal_sum_over_the_whole_map(trace):
    found = map_numbers(trace, {"classes": LABELS})
    weights = np.asarray(attention_rows(trace, list(range(S))), np.float64)
    every = np.tile(LABELS, len(TASKS))
    other = every[:, None] != every[None]
    assert found.numbers["noise:classes"] == pytest.approx((weights * other).sum(1).mean(), rel=1e-5)
    assert found.numbers["variance:classes"] == pytest.approx((weights**2 * other).sum(1).mean(), rel=1e-5)
    label = int(LABELS[0])
    assert found.classes == found.labels["classes"]
    assert found.classes[label][0] == pytest.approx((weights * other)[every == label].sum(1).mean(), rel=1e-5)
    blocks = (len(TASKS), N, len(TASKS), N)
    read, noisy = (m.reshape(blocks).sum((1, 3)) for m in (weights, weights * other))
    np.testing.assert_allclose(found.sources, read / read.sum(1, keepdims=True), rtol=1e-5)
    some = read > 0
    np.testing.assert_allclose(found.pairs[some], (noisy / np.where(some, read, 1))[some], rtol=1e-5)
    assert np.isnan(found.pairs[~some]).all()
    assert set(found.numbers) <= set(map_measures()) | {"half_range"}


def test_one_sink_holds_everything_and_equal_columns_hold_nothing_more_than_others():
    trace = attention()
    even = column_numbers(trace, np.full(S, 1 / S))
    assert (even["sink"], even["gini"]) == (pytest.approx(1 / S), pytest.approx(0, abs=1e-9))
    one = column_numbers(trace, np.eye(S)[4])
    assert (one["sink"], one["top"]) == (1, 1)
    assert one["gini"] == pytest.approx(1 - 1 / S)


def test_a_token_that_carries_nothing_is_no_sink_by_size():
    trace = attention()
    values = np.ones_like(trace.values)
    values[4] = 0
    columns = np.full(S, 0.1 / (S - 1))
    columns[4] = 0.9
    found = column_numbers(replace(trace, values=values), columns)
    assert found["sink"] == pytest.approx(0.9)
    assert found["value_sink"] == pytest.approx(1 / (S - 1))


def test_fewer_places_are_those_of_a_softmax_over_them():
    trace = attention(1.5)
    kept = np.arange(N) % 3 == 0
    small = only_places(trace, kept)
    rows = attention_rows(small, valid_tokens(small))
    whole = np.asarray(attention_rows(trace, valid_tokens(small))) * np.tile(kept, len(TASKS))
    np.testing.assert_allclose(rows, whole / whole.sum(1, keepdims=True), rtol=1e-4, atol=1e-7)


def test_fewer_places_give_kem_the_picks_of_its_own_competition():
    torch.manual_seed(0)
    module = build_interaction("kem", 16, TASKS, {"slots": 5, "picks": 2}).eval()
    torch.nn.init.normal_(module.memory)
    features = {task: torch.randn(1, 16, *GRID) for task in TASKS}
    kept = torch.arange(N) % 3 == 0
    with torch.inference_mode():
        whole = to_arrays(module(features, capture=INTERACTION)[1])
        expected = to_arrays(module(features, mask=kept[None], capture=INTERACTION)[1])
    found = only_places(whole, kept.numpy())
    np.testing.assert_array_equal(found.picks, expected.picks)
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5)
    assert only_places(whole, np.ones(N, bool)) is whole
