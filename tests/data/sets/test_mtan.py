"""The npy sets of MTAN come back number by number, whatever type they were stored as."""

import numpy as np
import pytest

from mtlviz.data.sets import mtan, open_data
from mtlviz.errors import DataError
from tests.data.sets import formats
from tests.data.sets.formats import save

SIZE = (32, 64)


@pytest.fixture(scope="module")
def nyu(tmp_path_factory):
    root = tmp_path_factory.mktemp("nyuv2")
    return root, formats.mtan_nyu(root)


@pytest.fixture(scope="module")
def cityscapes(tmp_path_factory):
    root = tmp_path_factory.mktemp("cityscapes")
    return root, formats.mtan_cityscapes(root)


def test_nyu_comes_back_from_float64(nyu):
    root, scenes = nyu
    data = open_data(root, "train")
    assert data.variant == "MTAN NYUv2, 288x384 npy"
    sample, one = data[1], scenes["train/1"]
    np.testing.assert_array_equal(sample.image, one.image)
    np.testing.assert_array_equal(sample.labels["semseg"][1:], one.plane[1:])
    assert (sample.labels["semseg"][0] == 255).all()
    assert not sample.valid["semseg"][0].any()
    np.testing.assert_array_equal(sample.labels["depth"][:, 1:], one.depth.astype(np.float32)[:, 1:])
    np.testing.assert_array_equal(sample.labels["normals"][:, 1:], one.normals.astype(np.float32)[:, 1:])
    for task in ("depth", "normals"):
        assert not sample.valid[task][:, 0].any()
        assert sample.valid[task][:, 1:].all()


def test_a_normal_whose_channels_sum_to_nothing_counts(nyu, tmp_path):
    formats.mtan_nyu(tmp_path, size=SIZE)
    tilted = np.broadcast_to(np.array([1, -1, 0]) / np.sqrt(2), (*SIZE, 3))
    save(tmp_path / "train" / "normal" / "0.npy", tilted)
    assert open_data(tmp_path, "train")[0].valid["normals"].all()


def test_names_count_up(tmp_path):
    formats.mtan_nyu(tmp_path, train=11, size=(16, 16))
    assert open_data(tmp_path, "train").names == tuple(str(number) for number in range(11))


@pytest.mark.parametrize(("classes", "shift"), [(19, 14), (7, 0)])
def test_cityscapes_has_the_classes_asked_for(cityscapes, classes, shift):
    root, scenes = cityscapes
    data = mtan.open_split(root, "train", classes)
    assert data.variant == f"MTAN Cityscapes, {classes} classes, 128x256 npy"
    assert data.tasks[0].channels == classes
    np.testing.assert_array_equal(data[0].labels["semseg"][1:], scenes["train/0"].plane[1:] + shift)


def test_the_finest_labels_are_the_default(cityscapes):
    assert open_data(cityscapes[0], "train").tasks[0].channels == 19
    with pytest.raises(DataError, match="no labels of 13 classes; choose of 19, 7, 2"):
        mtan.open_split(cityscapes[0], "train", 13)


def test_its_depth_is_a_disparity(cityscapes):
    root, scenes = cityscapes
    data = open_data(root, "val")
    task = data.tasks[1]
    assert (task.name, task.kind, task.unit) == ("disparity", "depth", "inverse depth")
    np.testing.assert_array_equal(data[0].labels["disparity"], (1 / scenes["val/0"].depth).astype(np.float32))
    assert not data[1].valid["disparity"].any()


def test_libmtl_names_its_seven_classes_label(tmp_path):
    formats.mtan_cityscapes(tmp_path)
    for split in ("train", "val"):
        for count in (2, 19):
            for path in (tmp_path / split / f"label_{count}").iterdir():
                path.unlink()
            (tmp_path / split / f"label_{count}").rmdir()
        (tmp_path / split / "label_7").rename(tmp_path / split / "label")
    assert open_data(tmp_path, "train").tasks[0].class_names[-1] == "vehicle"


def test_colours_that_interpolation_took_a_little_too_far_are_the_nearest(tmp_path):
    formats.mtan_nyu(tmp_path, size=(16, 16))
    image = np.full((16, 16, 3), 1.0004)
    image[0] = -0.0004
    save(tmp_path / "train" / "image" / "0.npy", image)
    found = open_data(tmp_path, "train")[0].image
    assert (found[0] == 0).all()
    assert (found[1:] == 255).all()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.full((16, 16, 3), 255.0), "colours outside"),
        (np.zeros((3, 16, 16)), "shape"),
        (np.full((16, 16, 3), np.nan), "colours outside"),
    ],
)
def test_an_image_that_is_not_in_the_unit_range_is_refused(tmp_path, image, says):
    formats.mtan_nyu(tmp_path, size=(16, 16))
    save(tmp_path / "train" / "image" / "0.npy", image)
    with pytest.raises(DataError, match=f"image/0.npy .*{says}"):
        open_data(tmp_path, "train")[0]
