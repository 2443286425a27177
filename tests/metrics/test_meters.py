"""What holds for the meters of all tasks."""

import math

import pytest
import torch

from mtlviz.errors import CheckpointError
from mtlviz.metrics import ConstantFit, Meter, build_constant_meter, build_meter
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import Example, example

pytestmark = pytest.mark.filterwarnings("ignore:The ``compute`` method")


def fed(task: str, batch: Example, size: int) -> Meter:
    meter = build_meter(TASKS[task])
    for parts in zip(*(tensor.split(size) for tensor in batch), strict=True):
        meter.update(*parts)
    return meter


@pytest.mark.parametrize("task", TASKS)
def test_the_size_of_batches_does_not_matter(task):
    batch = example(task)
    whole = fed(task, batch, 6).compute()
    for size in (1, 4):
        assert fed(task, batch, size).compute() == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_merged_meters_equal_one_pass(task):
    batch = example(task)
    first, second = (fed(task, tuple(t[part] for t in batch), 2) for part in (slice(0, 2), slice(2, 6)))
    first.merge_state(second)
    assert first.compute() == pytest.approx(fed(task, batch, 6).compute(), abs=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_reset_forgets_everything(task):
    batch = example(task)
    meter = fed(task, example(task), 6)
    meter.reset()
    meter.update(*batch)
    assert meter.compute() == pytest.approx(fed(task, batch, 6).compute())


@pytest.mark.parametrize("task", TASKS)
def test_invalid_pixels_do_not_count(task):
    output, label, valid = example(task)
    whole = fed(task, (output, label, valid), 6).compute()
    for other in (torch.randn_like(output) * 5 + 6, torch.full_like(output, math.nan)):
        changed = torch.where(valid[:, None], output, other)
        assert fed(task, (changed, label, valid), 6).compute() == pytest.approx(whole)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("task", TASKS)
def test_a_prediction_that_is_no_number_has_no_score_but_an_error(task, value):
    output, label, valid = example(task)
    output[1, 0, 3, 4], valid[1, 3, 4] = value, True
    if TASKS[task].kind == "classes" and value == math.inf:
        fed(task, (output, label, valid), 6)  # a class that is certain
        return
    with pytest.raises(CheckpointError, match=f"prediction of {task} is NaN or infinite at 1 of"):
        fed(task, (output, label, valid), 6)


@pytest.mark.parametrize("task", TASKS)
def test_without_any_label_metrics_are_nan(task):
    output, label, valid = example(task)
    scores = fed(task, (output, label, torch.zeros_like(valid)), 6).compute()
    assert all(math.isnan(value) for value in scores.values())


@pytest.mark.parametrize("task", TASKS)
def test_the_headline_metric_exists_and_has_the_right_direction(task):
    output, label, valid = example(task)
    good = fed(task, (output, label, valid), 6).compute()[TASKS[task].metric]
    bad = fed(task, (output.roll(7, -1), label, valid), 6).compute()[TASKS[task].metric]
    assert (good > bad) == TASKS[task].higher_is_better


@pytest.mark.parametrize("task", TASKS)
def test_the_protocol_is_one_line(task):
    protocol = build_meter(TASKS[task]).protocol
    assert len(protocol) > 30
    assert "\n" not in protocol


@pytest.mark.parametrize("task", TASKS)
def test_what_looks_at_the_image_beats_the_constant(task):
    output, label, valid = example(task)
    fit = ConstantFit(TASKS[task])
    fit.update(label, valid)
    constant = build_constant_meter(fit)
    constant.update(label, valid)
    scores, blind = fed(task, (output, label, valid), 6).compute(), constant.compute()
    assert scores.keys() == blind.keys()
    metric = TASKS[task].metric
    assert (scores[metric] > blind[metric]) == TASKS[task].higher_is_better
