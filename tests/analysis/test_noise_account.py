"""Bias of noise, error of selection and rollout: closed forms and the literal sums."""

from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.attention import attention_rows
from mtlviz.analysis.attention_statistics import row_noise
from mtlviz.analysis.noise.account import account_of_rows
from mtlviz.analysis.noise.diffusion_map import diffusion_numbers
from mtlviz.analysis.noise.maps import map_numbers
from mtlviz.analysis.noise.rollout import rollout_noise, rollout_rows, shares_by_size, shares_by_weight
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.trace import FeatureTrace
from tests.analysis.affinity_traces import case
from tests.analysis.slot_traces import TASKS, half_padding, random_trace, slot_trace
from tests.analysis.test_noise_maps import LABELS, N, S, attention, valid_tokens

EVERY = np.tile(LABELS, len(TASKS))


def contents(seed: int = 7, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(S, width)).astype(np.float32)


def of(trace, labels=LABELS, values=None):
    tokens = valid_tokens(trace)
    rows = attention_rows(trace, tokens)
    return tokens, account_of_rows(trace, tokens, rows, labels, contents() if values is None else values)


@pytest.mark.parametrize("valid", [None, half_padding()], ids=["whole", "padding"])
def test_uniform_reading_leaves_only_the_mean_token(valid):
    """o is the mean token: all signal lost, bias straight to it, no error of selection, variance 1/m."""
    trace = attention(0.0, valid)
    tokens, found = of(trace)
    np.testing.assert_allclose(found.attenuation, 1, atol=1e-4)
    np.testing.assert_allclose(found.toward_mean, 1, atol=1e-4)
    np.testing.assert_allclose(found.selection, 0, atol=1e-5)
    np.testing.assert_allclose(found.bias, found.error, atol=1e-5)
    task, shown = np.arange(S) // N, trace.layout.valid_tokens()
    for index, token in enumerate(tokens):
        candidates = shown & (task != task[token])
        relevant = candidates & (EVERY[token] == EVERY)
        mean, reference = contents()[candidates].mean(0), contents()[relevant].mean(0)
        assert found.bias[index] == pytest.approx(
            np.linalg.norm(mean - reference) / np.linalg.norm(reference), rel=1e-4
        )
        assert found.selection_variance[index] == pytest.approx(1 / relevant.sum(), rel=1e-5)


