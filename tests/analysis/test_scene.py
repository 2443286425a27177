"""What a network says is in the image."""

import numpy as np
import pytest

from mtlviz.analysis.scene import class_shares, describe, facing_shares
from mtlviz.predictions import Prediction
from mtlviz.tasks import IGNORE, TASKS


def test_shares_sum_to_one_over_labelled_pixels():
    labels = np.array([[0, 0, 1, IGNORE]], np.uint8)
    shares = class_shares(TASKS["semseg"], labels)
    assert [(one.name, one.share) for one in shares] == [
        ("wall", pytest.approx(2 / 3)),
        ("floor", pytest.approx(1 / 3)),
    ]


def test_an_image_without_labels_has_no_shares():
    assert class_shares(TASKS["semseg"], np.full((2, 2), IGNORE, np.uint8)) == []


def test_directions_are_counted_within_thirty_degrees():
    normals = np.array([[[0, 1, 0], [0, -1, 0], [1, 0, 0], [0, 0, 1]]], np.float32)
    assert facing_shares(normals) == {"up": 0.25, "down": 0.25, "otherwise": 0.5}


def test_the_sentence_holds_the_numbers():
    found = {
        "semseg": Prediction(TASKS["semseg"], np.array([[0, 0, 0, 1]], np.uint8), np.ones((1, 4), np.float32)),
        "depth": Prediction(TASKS["depth"], np.full((1, 4), 3.1, np.float32)),
        "edge": Prediction(TASKS["edge"], np.array([[0.9, 0, 0, 0]], np.float32)),
    }
    said = describe(found)
    assert "**75%** wall and **25%** floor" in said
    assert "mean **3.1 m**" in said
    assert "edges on about **22%** of the pixels" in said
