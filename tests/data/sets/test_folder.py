"""One's own folder with a YAML: every field does what it says, and a wrong one is named."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import ExifTags, Image

from mtlviz.data.sets import data_splits, open_data
from mtlviz.errors import DataError
from tests.data.sets.formats import save

SIZE = (20, 24)
GMRPD = Path(__file__).resolve().parents[4] / "shared" / "data" / "gmrpd"
SURFACES = {"name": "semseg", "kind": "classes", "classes": ["wall", "floor"]}


def write(folder: Path, tasks: list[dict], name: str = "dataset.yaml", **fields) -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump({"tasks": tasks, **fields}))
    return path


@pytest.fixture
def images(tmp_path, rng):
    root = tmp_path / "mine"
    for split, names in {"train": "ab", "val": "c"}.items():
        for name in names:
            save(root / split / "image" / f"{name}.png", rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8))
    return root


def label(root: Path, task: str, array: np.ndarray, ending: str = "npy") -> None:
    for split, names in {"train": "ab", "val": "c"}.items():
        for name in names:
            save(root / split / task / f"{name}.{ending}", array)


def one(root: Path, task: dict, array: np.ndarray, ending: str = "npy"):
    """Values and mask of a task described by a YAML."""
    label(root, task["name"], array, ending)
    write(root, [task])
    sample = open_data(root, "train")[0]
    return sample.labels[task["name"]], sample.valid[task["name"]]


def refusal(folder: Path, tasks: list[dict], **fields) -> str:
    write(folder, tasks, **fields)
    with pytest.raises(DataError) as caught:
        open_data(folder, "train")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_classes_may_start_anywhere_and_leave_numbers_out(images, rng):
    stored = rng.integers(0, 3, SIZE).astype(np.uint8)
    task = {**SURFACES, "first_label": 1, "ignore": [0], "palette": [[1, 2, 3], [4, 5, 6]], "title": "Surfaces"}
    values, valid = one(images, task, stored, "png")
    np.testing.assert_array_equal(valid, stored > 0)
    np.testing.assert_array_equal(values[valid], stored[valid] - 1)
    (made,) = open_data(images, "val").tasks
    assert (made.title, made.class_names, made.palette) == ("Surfaces", ("wall", "floor"), ((1, 2, 3), (4, 5, 6)))


def test_depth_has_a_scale_a_range_and_numbers_that_mean_nothing(images):
    stored = np.full(SIZE, 1500, np.uint16)
    stored[0, :4] = 0, 65535, 90, 40000
    task = {"name": "depth", "kind": "depth", "scale": 0.001, "ignore": [65535], "range": [0.1, 20], "unit": "m"}
    values, valid = one(images, task, stored, "png")
    assert not valid[0, :4].any()
    assert valid[1:].all()
    assert values.dtype == np.float32
    np.testing.assert_allclose(values[valid], 1.5)


def test_a_scale_that_takes_values_out_of_single_precision_leaves_no_label(images):
    for scale in (1e300, 1e-60):
        values, valid = one(images, {"name": "depth", "kind": "depth", "scale": scale}, np.full(SIZE, 1.5))
        assert not valid.any()
        assert (values == 0).all()


def test_a_label_on_its_side_is_refused_instead_of_stretched(images):
    label(images, "semseg", np.zeros(SIZE, np.uint8), "png")
    write(images, [SURFACES])
    lying = Image.fromarray(np.zeros((*SIZE, 3), np.uint8))
    exif = lying.getexif()
    exif[ExifTags.Base.Orientation] = 6  # shown upright, it has the other shape
    (images / "val" / "image" / "c.png").unlink()
    lying.save(images / "val" / "image" / "c.jpg", exif=exif)
    data = open_data(images, "val")
    with pytest.raises(DataError, match=r"semseg/c.png is 24 x 20 pixels, its image 20 x 24 .* EXIF orientation"):
        data[0]
    assert next(data.check(0)).serious


def test_normals_name_their_axes(images):
    vectors = np.broadcast_to(np.array([0.6, 0.0, -0.8]), (*SIZE, 3)).copy()
    vectors[0] = 0
    values, valid = one(images, {"name": "normals", "kind": "normals", "axes": ["left", "down", "away"]}, vectors)
    assert not valid[0].any()
    np.testing.assert_allclose(values[valid], np.tile([-0.6, 0, 0.8], (valid.sum(), 1)), atol=1e-7)


def test_a_binary_task_has_a_threshold(images):
    stored = np.arange(np.prod(SIZE)).reshape(SIZE).astype(np.uint8)
    values, valid = one(images, {"name": "crack", "kind": "binary", "threshold": 127}, stored, "png")
    np.testing.assert_array_equal(values, stored > 127)
    assert valid.all()
    (made,) = open_data(images, "train").tasks
    assert (made.name, made.title, made.kind) == ("crack", "Crack", "binary")


def test_a_disparity_is_named_so(images):
    values, _ = one(images, {"name": "disparity", "kind": "disparity", "unit": "1/m"}, np.full(SIZE, 0.25))
    assert (values == 0.25).all()
    assert open_data(images, "train").tasks[0].unit == "1/m"
    assert "named disparity" in refusal(images, [{"name": "depth", "kind": "disparity"}])


def test_an_optional_label_may_be_missing(images):
    label(images, "edge", np.ones(SIZE, np.uint8), "png")
    (images / "train" / "edge" / "b.png").unlink()
    write(images, [{"name": "edge", "kind": "binary", "optional": True}])
    data = open_data(images, "train")
    assert data[0].valid["edge"].all()
    assert not data[1].valid["edge"].any()
    write(images, [{"name": "edge", "kind": "binary"}])
    with pytest.raises(DataError, match=r"edge/b.png is missing"):
        open_data(images, "train")[1]


def test_the_yaml_lies_inside_beside_or_anywhere(images, tmp_path):
    label(images, "semseg", np.zeros(SIZE, np.uint8), "png")
    inside = write(images, [SURFACES])
    assert len(open_data(images, "train")) == 2
    inside.unlink()
    beside = write(tmp_path, [SURFACES], "mine.yaml")
    assert len(open_data(images, "train")) == 2
    beside.unlink()
    (tmp_path / "elsewhere").mkdir()
    path = write(tmp_path / "elsewhere", [SURFACES], "a.yaml", root="../mine", title="Mine")
    data = open_data(path, "val")
    assert (data.title, data.names, data_splits(path)) == ("Mine", ("c",), ("train", "val"))


def test_the_camera_is_that_of_every_image(images):
    label(images, "semseg", np.zeros(SIZE, np.uint8), "png")
    write(images, [SURFACES], camera={"fx": 20, "fy": 21, "cx": 12, "cy": 10})
    assert open_data(images, "train")[1].intrinsics.fy == 21


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"name": "Depth", "kind": "depth"}, "no task name"),
        ({"name": "x", "kind": "boxes"}, "tasks.0.kind"),
        ({"name": "depth", "kind": "binary"}, "of kind depth everywhere"),
        ({"name": "x", "kind": "classes", "classes": ["a"]}, "2 to 255 different names"),
        ({**SURFACES, "palette": [[0, 0, 0]]}, "1 colours for 2 classes"),
        ({**SURFACES, "palette": [[0, 0, 256], [0, 0, 0]]}, "tasks.0.palette.0.2"),
        ({"name": "x", "kind": "depth", "scale": 0}, "tasks.0.scale"),
        ({"name": "x", "kind": "depth", "range": [2, 1]}, "the smaller"),
        ({"name": "x", "kind": "depth", "colour": 1}, "there is no such field"),
        ({"name": "x", "kind": "depth", "files": "../{id}.png"}, "relative path"),
        ({"name": "x", "kind": "depth", "files": "/etc/{id}.png"}, "relative path"),
        ({"name": "x", "kind": "depth", "files": "a.png"}, "{id} once"),
        ({"name": "x", "kind": "depth", "files": "{id}.pkl"}, "must end in .png, .npy or"),
        ({"name": "x", "kind": "normals", "axes": ["up", "up", "away"]}, "'up' is not right or left"),
        ({**SURFACES, "first_label": 10**12}, "tasks.0.first_label"),
        ({**SURFACES, "ignore": [10**12]}, "whole numbers up to 1,000,000"),
        ({**SURFACES, "ignore": [float("inf")]}, "tasks.0.ignore.0"),
        ({"name": "x", "kind": "binary", "threshold": float("nan")}, "tasks.0.threshold"),
    ],
)
def test_a_wrong_field_is_named(images, task, says):
    assert says in refusal(images, [task])


def test_the_file_itself_must_be_plain_yaml(images):
    for text in ("tasks: [", "- 1", "!!python/object/apply:os.system [true]", "tasks: []"):
        (images / "dataset.yaml").write_text(text)
        with pytest.raises(DataError):
            open_data(images, "train")
    assert "twice" in refusal(images, [SURFACES, SURFACES])
    assert "no folder" in refusal(images, [SURFACES], root="nowhere")
    assert "splits must list" in refusal(images, [SURFACES], image="{id}.png")
    assert "write numbers in quotes" in refusal(images, [SURFACES], splits={"train": [7]})
    for name in ("..", "/etc", "a/b", ""):
        assert "no name of a split" in refusal(images, [SURFACES], splits={name: ["a"]})
    (images / "dataset.yaml").write_bytes(b"title: caf\xe9\n")
    with pytest.raises(DataError, match="UTF-8"):
        open_data(images, "train")


@pytest.mark.skipif(not GMRPD.is_dir(), reason="the sample frames are not here")
def test_real_frames_in_one_flat_folder_work(tmp_path):
    tasks = [
        {"name": "semseg", "kind": "classes", "files": "{id}_label.png", "classes": ["other", "drivable", "anomaly"]},
        {"name": "depth", "kind": "depth", "files": "{id}_depth_u16.png", "scale": 0.001, "ignore": [65535]},
    ]
    splits = {"val": ["sample1", "sample2"]}
    path = write(tmp_path, tasks, "gmrpd.yaml", root=str(GMRPD), image="{id}_rgb.png", splits=splits)
    data = open_data(path, "val")
    for sample in (data[0], data[1]):
        assert sample.size == (720, 1280)
        assert set(np.unique(sample.labels["semseg"])) <= {0, 1, 2}
        assert 0.6 < sample.valid["depth"].mean() < 0.85
        measured = sample.labels["depth"][sample.valid["depth"]]
        assert 0.3 < measured.min() < measured.max() < 65.5


def test_a_yaml_beside_a_read_only_folder_is_found(tmp_path):
    if not GMRPD.is_dir():
        pytest.skip("the sample frames are not here")
    shutil.copytree(GMRPD, tmp_path / "gmrpd")
    write(tmp_path, [{**SURFACES, "files": "{id}_label.png", "classes": ["other", "drivable", "anomaly"]}],
          "gmrpd.yaml", image="{id}_rgb.png", splits={"val": ["sample1"]})  # fmt: skip
    assert open_data(tmp_path / "gmrpd", "val").names == ("sample1",)