@pytest.mark.parametrize("eta", [0.0, 0.3, 0.8, 1.0])
def test_attenuation_is_the_noise_mass_where_the_noise_is_read_evenly(eta):
    """o = (1 - eta) r + eta mean: what is missing of the signal is eta, and the bias points to the mean."""
    trace = attention(0.0)
    same = (EVERY[:, None] == EVERY) & (np.arange(S)[:, None] // N != np.arange(S) // N)
    other_tasks = np.arange(S)[:, None] // N != np.arange(S) // N
    rows = (1 - eta) * same / same.sum(1, keepdims=True) + eta * other_tasks / other_tasks.sum(1, keepdims=True)
    found = account_of_rows(trace, np.arange(S), rows, LABELS, contents().astype(np.float64))
    np.testing.assert_allclose(found.attenuation, eta, atol=1e-9)
    np.testing.assert_allclose(found.selection, 0, atol=1e-9)
    if eta:
        np.testing.assert_allclose(found.toward_mean, 1, atol=1e-9)
    else:
        assert np.isnan(found.toward_mean).all()
        np.testing.assert_allclose(found.bias, 0, atol=1e-9)


def test_a_few_equal_picks_of_the_own_label_have_no_bias_and_a_variance_of_one_over_their_number():
    labels = np.repeat([0, 1], [N // 2, N - N // 2]).astype(np.int16)
    trace = slot_trace(np.array([[0, 1, N + 2]]))
    tokens, found = of(trace, labels)
    own = np.tile(labels, len(TASKS))[tokens] == 0
    np.testing.assert_allclose(found.bias[own], 0, atol=1e-6)
    np.testing.assert_allclose(found.selection_variance[own], 1 / 3, rtol=1e-6)
    picked, relevant = contents()[[0, 1, N + 2]].mean(0), contents()[np.tile(labels, len(TASKS)) == 0].mean(0)
    expected = np.linalg.norm(picked - relevant) / np.linalg.norm(relevant)
    np.testing.assert_allclose(found.selection[own], expected, rtol=1e-4)
    # the others read nothing relevant: all of it is bias, and there is no selection to speak of
    np.testing.assert_allclose(found.bias[~own], found.error[~own], rtol=1e-6)
    assert np.isnan(found.selection[~own]).all()
    assert np.isnan(found.selection_variance[~own]).all()


def test_the_error_of_selection_has_the_variance_that_the_weights_say():
    """Mean square of s - r over scatters of the tokens is their variance times (1/K - 1/m), D times."""
    labels = np.zeros(N, np.int16)
    count, width, picks = 150, 16, [0, 7, N + 2, N + 9]
    trace = slot_trace(np.array([picks]))
    rows = attention_rows(trace, [3])
    found = []
    for seed in range(count):
        values = contents(seed, width) + 5
        one = account_of_rows(trace, np.array([3]), rows, labels, values)
        found.append((one.selection[0] * np.linalg.norm(values.mean(0))) ** 2)
    assert np.mean(found) == pytest.approx(width * (1 / len(picks) - 1 / S), rel=0.1)


@pytest.mark.parametrize("trace", [attention(1.5), attention(2.0, half_padding()), random_trace(1)])
def test_both_terms_add_up_and_equal_the_literal_sums(trace):
    labels = np.where(np.arange(N) % 6, LABELS, UNKNOWN)
    every, values = np.tile(labels, len(TASKS)), contents().astype(np.float64)
    tokens, found = of(trace, labels)
    weights = np.asarray(attention_rows(trace, tokens), np.float64) * (every != UNKNOWN)
    task, valid = np.arange(S) // N, trace.layout.valid_tokens()
    for index in np.flatnonzero(every[tokens] != UNKNOWN)[::9]:
        token, row = tokens[index], weights[index]
        allowed = valid & (every != UNKNOWN)
        if hasattr(trace, "queries"):
            allowed = allowed & (task != task[token])
        same = every == every[token]
        read, mean, reference = row @ values / row.sum(), values[allowed].mean(0), values[allowed & same].mean(0)
        size = np.linalg.norm(reference)
        signal, noise = row * same, row * ~same
        assert found.error[index] == pytest.approx(np.linalg.norm(read - reference) / size, rel=1e-4)
        along = (read - mean) @ (reference - mean) / ((reference - mean) @ (reference - mean))
        assert found.attenuation[index] == pytest.approx(1 - along, rel=1e-4, abs=1e-5)
        if signal.sum() > 0:
            relevant = signal @ values / signal.sum()
            eta, others = noise.sum() / row.sum(), noise @ values / max(noise.sum(), 1e-300)
            assert found.bias[index] == pytest.approx(eta * np.linalg.norm(others - relevant) / size, rel=1e-4)
            assert found.selection[index] == pytest.approx(np.linalg.norm(relevant - reference) / size, rel=1e-4)


@pytest.mark.parametrize("residual", [0.0, 0.4, 1.0, -2.0])
@pytest.mark.parametrize("make", [attention, lambda **changes: replace(random_trace(2), **changes)])
def test_rollout_is_the_identity_and_the_map_over_their_sums(make, residual):
    trace = make(residual=residual)
    labels = np.where(np.arange(N) % 6, LABELS, UNKNOWN)
    every, tokens = np.tile(labels, len(TASKS)), np.arange(S)
    weights = np.asarray(attention_rows(trace, tokens), np.float64)
    literal = np.eye(S) + abs(residual) * weights
    literal /= literal.sum(1, keepdims=True)
    np.testing.assert_allclose(rollout_rows(trace, tokens), literal, atol=1e-7)
    mass = weights.sum(1)
    shares = shares_by_weight(mass, residual)
    known = every != UNKNOWN
    labelled = (weights * known).sum(1)
    found = rollout_noise(row_noise(trace, tokens, labels).mass, labelled, mass, shares)
    kept = literal[known] * known
    noisy = (kept * (every[known, None] != every)).sum(1)
    np.testing.assert_allclose(found[known], noisy / kept.sum(1), atol=1e-6)
    assert np.isnan(found[~known]).all()


def test_shares_by_size_are_lengths_and_with_equal_ones_those_by_weight():
    trace = attention(residual=0.5)
    before = np.roll(np.asarray(trace.written), 1, 1)  # as long as what is written
    np.testing.assert_allclose(shares_by_size(trace, before), 0.5 / 1.5, rtol=1e-6)
    np.testing.assert_allclose(shares_by_size(replace(trace, residual=0.0), before), 0)
    rows = rollout_rows(trace, np.arange(S), shares_by_size(trace, before))
    np.testing.assert_allclose(rows, rollout_rows(trace, np.arange(S)), atol=1e-7)


def test_numbers_of_a_map_hold_both_sides_only_with_features():
    trace = attention(1.5)
    places = {"interaction_input": contents().reshape(3, N, -1), "task_encoder": np.asarray(trace.written)[None]}
    features = FeatureTrace(trace.layout, places, dict.fromkeys(places, trace.layout.grid))
    bare, full = map_numbers(trace, {"classes": LABELS}), map_numbers(trace, {"classes": LABELS}, features=features)
    extra = set(full.numbers) - set(bare.numbers)
    of_oracle = {"attenuation", "bias", "toward_mean", "selection", "selection_variance", "error", "rollout_size"}
    assert extra == {"read_share_size"} | {f"{name}:classes" for name in of_oracle}
    _, account = of(trace)
    assert full.numbers["attenuation:classes"] == pytest.approx(np.nanmean(account.attenuation))
    assert full.numbers["read_share_size"] == pytest.approx(0.5)  # written beside itself
    weights = np.asarray(attention_rows(trace, np.arange(S)), np.float64)
    apart = np.linalg.norm(weights - weights.mean(0)) / np.linalg.norm(weights)
    assert full.numbers["rank1_residual"] == pytest.approx(apart, rel=1e-5)
    assert map_numbers(attention(0.0), {}).numbers["rank1_residual"] == pytest.approx(3**-0.5, rel=1e-4)


def test_sizes_of_a_signed_map_are_shared_out_and_equal_sizes_are_chance():
    trace = case().trace
    n = trace.layout.tokens_per_task
    labels = np.arange(n, dtype=np.int16) % 3
    alike = replace(trace, weights=np.zeros_like(trace.weights), bias=-np.ones_like(trace.bias))
    found = diffusion_numbers(alike, {"classes": labels})
    valid = trace.layout.valid_tokens()[:n]
    chance = np.mean([(labels[valid] != label).mean() for label in labels[valid]])
    assert found["size_noise:classes"] == pytest.approx(chance, rel=1e-5)
    assert found["size_chance:classes"] == pytest.approx(chance, rel=1e-5)
    assert found["size_relative:classes"] == pytest.approx(1, rel=1e-5)
    assert found["positive_share"] == 0
    nothing = diffusion_numbers(replace(trace, gamma=0.0), {})
    assert nothing["read_share_size"] == 0
    assert "size_noise:classes" not in nothing
