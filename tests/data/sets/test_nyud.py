"""NYUD_MT in both forms comes back number by number, and what is missing is named."""

import numpy as np
import pytest
from PIL import Image

from mtlviz.data.sample import valid_pixels
from mtlviz.data.sets import DataSet, open_data
from mtlviz.errors import DataError
from tests.data.sets import formats
from tests.data.sets.formats import save

SMALL = (48, 64)


@pytest.fixture(scope="module")
def vandenhende(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "NYUD_MT"
    return root, formats.nyud(root)


@pytest.fixture(scope="module")
def atrc(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "NYUDv2"
    return root, formats.nyud(root, atrc=True)


@pytest.fixture
def small(tmp_path):
    formats.nyud(tmp_path, size=SMALL)
    return tmp_path


def test_both_forms_are_told_apart(vandenhende, atrc):
    assert open_data(vandenhende[0], "train").variant == "NYUD_MT, 480x640"
    assert open_data(atrc[0], "train").variant == "NYUDv2 of ATRC and InvPT, 425x560"


def test_it_is_a_data_set_with_the_published_tasks(vandenhende):
    data = open_data(vandenhende[0], "train")
    assert isinstance(data, DataSet)
    assert data.splits == ("train", "val")
    assert data.names == ("0", "1")
    assert [task.name for task in data.tasks] == ["semseg", "depth", "normals", "edge"]
    assert data.tasks[0].channels == 40
    assert data.tasks[0].class_names[39] == "other prop"
    assert len(set(data.tasks[0].palette)) == 40


@pytest.mark.parametrize("form", ["vandenhende", "atrc"])
def test_every_number_of_the_files_comes_back(form, request):
    root, scenes = request.getfixturevalue(form)
    data = open_data(root, "train")
    for name, sample in zip(data.names, (data[0], data[1]), strict=True):
        one = scenes[name]
        inside = np.ones(one.size, bool)
        inside[0] = False
        np.testing.assert_array_equal(sample.labels["semseg"], np.where(inside, one.plane, 255))
        np.testing.assert_array_equal(sample.labels["depth"][1:], one.depth.astype(np.float32)[1:])
        np.testing.assert_array_equal(sample.labels["edge"], one.edge)
        for task in ("semseg", "depth", "normals"):
            np.testing.assert_array_equal(sample.valid[task], inside)
        assert sample.valid["edge"].all()
        assert [array.dtype for array in sample.labels.values()] == [np.uint8, np.float32, np.float32, np.uint8]


def test_float_normals_are_exact_with_y_up(vandenhende):
    root, scenes = vandenhende
    normals = open_data(root, "train").only(["normals"])[0].labels["normals"]
    np.testing.assert_array_equal(normals[1:], scenes["0"].normals[1:].astype(np.float32))


def test_eight_bit_normals_are_within_one_step(atrc):
    root, scenes = atrc
    sample = open_data(root, "train")[0]
    assert np.abs(sample.labels["normals"][1:] - scenes["0"].normals[1:]).max() < 1 / 127
    length = np.linalg.norm(sample.labels["normals"][sample.valid["normals"]], axis=-1)
    np.testing.assert_allclose(length, 1, atol=1e-6)


def test_the_image_is_that_of_the_file(atrc, vandenhende):
    np.testing.assert_array_equal(open_data(atrc[0], "val")[0].image, atrc[1]["2"].image)
    decoded = np.asarray(Image.open(vandenhende[0] / "images" / "2.jpg"))
    np.testing.assert_array_equal(open_data(vandenhende[0], "val")[0].image, decoded)


def test_no_sentinel_counts(small):
    depth = np.full(SMALL, 2.5, np.float64)
    depth[0, :4] = 0, np.inf, np.nan, -1
    save(small / "depth" / "0.npy", depth)
    sample = open_data(small, "train")[0]
    assert not sample.valid["depth"][0, :4].any()
    assert sample.valid["depth"][1:].all()
    assert sample.labels["depth"][0, :4].tolist() == [0, 0, 0, 0]


def test_an_image_without_any_label_is_wholly_invalid(small):
    save(small / "segmentation" / "0.png", np.zeros(SMALL, np.uint8))
    data = open_data(small, "train")
    assert not valid_pixels(data[0], data.tasks[0]).any()


def test_labels_of_another_size_take_the_nearest_pixel(small):
    coarse = np.arange(24 * 32).reshape(24, 32) % 40 + 1
    save(small / "segmentation" / "0.png", coarse.astype(np.uint8))
    data = open_data(small, "train")
    np.testing.assert_array_equal(data[0].labels["semseg"], np.kron(coarse - 1, np.ones((2, 2))))
    assert "24x32 for an image of 48x64" in next(data.check(0)).says


def test_a_label_beyond_the_classes_is_refused(small):
    save(small / "segmentation" / "0.png", np.full(SMALL, 41, np.uint8))
    with pytest.raises(DataError, match=r"segmentation/0.png holds the labels 41; 0 to 40 and 255 are allowed\.$"):
        open_data(small, "train")[0]


def test_a_missing_file_is_named_and_a_missing_folder_leaves_its_task_out(small):
    (small / "edge" / "0.npy").unlink()
    with pytest.raises(DataError, match=r"edge/0.npy is missing"):
        open_data(small, "train")[0]
    (small / "edge" / "1.npy").unlink()
    (small / "edge" / "2.npy").unlink()
    (small / "edge").rmdir()
    assert "edge" not in open_data(small, "train")[0].labels


def test_only_the_files_of_the_chosen_tasks_are_read(small):
    (small / "edge" / "0.npy").unlink()
    assert set(open_data(small, "train").only(["depth", "semseg"])[0].labels) == {"depth", "semseg"}
    with pytest.raises(DataError, match="no labels for 'saliency'; it has semseg, depth, normals, edge"):
        open_data(small, "train").only(["saliency"])


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a\\b", "x/../../y"])
def test_no_listed_name_leads_out_of_the_data_set(small, name):
    formats.save_list(small / "gt_sets" / "val.txt", [name])
    with pytest.raises(DataError, match="no name of a sample"):
        open_data(small, "val")


def test_an_unknown_split_is_refused(small):
    with pytest.raises(DataError, match=r"no split 'test'; it has train, val\.$"):
        open_data(small, "test")


def test_another_form_says_what_it_is(small):
    assert open_data(small, "train").variant == "NYUD_MT of another form, JPG 48x64"
