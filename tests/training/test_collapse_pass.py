import json

import numpy as np
import pytest
import torch

from mtlviz.analysis.collapse.names import STATISTICS
from mtlviz.analysis.collapse.record import Protocol, read_log
from mtlviz.data.rooms import Rooms
from mtlviz.errors import OptionError
from mtlviz.tasks import IGNORE
from mtlviz.trace import PLACES
from mtlviz.training import build_network, train
from mtlviz.training.collapse_log import log_statistics
from mtlviz.training.collapse_pass import CollapsePass, Normalisation, collapse_statistics, keyed_batch
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD
from mtlviz.training.data import normalised
from tests.analysis import collapse_direct as direct
from tests.training.tiny import tiny_config

NORM = Normalisation(IMAGENET_MEAN, IMAGENET_STD)
TASKS = ["semseg", "depth", "normals", "human_parts"]


@pytest.fixture(scope="module")
def config(rooms):
    return tiny_config(rooms, tasks=TASKS)


@pytest.fixture(scope="module")
def network(config):
    return build_network(config).eval()


@pytest.fixture(scope="module")
def val(rooms):
    return Rooms(rooms / "val")


@pytest.fixture(scope="module")
def found(network, val, config):
    return collapse_statistics(network, val, config.task_list(), norm=NORM, batch=2)


def numbers(found):
    """By task, place, key and weighting; those that are not defined left out."""
    return {
        (task, place, key, weighting): value
        for task, places in log_statistics(found).items()
        for place, keys in places.items()
        for key, weightings in keys.items()
        for weighting, value in weightings.items()
        if value is not None
    }


def test_every_task_has_every_statistic_at_every_place(found):
    assert list(found.classes) == ["semseg", "human_parts"]
    assert list(found.regression) == ["depth", "normals"]
    for task in found.classes.values():
        assert tuple(task.places) == PLACES
        for place, part in task.places.items():
            expected = [
                one.key for one in STATISTICS.values() if one.family != "nrc" and place in (one.places or PLACES)
            ]
            assert list(part.statistics) == expected
    assert set(found.regression["normals"].places["decoder"].statistics) == {"nrc1", "nrc2", "nrc3"}
    assert set(found.regression["depth"].places["decoder"].statistics) == {"nrc1", "nrc2"}


def test_statistics_with_a_band_lie_in_it_and_the_others_have_none(found):
    for task in found.classes.values():
        for part in task.places.values():
            for key, one in part.statistics.items():
                for number in (one.balanced, one.pixel):
                    if number.value is not None and STATISTICS[key].banded:
                        assert number.low <= number.value <= number.high
                    else:
                        assert number.low is number.high is None


def test_the_pass_sees_the_features_of_the_network(found, network, val):
    """Against the direct formulas on the features of all images at once."""
    batch, _ = keyed_batch(val, range(len(val)), TASKS, Protocol(), torch.device("cpu"))
    with torch.inference_mode():
        outputs, places = network.features(normalised(batch, NORM.mean, NORM.std))
    features = places["decoder"]["semseg"].permute(0, 2, 3, 1).reshape(-1, 8).double().numpy()
    pixels = batch.labels["semseg"][:, 0].reshape(5, 8, 4, 16, 4).transpose(2, 3).flatten(3).reshape(-1, 16)
    labels = pixels.mode(1).values.numpy()  # torch's mode is the lowest of the most frequent
    counts = np.bincount(labels[labels != IGNORE], minlength=17)
    present = np.flatnonzero(counts >= 10)
    rows = np.isin(labels, present)
    weights = counts[present] / counts[present].sum()
    got = found.classes["semseg"].places["decoder"].statistics
    assert got["nc1_cdnv"].pixel.value == pytest.approx(
        direct.nc1_cdnv(features[rows], labels[rows], weights), rel=1e-4
    )
    assert got["nc2_etf_error"].pixel.value == pytest.approx(
        direct.nc2(features[rows], labels[rows], weights)["etf_error"], rel=1e-4
    )
    predicted = torch.nn.functional.avg_pool2d(outputs["semseg"], 4).permute(0, 2, 3, 1).flatten(0, 2).argmax(1).numpy()
    right = (predicted == labels)[rows].mean()
    assert got["accuracy"].pixel.value == pytest.approx(right, abs=0.02)  # pixels of the output are interpolated


