"""Which of a model's tasks a data set can score, and what is said of the others."""

from dataclasses import replace
from pathlib import Path

import pytest

from mtlviz.checkpoints import ModelCard
from mtlviz.data.sets import open_data
from mtlviz.data.sets.class_names import NYU_40, bit_colours, disparity, semseg
from mtlviz.errors import DataError
from mtlviz.models.multitask import NetworkConfig
from mtlviz.tasks import TASKS, Task
from mtlviz.training.matching import scorable, shared_tasks, usual_fit
from tests.training.data_sets import make


@pytest.fixture(scope="module")
def nyud(tmp_path_factory) -> Path:
    return make("nyud", tmp_path_factory.mktemp("nyud"))


def card(*tasks: Task, **changes) -> ModelCard:
    return ModelCard(
        name="mine", title="Mine", summary="", trained="random", architecture=NetworkConfig(), tasks=tasks,
        input_size=(32, 64), token_grid=(4, 8), **changes,
    )  # fmt: skip


NYU_SEMSEG = semseg(NYU_40, bit_colours(41)[1:])


def test_what_is_defined_alike_is_scored_in_the_model_s_order(nyud):
    ours = (TASKS["edge"], replace(TASKS["depth"], title="Distance"), NYU_SEMSEG)
    found = scorable(nyud, "val", None, card(*ours))
    assert found.tasks == ours
    assert found.left_out == ("mine does not predict normals, which NYUv2 has labels of.",)
    assert set(found.samples[0].labels) == {"edge", "depth", "semseg"}
    assert (found.title, found.split, found.one_size) == ("NYUv2", "val", False)


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        (TASKS["semseg"], "semseg is left out: mine has 17 classes (wall, floor, ceiling, ...), NYUv2 has 40 classes "
                          "(wall, floor, cabinet, ...)."),
        (semseg(NYU_40[::-1], bit_colours(40)), "semseg is left out: NYUv2 has the classes of mine in another order."),
        (replace(TASKS["depth"], unit="mm"), "depth is left out: it is in mm for mine and in m in NYUv2."),
        (TASKS["saliency"], "saliency is left out: NYUv2 has no labels of saliency."),
        (replace(TASKS["saliency"], name="normals"), "normals is left out: it is of kind binary for mine and of kind "
                                                     "normals in NYUv2."),
    ],
)  # fmt: skip
def test_what_differs_is_left_out_with_a_sentence(nyud, task, sentence):
    tasks, left_out = shared_tasks(card(task, TASKS["edge"]), open_data(nyud, "val"))
    assert tasks == (TASKS["edge"],)
    assert left_out[0] == sentence


def test_nothing_in_common_is_one_sentence(nyud):
    sentence = r"Nothing in NYUv2 \(.*\) can score 'mine': .* classes .*; NYUv2 has no labels"
    with pytest.raises(DataError, match=sentence):
        scorable(nyud, "val", None, card(TASKS["semseg"], disparity("px")))


def test_fewer_images_than_asked_for_is_refused(nyud):
    assert len(scorable(nyud, "train", 1, card(TASKS["edge"])).samples) == 1
    with pytest.raises(DataError, match="holds 2 images, 3 are wanted"):
        scorable(nyud, "train", 3, card(TASKS["edge"]))


@pytest.mark.parametrize(
    ("training", "fit"),
    [
        ({}, "resize"),
        ({"data": {"train": "x"}, "protocol": None}, "resize"),
        ({"data": {"train": "x"}, "protocol": "atrc"}, "pad"),
        ({"data": {"train": "x", "fit": "resize"}, "protocol": "atrc"}, "resize"),
        ({"data": {"train": "x", "pipeline": "atrc", "size": [64, 64]}}, "pad"),
        ({"epochs": 3}, "resize"),
    ],
)
def test_images_get_the_model_s_size_as_in_its_training(training, fit):
    assert usual_fit(card(TASKS["edge"], training=training)) == fit
