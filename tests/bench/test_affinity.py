"""CTAL's two computations in the bench: the same function, counted bytes, and the sizes that the bars are about."""

from functools import partial

import pytest
import torch

from mtlviz.bench import affinity as part
from mtlviz.bench import run
from mtlviz.bench.affinity import FORMS, WHOLE, build, counted_peak, features
from mtlviz.bench.catalogue import AFFINITY_SIZES, AffinitySize
from mtlviz.bench.contenders import step
from mtlviz.bench.live_bytes import LiveBytes, peak_bytes

SMALL = AffinitySize((12, 16), tasks=3, width=6, channels=4)
COUNT = 12 * 16


@pytest.mark.parametrize("whole", ["", WHOLE])
def test_both_forms_are_one_function(whole):
    torch.manual_seed(0)
    dense, linear = (build(form + whole, SMALL) for form in FORMS)
    linear.load_state_dict(dense.state_dict())
    inputs = features("dense" + whole, SMALL, training=False)
    with torch.inference_mode():
        one, other = (module(inputs)[0] for module in (dense, linear))
    for task in inputs:
        torch.testing.assert_close(one[task], other[task], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", [form + whole for form in FORMS for whole in ("", WHOLE)])
def test_counting_on_shapes_equals_counting_on_numbers(name, training):
    module, inputs = build(name, SMALL), features(name, SMALL, training=training)
    with LiveBytes() as live:
        step(module, list(module.parameters()), inputs, training)
    counted = peak_bytes(module, partial(features, name, SMALL, training=training), step, training)
    assert counted == live.peak > 0


def test_the_dense_form_holds_one_affinity_its_convolution_and_g():
    values = 4 * COUNT * SMALL.channels * (SMALL.tasks + 2)
    matrices = 3 * 4 * COUNT**2
    assert matrices < counted_peak("dense", SMALL, False) <= matrices + values


def test_the_linear_form_holds_values_results_and_two_features():
    feature = 4 * COUNT * SMALL.channels
    summaries = 2 * 4 * SMALL.tasks * SMALL.channels**2
    peak = counted_peak("linear", SMALL, False)
    assert peak <= (2 * SMALL.tasks + 2) * feature + summaries + 4 * COUNT * 4
    assert peak < 4 * COUNT**2


def test_at_nyu_size_the_linear_form_keeps_the_bar_of_its_memory():
    (found,) = run(["ctal_linear_memory_ratio_nyu"])
    peaks = found.detail["peak_bytes"]
    assert found.value == peaks["dense"] / peaks["linear"]
    assert found.holds
    positions = 72 * 96
    assert found.detail["affinities_of_released_code"] == 7 * 4 * positions**2
    assert peaks["dense"] < found.detail["affinities_of_released_code"]


def test_the_sizes_are_those_of_the_paper_and_of_the_app():
    nyu = AFFINITY_SIZES["nyu"]
    assert (nyu.grid, nyu.tasks, nyu.width, nyu.channels) == ((72, 96), 3, 256, 128)
    assert AFFINITY_SIZES["app"].grid == (128 // 8, 160 // 8)


def test_times_tell_the_whole_module_beside_the_core(monkeypatch):
    monkeypatch.setitem(AFFINITY_SIZES, "app", SMALL)
    found = run(["ctal_linear_speedup_app", "ctal_training_linear_speedup_app"])
    for measurement in found:
        assert measurement.value > 0
        assert set(measurement.detail["ms"]) == {"dense", "linear", "dense_module", "linear_module"}
        assert measurement.detail["ratio_module"] > 0


def test_what_needs_more_memory_than_there_is_says_so(monkeypatch):
    monkeypatch.setattr(part, "free_bytes", lambda: 10**8)
    (found,) = run(["ctal_linear_speedup_nyu"])
    assert found.value is None
    assert "0.1 GB are free" in found.detail["missing"]
