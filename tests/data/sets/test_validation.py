"""``validate-dataset`` names the form of a data set and every file that is missing or odd, without a traceback."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mtlviz.cli import app
from mtlviz.data.rooms import write_rooms
from mtlviz.data.sets.validation import validate
from tests.data.sets import formats
from tests.data.sets.formats import save

SMALL = (32, 48)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("MTLVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def nyud(tmp_path):
    root = tmp_path / "NYUD_MT"
    formats.nyud(root, size=SMALL)
    return root


def command(*words: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["validate-dataset", *(str(word) for word in words)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def said(root: Path, split: str = "train") -> dict[str, tuple[str, bool]]:
    """What is said about each file of a split, and whether it is serious."""
    (report,) = (one for one in validate(root).splits if one.split == split)
    return {file: (says, serious) for file, says, serious in report.findings}


@pytest.mark.parametrize("name", ["nyud", "mtan_nyu", "mtan_cityscapes", "cityscapes"])
def test_a_whole_data_set_has_nothing_to_report(tmp_path, name):
    getattr(formats, name)(tmp_path / name, size=SMALL)
    report = validate(tmp_path / name)
    assert report.ok
    assert [split.findings for split in report.splits] == [()] * 2


def test_pascal_and_rooms_are_read_too(tmp_path):
    formats.pascal(tmp_path / "PASCAL_MT")
    write_rooms(tmp_path / "rooms" / "val", split="val", count=1, size=SMALL)
    for name in ("PASCAL_MT", "rooms", "rooms/val"):
        report = validate(tmp_path / name)
        assert report.ok
        assert not any(split.findings for split in report.splits)


def test_a_small_copy_says_how_many_are_published(nyud):
    assert "train has 2 samples; 795 are published." in validate(nyud).notes


def test_every_kind_of_bad_file_is_found_at_once(nyud):
    (nyud / "depth" / "0.npy").unlink()
    (nyud / "edge" / "0.npy").write_bytes(b"\x93NUMPY")
    (nyud / "images" / "1.jpg").write_bytes(b"\xff\xd8\xff")
    save(nyud / "segmentation" / "1.png", np.full(SMALL, 77, np.uint8))
    save(nyud / "normals" / "1.npy", np.zeros((*SMALL, 2)))
    found = said(nyud)
    assert set(found) == {"depth/0.npy", "edge/0.npy", "images/1.jpg", "segmentation/1.png", "normals/1.npy"}
    assert all(serious for _, serious in found.values())
    assert found["depth/0.npy"][0].startswith("is missing")
    assert "labels 77" in found["segmentation/1.png"][0]
    assert not validate(nyud).ok


def test_what_is_odd_is_reported_and_does_not_fail(nyud):
    depth = np.full(SMALL, 2.0)
    depth[0, :3] = np.nan, np.inf, -2
    save(nyud / "depth" / "0.npy", depth)
    save(nyud / "edge" / "0.npy", np.full((16, 24), 1, np.uint8))
    save(nyud / "normals" / "1.npy", np.full((*SMALL, 3), 2.0))
    save(nyud / "edge" / "1.npy", np.full(SMALL, 3, np.uint8))
    save(nyud / "segmentation" / "99.png", np.zeros(SMALL, np.uint8))
    found = said(nyud)
    assert "below 0" in found["depth/0.npy"][0]
    assert "16x24 for an image of 32x48" in found["edge/0.npy"][0]
    assert "length 3.46 to 3.46" in found["normals/1.npy"][0]
    assert "other than 0 and 1" in found["edge/1.npy"][0]
    assert found["segmentation/99.png"][0] == "belongs to no image"
    assert not any(serious for _, serious in found.values())
    assert validate(nyud).ok


def test_a_sample_in_two_splits_is_noted(nyud):
    formats.save_list(nyud / "gt_sets" / "val.txt", ["1", "2", "2"])
    notes = " ".join(validate(nyud).notes)
    assert "1 samples are in train and in val, such as 1." in notes
    assert "val lists 1 samples more than once, such as 2." in notes


def test_a_gap_in_the_numbers_is_found(tmp_path):
    formats.mtan_nyu(tmp_path, train=3, size=SMALL)
    (tmp_path / "train" / "image" / "1.npy").unlink()
    assert said(tmp_path)["train/label/1.npy"] == ("belongs to no image", False)


def test_the_command_says_it_for_a_person_and_as_json(nyud):
    code, out, _ = command(nyud)
    assert code == 0
    assert "NYUD_MT of another form" in out
    (nyud / "depth" / "0.npy").unlink()
    code, out, err = command(nyud, "--json")
    found = json.loads(out.splitlines()[-1])
    assert code == 2
    assert not found["ok"]
    assert found["splits"]["train"]["unusable"] == 1
    assert found["splits"]["train"]["findings"][0]["file"] == "depth/0.npy"
    assert "depth/0.npy is missing" in err


def test_at_most_so_many_are_listed_and_all_are_counted(nyud):
    for path in (nyud / "depth").iterdir():
        path.unlink()
    code, out, _ = command(nyud, "--limit", 1, "--json")
    train = json.loads(out.splitlines()[-1])["splits"]["train"]
    assert code == 2
    assert (len(train["findings"]), train["left_out"], train["unusable"]) == (1, 1, 2)


def test_a_split_that_cannot_be_opened_is_one_finding(nyud):
    (nyud / "gt_sets" / "val.txt").write_bytes(b"\xff\xfe\xff")
    report = validate(nyud)
    assert not report.ok
    assert "UTF-8" in {split.split: split.problem for split in report.splits}["val"]


@pytest.mark.parametrize("what", ["missing", "empty", "file", "above"])
def test_what_is_no_data_set_is_refused_in_one_sentence(nyud, tmp_path, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    path = nyud.parent if what == "above" else tmp_path / what
    code, _, err = command(path)
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    if what == "above":
        assert f"give {str(nyud)!r}" in err
