"""Uploaded ground truth: every allowed form gives the labels that it stores, anything else one sentence."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from mtlviz.data import truth_files
from mtlviz.data.sets.class_names import disparity
from mtlviz.data.truth_files import expected, read_truth
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS
from tests.data.image_files import file_bytes
from tests.data.sets.scenes import scene

SIZE = (24, 32)
SCENE = scene(0, SIZE)
DEPTH, NORMALS, SEMSEG, EDGE = (TASKS[name] for name in ("depth", "normals", "semseg", "edge"))


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def png(array) -> bytes:
    return file_bytes(Image.fromarray(array))


def indexed(array) -> bytes:
    picture = Image.fromarray(array.astype(np.uint8), "P")
    picture.putpalette([value for label in range(256) for value in (label, 255 - label, 7)])
    return file_bytes(picture)


def read(content, task):
    return read_truth(content, "truth.file", task, SIZE)


@pytest.mark.parametrize("form", [png, indexed])
def test_class_numbers_come_back_as_they_are_stored(form):
    stored = SCENE.plane.astype(np.uint8)
    stored[0] = 255
    label = read(form(stored), SEMSEG)
    assert np.array_equal(label.values, stored)
    assert np.array_equal(label.valid, stored != 255)


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_what_is_positive_is_one(dtype):
    label = read(png(SCENE.edge.astype(dtype)), EDGE)
    assert np.array_equal(label.values, SCENE.edge)
    assert label.valid.all()


def test_255_of_a_binary_task_is_no_label():
    stored = SCENE.edge.copy()
    stored[:3] = 255
    label = read(png(stored), EDGE)
    assert np.array_equal(label.valid, stored != 255)
    assert not label.values[:3].any()


def test_millimetres_of_16_bits_become_metres():
    stored = np.rint(SCENE.depth * 1000).astype(np.uint16)
    stored[0] = 0
    label = read(png(stored), DEPTH)
    assert np.allclose(label.values, stored / 1000)
    assert np.array_equal(label.valid, stored > 0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [SIZE, (*SIZE, 1)])
def test_metres_come_back_and_nan_and_0_are_not_measured(dtype, shape):
    stored = SCENE.depth.astype(dtype)
    stored[0], stored[1] = np.nan, 0
    label = read(npy(stored.reshape(shape)), DEPTH)
    assert np.array_equal(label.values[2:], stored[2:].astype(np.float32))
    assert not label.valid[:2].any()
    assert label.valid[2:].all()


def test_unit_vectors_come_back():
    label = read(npy(SCENE.normals), NORMALS)
    assert np.allclose(label.values, SCENE.normals, atol=1e-6)


def test_normals_of_8_bits_are_right_within_their_rounding():
    label = read(png(np.rint((SCENE.normals + 1) * 127.5).astype(np.uint8)), NORMALS)
    assert np.abs(label.values - SCENE.normals).max() < 1 / 127


def test_a_task_of_another_unit_takes_floats_in_that_unit_alone():
    task = disparity("px")
    assert np.allclose(read(npy(1 / SCENE.depth), task).values, 1 / SCENE.depth)
    with pytest.raises(DataError, match="px"):
        read(png(np.ones(SIZE, np.uint16)), task)


class Spy:
    def __reduce__(self):
        return print, ("run",)


WIDE = np.ones((32, 32))
REFUSED = {
    "text": (b"hello", DEPTH, "not a PNG or .npy"),
    "empty": (b"", SEMSEG, "not a PNG"),
    "npy of classes": (npy(SCENE.plane), SEMSEG, "not a PNG"),
    "cut PNG": (png(SCENE.edge)[:60], EDGE, "damaged"),
    "cut npy": (npy(SCENE.depth)[:-9], DEPTH, "cut short"),
    "long npy": (npy(SCENE.depth) + b"x", DEPTH, "damaged"),
    "pickle": (npy(np.full(SIZE, Spy(), object)), DEPTH, "objects are never loaded"),
    "other size": (png(np.ones((32, 24), np.uint8)), EDGE, r"24 x 32 pixels, its image 32 x 24"),
    "other size npy": (npy(WIDE), DEPTH, r"32 x 32 pixels, its image 32 x 24"),
    "three channels": (png(np.zeros((*SIZE, 3), np.uint8)), SEMSEG, "3 channels"),
    "one channel": (png(SCENE.edge), NORMALS, "1 channels"),
    "depth of 8 bits": (png(SCENE.edge), DEPTH, "only 8 bits"),
    "classes of 16 bits": (png(np.zeros(SIZE, np.uint16)), SEMSEG, "more than 8 bits"),
    "unknown class": (png(np.full(SIZE, 17, np.uint8)), SEMSEG, "17; 0 to 16 and 255 are allowed"),
    "0 and 255": (png(SCENE.edge * 255), EDGE, "store what is positive as 1"),
    "grey edges": (png(SCENE.edge * 7), EDGE, "holds 7; 0, 1 and 255"),
    "nothing known": (png(np.full(SIZE, 255, np.uint8)), SEMSEG, "no pixel with a label"),
    "whole metres": (npy(np.ones(SIZE, np.uint16)), DEPTH, "whole numbers"),
    "millimetres": (npy(SCENE.depth * 1000), DEPTH, "divide millimetres by 1,000"),
    "negative": (npy(SCENE.depth - 9), DEPTH, "below 0"),
    "complex": (npy(SCENE.depth.astype(complex)), DEPTH, "plain numbers"),
    "long vectors": (npy(SCENE.normals * 2), NORMALS, "not of length 1"),
    "vectors as a map": (npy(SCENE.depth), NORMALS, r"shape \(24, 32\)"),
    "vector in depth": (npy(SCENE.normals), DEPTH, r"shape \(24, 32, 3\)"),
}


@pytest.mark.parametrize(("content", "task", "says"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_in_one_sentence(content, task, says, capsys):
    with pytest.raises(DataError, match=says) as error:
        read(content, task)
    assert str(error.value).startswith("truth.file ")
    assert str(error.value).count(". ") == 0
    assert capsys.readouterr().out == ""


def test_a_header_that_promises_too_much_reserves_nothing():
    huge = npy(SCENE.depth).replace(b"(24, 32), }", b"(24, 99999)}", 1)
    with pytest.raises(DataError, match="99999 x 24 pixels"):
        read(huge, DEPTH)


def test_a_file_above_the_limit_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(truth_files, "MAX_TRUTH_BYTES", 100)
    monkeypatch.setattr(truth_files, "npy_header", None)
    with pytest.raises(DataError, match="the most that is allowed"):
        read(npy(SCENE.depth), DEPTH)


def test_a_picture_of_another_size_is_refused_before_it_is_decoded(monkeypatch):
    content = png(np.ones((32, 24), np.uint8))
    monkeypatch.setattr(PngImageFile, "load", None)
    with pytest.raises(DataError, match="must agree"):
        read(content, EDGE)


@pytest.mark.parametrize("task", [*TASKS.values(), disparity("px")])
def test_every_task_says_what_its_file_must_be(task):
    assert expected(task).endswith(".")
    assert "no label" in expected(task) or "not measured" in expected(task)
