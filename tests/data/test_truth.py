"""Which labels may be compared with which models."""

from dataclasses import replace

import numpy as np

from mtlviz.data.sample import Sample
from mtlviz.data.sets.class_names import NYU_13, bit_colours, disparity, semseg
from mtlviz.data.truth import not_scored, same_labels, without
from mtlviz.tasks import TASKS

ROOMS = (TASKS["semseg"], TASKS["depth"])
NYU = semseg(NYU_13, bit_colours(14)[1:])


def test_colours_and_titles_do_not_change_what_a_label_means():
    assert same_labels(TASKS["depth"], replace(TASKS["depth"], title="Range"))
    assert not same_labels(TASKS["depth"], replace(TASKS["depth"], unit="px"))
    assert not same_labels(TASKS["semseg"], NYU)


def test_a_task_is_scored_if_it_means_the_same_in_every_model_that_has_it():
    assert not_scored(ROOMS, {"a": ROOMS, "b": ROOMS[1:]}) == {}
    assert set(not_scored(ROOMS, {"a": ROOMS, "b": (NYU,)})) == {"semseg"}
    assert not_scored((NYU,), {"a": (NYU,), "b": ROOMS[1:]}) == {}


def test_why_not_names_the_model_and_the_numbers_of_classes():
    assert not_scored((NYU,), {"kem": ROOMS}) == {"semseg": "its 13 classes are not the 17 of kem"}
    assert "px" in not_scored((replace(TASKS["depth"], unit="px"),), {"kem": ROOMS})["depth"]


def test_a_task_that_no_model_has_must_be_a_built_in_one():
    assert not_scored((TASKS["saliency"],), {"kem": ROOMS}) == {}
    assert set(not_scored((disparity("px"), NYU), {"none": ROOMS[1:]})) == {"disparity", "semseg"}


def test_a_sample_without_labels_that_it_does_not_have_is_the_same_one():
    sample = Sample(np.zeros((4, 4, 3), np.uint8), "x", {"depth": np.ones((4, 4), np.float32)})
    assert without(sample, ["edge"]) is sample
    assert without(sample, ["depth"]).labels == {}
