"""What must hold for every metric: perfect is perfect, and neither batches nor processes matter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mtlviz.metrics import (
    ClassOptions,
    DepthOptions,
    EdgeOptions,
    Meter,
    MeterOptions,
    NormalOptions,
    SaliencyOptions,
    build_meter,
)
from mtlviz.metrics.delta_m import LOWER_IS_BETTER
from mtlviz.tasks import TASKS
from tests.metrics.label_batches import Example, example

CLASSES = ("miou", "pixel_accuracy")
DEPTH = ("rmse", "log_rmse", "abs_err", "abs_rel", "sq_rel", "delta1", "delta2", "delta3")
NORMALS = ("mean_angle", "median_angle", "rmse_angle", "within_11.25", "within_22.5", "within_30")
SALIENCY = ("max_f", "sal_miou", "max_f_image", "max_f_second_sigmoid")
EDGE = ("edge_f", "edge_bce", "ods_f", "ois_f", "edge_ap", "bf_score")

CASES: dict[str, tuple[str, MeterOptions]] = {
    "segments": ("semseg", ClassOptions(metrics=CLASSES)),
    "segments, absent left out": ("semseg", ClassOptions(metrics=CLASSES, absent="nan")),
    "parts": ("human_parts", ClassOptions(metrics=CLASSES, skip_background=True)),
    "depth": ("depth", DepthOptions(metrics=DEPTH)),
    "depth in a range": ("depth", DepthOptions(metrics=DEPTH, closest=1.5, cap=4.0, clamp=(1.5, 4.0))),
    "depth by image": ("depth", DepthOptions(metrics=DEPTH, pooling="images")),
    "depth to scale": ("depth", DepthOptions(metrics=DEPTH, median_scaling=True)),
    "normals": ("normals", NormalOptions(metrics=NORMALS)),
    "normals, exact median": ("normals", NormalOptions(metrics=NORMALS, bin=None)),
    "saliency": ("saliency", SaliencyOptions(metrics=SALIENCY)),
    "edges": ("edge", EdgeOptions(metrics=EDGE, steps=9)),
    "edges as published": ("edge", EdgeOptions(metrics=EDGE, steps=9, eight_bit=True, thin_truth=False)),
    "edges after suppression": ("edge", EdgeOptions(metrics=EDGE, steps=9, suppress=True)),
}
"""Every metric there is, and every option that changes how it is counted; MTAN's average of batches is its own test."""


def batch_of(case: str) -> Example:
    """Four images, the last without any label; edges are lines, since other labels cannot be thin."""
    torch.manual_seed(3)
    task = CASES[case][0]
    output, label, valid = example(task, count=4, size=(20, 24))
    if task == "edge":
        label = torch.zeros_like(label)
        label[:, :, 10, 3:20] = 1
        valid[:] = True
    if TASKS[task].kind == "classes":  # every class is somewhere
        label[0, 0].flatten()[: TASKS[task].channels] = torch.arange(TASKS[task].channels, dtype=torch.uint8)
        valid[0] = True
    valid[3] = False
    return output, label, valid


def fed(case: str, batch: Example, size: int) -> Meter:
    task, options = CASES[case]
    meter = build_meter(TASKS[task], options)
    for parts in zip(*(tensor.split(size) for tensor in batch), strict=True):
        meter.update(*parts)
    return meter


def perfect(case: str, label: Tensor) -> Tensor:
    task = TASKS[CASES[case][0]]
    if task.kind == "classes":
        return functional.one_hot(label[:, 0].long().clamp(max=task.channels - 1), task.channels).movedim(-1, 1).float()
    return 60.0 * label - 30 if task.kind == "binary" else label


def test_every_metric_there_is_is_among_the_cases():
    assert {metric for _, options in CASES.values() for metric in options.metrics} == set(LOWER_IS_BETTER)


@pytest.mark.parametrize("case", CASES)
def test_a_perfect_prediction_has_perfect_scores(case):
    _, label, valid = batch_of(case)
    for metric, value in fed(case, (perfect(case, label), label, valid), 2).compute().items():
        best = 0 if LOWER_IS_BETTER[metric] else 1
        tolerance = 0.01 if metric == "median_angle" else 1e-5  # half a bin
        assert value == pytest.approx(best, abs=tolerance), metric


@pytest.mark.parametrize("case", CASES)
def test_the_size_of_batches_does_not_matter(case):
    batch = batch_of(case)
    whole = fed(case, batch, 4).compute()
    assert all(value == value for value in whole.values())
    for size in (1, 3):
        assert fed(case, batch, size).compute() == pytest.approx(whole, abs=1e-12), size


def in_one_of_two_processes(rank: int, meeting: str, out: str) -> None:
    """Score every other image of every case, meet the other process, and write what both found together."""
    torch.distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=2)
    found = {}
    for case in CASES:
        mine = tuple(tensor[rank::2] for tensor in batch_of(case))
        with (meter := fed(case, mine, 2)).sync_context():
            found[case] = meter.compute()
    Path(out, f"{rank}.json").write_text(json.dumps(found))
    torch.distributed.destroy_process_group()


def test_two_processes_find_what_one_finds(tmp_path):
    code = "import sys; from tests.metrics.test_every_metric import in_one_of_two_processes as run; "
    arguments = [str(tmp_path / "meeting"), str(tmp_path)]
    started = [
        subprocess.Popen([sys.executable, "-c", f"{code}run({rank}, *sys.argv[1:])", *arguments]) for rank in (0, 1)
    ]
    assert [process.wait(240) for process in started] == [0, 0]
    for rank in (0, 1):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        for case in CASES:
            assert found[case] == pytest.approx(fed(case, batch_of(case), 4).compute(), abs=1e-12), (case, rank)
