"""``predict``: what it writes, for whom, and that it writes all or nothing."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlviz.data.images import read_image
from mtlviz.engine import load
from mtlviz.tasks import ROOM_CLASSES
from tests.cli.conftest import TASK_NAMES

FILES = {
    "semseg.png", "depth.png", "depth_millimetres.png", "normals.png", "edge.png", "predictions.npz",
    "predictions.json",
}  # fmt: skip


@pytest.fixture
def photograph(tmp_path, rng):
    path = tmp_path / "a photo [1].jpg"
    Image.fromarray(rng.integers(0, 255, (45, 90, 3), np.uint8)).save(path)
    return path


def test_every_task_becomes_a_picture_and_an_array_at_the_image_s_own_resolution(cli, photograph):
    outcome = cli("predict", photograph, "--checkpoint", "none", "--out", "here/new", "--json")
    assert outcome.code == 0
    found = outcome.last
    out = Path("here/new")
    assert {path.name for path in out.iterdir()} == FILES == set(found["files"])
    with np.load(out / "predictions.npz", allow_pickle=False) as arrays:
        assert arrays["semseg"].shape == arrays["semseg_certainty"].shape == (45, 90)
        assert arrays["semseg"].dtype == np.uint8
        assert arrays["normals"].shape == (45, 90, 3)
        assert json.loads(str(arrays["provenance"])) == found["provenance"]
        millimetres = np.asarray(Image.open(out / "depth_millimetres.png"))
        assert millimetres.dtype == np.uint16
        np.testing.assert_allclose(millimetres, arrays["depth"] * 1000, atol=0.51)
        colours = np.asarray(Image.open(out / "semseg.png").convert("RGB"))
        np.testing.assert_array_equal(colours, np.array([*ROOM_CLASSES.values()])[arrays["semseg"]])
    for task in TASK_NAMES:
        with Image.open(out / f"{task}.png") as picture:
            assert picture.size == (90, 45)
            assert picture.text["Description"] == found["stamp"]
    assert json.loads((out / "predictions.json").read_text())["tasks"] == found["tasks"]


def test_the_numbers_are_those_of_the_engine(cli, checkpoints, photograph):
    found = cli("predict", photograph, "--checkpoint", "kem", "--out", "o", "--json").last
    run = load("kem", folder=checkpoints).run(read_image(photograph))
    depth = run.prediction("depth").values
    assert found["tasks"]["depth"]["median"] == pytest.approx(float(np.median(depth)))
    assert sum(found["tasks"]["semseg"]["shares"].values()) == pytest.approx(1)
    assert found["provenance"]["image_sha256"] == run.provenance.image_sha256
    assert found["provenance"]["weights_sha256"] == run.card.weights_sha256


def test_text_names_every_task_and_says_that_weights_are_random_and_scale_is_assumed(cli, photograph):
    outcome = cli("predict", photograph, "--out", "o")
    assert all(title in outcome.out for title in ("Semantic segmentation", "Depth", "Surface normals", "Edges"))
    assert "random weights" in outcome.out
    assert "does not tell its scale" in outcome.out
    assert "a photo [1].jpg" in outcome.out  # brackets are not markup
    assert outcome.err == ""


def test_with_json_standard_output_holds_the_object_and_nothing_else(cli, photograph):
    outcome = cli("predict", photograph, "--out", "o", "--json")
    assert len(outcome.out.splitlines()) == 1
    assert "Semantic segmentation" in outcome.err


@pytest.mark.parametrize("image", ["photograph:china", "rooms:val:1"])
def test_images_that_need_no_file(cli, image):
    found = cli("predict", image, "--checkpoint", "none", "--out", "o", "--json").last
    scored = "metrics" in found["tasks"]["depth"]
    assert scored == (image == "rooms:val:1")  # a room knows the truth


def test_other_files_in_the_folder_stay_and_same_names_are_replaced(cli, photograph, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "edge.png").write_text("old")
    assert cli("predict", photograph, "--checkpoint", "none", "--out", out).code == 0
    assert (out / "mine.txt").read_text() == "mine"
    assert (out / "edge.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in out.iterdir()} == FILES | {"mine.txt"}


def test_an_error_while_writing_leaves_nothing(cli, photograph, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "predictions.npz")

    monkeypatch.setattr(sys.modules["mtlviz.cli.prediction_files"], "save_arrays", full)
    outcome = cli("predict", photograph, "--out", tmp_path / "new" / "out")
    assert outcome.code == 2
    assert outcome.err == "predictions.npz: No space left on device.\n"
    assert not (tmp_path / "new").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
