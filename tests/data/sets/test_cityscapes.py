"""Raw Cityscapes: ids become 19 classes, 16-bit disparities become pixels and, with the camera, metres."""

import shutil

import numpy as np
import pytest

from mtlviz.data.sets import open_data
from mtlviz.errors import DataError
from tests.data.sets import formats
from tests.data.sets.formats import BASELINE, FOCAL, LABEL_IDS, save

TRAIN_IDS = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13,
             27: 14, 28: 15, 31: 16, 32: 17, 33: 18}  # fmt: skip
NAME = "aachen/aachen_000000_000019"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp("cityscapes")
    return root, formats.cityscapes(root)


@pytest.fixture
def own(tmp_path):
    formats.cityscapes(tmp_path)
    return tmp_path


def test_ids_become_the_classes_that_are_evaluated(raw):
    root, scenes = raw
    data = open_data(root, "train")
    assert data.names == (NAME, "aachen/aachen_000001_000019")
    expected = np.array([TRAIN_IDS[number] for number in LABEL_IDS])[scenes[NAME].plane]
    np.testing.assert_array_equal(data[0].labels["semseg"][:-1], expected[:-1])
    assert not data[0].valid["semseg"][-1].any()


def test_every_id_has_its_class_or_none(own):
    ids = np.resize(np.arange(34, dtype=np.uint8), (64, 128))
    save(own / "gtFine" / "train" / f"{NAME}_gtFine_labelIds.png", ids)
    labels = open_data(own, "train")[0].labels["semseg"].ravel()[:34]
    assert labels.tolist() == [TRAIN_IDS.get(number, 255) for number in range(34)]


def test_disparity_is_in_pixels_and_nothing_is_far_away(raw):
    root, scenes = raw
    data = open_data(root, "train")
    sample = data[0]
    assert data.tasks[2].unit == "px"
    stored = np.rint(BASELINE * FOCAL / scenes[NAME].depth * 256 + 1)
    np.testing.assert_array_equal(sample.labels["disparity"][1:, 1:], ((stored - 1) / 256).astype(np.float32)[1:, 1:])
    assert not sample.valid["disparity"][:, 0].any()
    assert sample.valid["disparity"][0, 1:].all()  # measured: infinitely far
    assert (sample.labels["disparity"][0, 1:] == 0).all()


def test_depth_is_in_metres_and_invalid_where_it_is_infinite(raw):
    root, scenes = raw
    sample = open_data(root, "train")[0]
    step = scenes[NAME].depth ** 2 / (BASELINE * FOCAL) / 512  # half a stored unit
    error = np.abs(sample.labels["depth"] - scenes[NAME].depth)[1:, 1:]
    assert (error <= 1.01 * step[1:, 1:] + 1e-6).all()
    assert not sample.valid["depth"][0].any()
    assert not sample.valid["depth"][:, 0].any()
    assert sample.valid["depth"][1:, 1:].all()


def test_depth_times_disparity_is_the_same_everywhere(raw):
    sample = open_data(raw[0], "val")[0]
    product = (sample.labels["depth"] * sample.labels["disparity"])[sample.valid["depth"]]
    np.testing.assert_allclose(product, BASELINE * FOCAL, rtol=1e-5)


def test_the_camera_comes_with_its_pixel_centres(raw):
    camera = open_data(raw[0], "train")[0].intrinsics
    assert (camera.fx, camera.cx, camera.cy) == (FOCAL, 64.0, 32.0)


def test_without_cameras_there_is_no_depth(own):
    shutil.rmtree(own / "camera")
    data = open_data(own, "train")
    assert [task.name for task in data.tasks] == ["semseg", "disparity"]
    assert data[0].intrinsics is None


def test_images_alone_are_a_data_set_without_tasks(own):
    for kind in ("camera", "disparity", "gtFine"):
        shutil.rmtree(own / kind)
    assert open_data(own, "val").tasks == ()


@pytest.mark.parametrize("text", ["{}", "[1]", "not json", '{"extrinsic": {"baseline": 0}, "intrinsic": {"fx": 1}}'])
def test_a_camera_that_is_none_is_named(own, text):
    (own / "camera" / "train" / f"{NAME}_camera.json").write_text(text)
    with pytest.raises(DataError, match=r"camera|disparity"):
        open_data(own, "train")[0]


def test_eight_bit_disparities_are_refused(own):
    save(own / "disparity" / "train" / f"{NAME}_disparity.png", np.full((64, 128), 9, np.uint8))
    with pytest.raises(DataError, match="disparities are of 16 bits"):
        open_data(own, "train")[0]
