"""Published protocols, and what must hold for every meter that they build."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mtlviz.errors import OptionError
from mtlviz.metrics import DepthOptions, EdgeOptions, Meter, build_meter, default_options
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.metrics.families import FAMILIES, family_options, protocol_family
from mtlviz.tasks import IGNORE, TASKS
from tests.metrics.label_batches import Example, example

pytestmark = pytest.mark.filterwarnings("ignore:The ``compute`` method")
CASES = [(family, name) for family in FAMILIES for name in family_options(family, TASKS.values())]
BY_BATCH = {("mtan", "depth")}
"""MTAN's own form depends on the size of batches."""


def fed(case: tuple[str, str], batch: Example, size: int) -> Meter:
    family, name = case
    meter = build_meter(TASKS[name], family_options(family, TASKS.values())[name])
    for parts in zip(*(tensor.split(size) for tensor in batch), strict=True):
        meter.update(*parts)
    return meter


def perfect_output(name: str, label: Tensor) -> Tensor:
    if TASKS[name].kind == "classes":
        channels = TASKS[name].channels
        return functional.one_hot(label[:, 0].long().clamp(max=channels - 1), channels).movedim(-1, 1).float()
    return 60.0 * label - 30 if TASKS[name].kind == "binary" else label


def small(name: str) -> Example:
    return example(name, count=4, size=(20, 24))


@pytest.mark.parametrize("case", CASES)
def test_batches_and_processes_do_not_matter(case):
    batch = small(case[1])
    whole = fed(case, batch, 4).compute()
    assert "\n" not in fed(case, batch, 4).protocol
    first, second = (fed(case, tuple(t[part] for t in batch), 1) for part in (slice(0, 1), slice(1, 4)))
    first.merge_state(second)
    if case in BY_BATCH:
        assert first.compute() == pytest.approx(fed(case, batch, 1).compute())
        assert first.compute() != pytest.approx(whole, abs=1e-9)
    else:
        assert first.compute() == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_perfect_predictions_have_perfect_scores(case):
    name = case[1]
    _, label, valid = small(name)
    if TASKS[name].kind == "classes":
        label[0, 0].flatten()[: TASKS[name].channels] = torch.arange(TASKS[name].channels, dtype=torch.uint8)
        valid[0] = True
    if name == "edge":  # as thin as a labelled boundary is
        label = torch.zeros_like(label)
        label[:, :, 10, 3:20] = 1
        valid[:] = True
    scores = fed(case, (perfect_output(name, label), label, valid), 2).compute()
    for metric, value in scores.items():
        if metric == "median_angle":
            assert value <= 0.01
        else:
            assert value == pytest.approx(0 if LOWER_IS_BETTER[metric] else 1, abs=1e-5), metric


@pytest.mark.parametrize("case", CASES)
def test_without_any_label_scores_are_nan(case):
    output, label, valid = small(case[1])
    assert all(math.isnan(value) for value in fed(case, (output, label, valid & False), 2).compute().values())


def test_an_image_of_ignored_labels_changes_nothing():
    output, label, valid = small("semseg")
    label[2] = IGNORE
    kept = [0, 1, 3]
    case = ("atrc", "semseg")
    assert (
        fed(case, (output, label, valid), 4).compute()
        == fed(case, (output[kept], label[kept], valid[kept]), 4).compute()
    )


def test_families_differ_where_the_literature_does():
    def headline(family: str, name: str) -> str:
        return family_options(family, TASKS.values())[name].headline

    assert headline("vandenhende", "saliency") == "sal_miou"
    assert headline("atrc", "saliency") == "max_f"
    assert headline("invpt", "saliency") == "max_f_second_sigmoid"
    assert protocol_family("mtformer").depth.cap == 6.5535
    assert protocol_family("vandenhende").depth.cap is None
    assert "saliency" not in family_options("mtan", TASKS.values())


@pytest.mark.parametrize(("variant", "tolerance"), [("NYUD_MT, 480x640", 0.011), ("PASCAL_MT", 0.0075), ("", 0.0075)])
def test_the_tolerance_of_edges_is_that_of_the_data_set(variant, tolerance):
    options = family_options("atrc", [TASKS["edge"]], variant)["edge"]
    assert isinstance(options, EdgeOptions)
    assert options.tolerance == tolerance


def test_an_unknown_family_is_answered_with_the_nearest():
    with pytest.raises(OptionError, match="did you mean 'mtformer'"):
        protocol_family("mtfromer")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_the_headline_of_the_defaults_is_the_task_s(task):
    assert default_options(task).headline == build_meter(task).headline == task.metric


def test_a_task_may_name_any_metric_of_its_kind():
    other = dataclasses.replace(TASKS["depth"], metric="delta3", higher_is_better=True)
    assert build_meter(other).headline == "delta3"
    with pytest.raises(OptionError, match=r"'miou', which no meter of kind 'depth' computes; choose one of rmse"):
        build_meter(dataclasses.replace(TASKS["depth"], metric="miou"))


def test_options_of_another_kind_are_refused():
    with pytest.raises(OptionError, match="'semseg' is of kind 'classes', but DepthOptions"):
        build_meter(TASKS["semseg"], DepthOptions())