def test_the_size_of_batches_changes_nothing(found, network, val, config):
    other = collapse_statistics(network, val, config.task_list(), norm=NORM, batch=5)
    assert numbers(other) == pytest.approx(numbers(found), rel=1e-4)


def test_two_processes_find_what_one_finds(found, network, val, config):
    together = collapse_statistics(network, val, config.task_list(), norm=NORM, batch=2, devices=2)
    assert numbers(together) == pytest.approx(numbers(found), rel=1e-10)
    rows, others = (one.classes["semseg"].places["encoder"].classes for one in (found, together))
    assert [(row.count, row.recall) for row in rows] == [(row.count, row.recall) for row in others]
    assert next(network.parameters()).device.type == "cpu"


def test_the_network_is_left_as_it_was(network, val, config):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    collapse_statistics(network, val, config.task_list(), norm=NORM, protocol=Protocol(resamples=0))
    assert network.training
    network.eval()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_network_without_regressions_or_classes_has_none(rooms, val):
    for tasks, classes, regressions in ((["edge", "semseg"], ["semseg"], []), (["depth"], [], ["depth"])):
        config = tiny_config(rooms, tasks=tasks)
        found = collapse_statistics(build_network(config), val, config.task_list(), norm=NORM)
        assert (list(found.classes), list(found.regression)) == (classes, regressions)


def test_merged_passes_are_equal_to_one(network, val, config):
    def collected(*parts):
        one = CollapsePass(network, config.task_list(), (32, 64), NORM, Protocol())
        for part in parts:
            one.update(*keyed_batch(val, part, one.labelled, Protocol(), torch.device("cpu")))
        return one

    together, first, second = collected(range(0, 3), range(3, 5)), collected(range(0, 3)), collected(range(3, 5))
    first.merge(second)
    assert numbers(first.result()) == pytest.approx(numbers(together.result()), rel=1e-10)


def test_a_training_logs_its_collapse_and_is_not_changed_by_it(rooms, tmp_path):
    plain, logged = tiny_config(rooms, budget=24), tiny_config(rooms, budget=24, collapse_every=8, collapse_rooms=3)
    weights = [train(config, tmp_path / name).read_bytes() for name, config in (("plain", plain), ("logged", logged))]
    assert weights[0] == weights[1]
    assert not (tmp_path / "plain" / "collapse.jsonl").exists()
    entries = read_log((tmp_path / "logged" / "collapse.jsonl").read_text())
    assert [(entry.step, entry.images, entry.rooms) for entry in entries] == [(n, 4 * n, 3) for n in (0, 2, 4, 6)]
    for entry in entries:
        assert set(entry.statistics) == {"semseg", "depth", "normals"}
        assert entry.statistics["semseg"]["decoder"]["nc1_quotient"]["balanced"] > 0
        assert set(entry.statistics["depth"]["decoder"]["nrc1"]) == {"pixel"}
    assert entries[0].statistics != entries[-1].statistics


def test_a_resumed_training_takes_lines_again_that_it_may_not_have_reached(rooms, tmp_path):
    config = tiny_config(rooms, budget=32, collapse_every=8, collapse_rooms=2)
    train(config, tmp_path / "whole")
    whole = (tmp_path / "whole" / "collapse.jsonl").read_text()
    again = tmp_path / "again"
    train(config, again)
    (again / "weights.safetensors").unlink()  # the last state lies at image 16
    train(config, again)
    assert [json.loads(line)["step"] for line in (again / "collapse.jsonl").read_text().splitlines()] == [0, 2, 4, 6, 8]
    assert (again / "collapse.jsonl").read_text() == whole


def test_how_often_collapse_is_logged_may_change_when_a_training_goes_on(rooms, tmp_path):
    train(tiny_config(rooms, budget=16), tmp_path)
    train(tiny_config(rooms, budget=16, collapse_every=4), tmp_path)


def test_logging_collapse_needs_held_out_images(rooms):
    with pytest.raises(OptionError, match=r"collapse_every needs held-out images; give data\.val"):
        tiny_config(rooms, data={"val": None}, collapse_every=4)
