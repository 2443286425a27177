"""Rooms on disk: the same bytes whoever writes them, nothing half written, nothing mixed."""

import hashlib
import itertools
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from mtlviz.data.rooms import SPLITS, RoomOptions, Rooms, dataset, render_room, write_rooms
from mtlviz.errors import DataError, OptionError

SIZE = (36, 48)
FAST = RoomOptions(supersample=1, window_rays=2, ambient_rays=2)


def _write(out: Path, count: int, workers: int = 1, **more: object) -> int:
    return write_rooms(out, **{"count": count, "size": SIZE, "workers": workers, "options": FAST} | more)


def _digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.npz"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rooms")
    assert _write(out, 10) == 10
    return out


def test_splits_share_no_seed() -> None:
    ranges = sorted(SPLITS.values(), key=lambda r: r.start)
    assert set(SPLITS) == {"train", "val", "test"}
    assert all(len(r) == 10_000_000 for r in ranges)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(ranges))


def test_spawned_workers_write_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert _write(tmp_path, 10, workers=2) == 10
    assert _digests(tmp_path) == _digests(folder)


def test_a_scene_does_not_depend_on_how_many_are_written(folder: Path, tmp_path: Path) -> None:
    _write(tmp_path, 3)
    _write(tmp_path, 5)
    first = dict(list(_digests(folder).items())[:5])
    assert _digests(tmp_path) == first


def test_a_read_scene_equals_the_rendered_one(folder: Path) -> None:
    rooms = Rooms(folder)
    assert len(rooms) == 10
    for index in (0, 9):
        read, rendered = rooms[index], render_room(index, SIZE, FAST)
        assert read.name == rendered.name == f"room {index}"
        assert read.intrinsics == rendered.intrinsics
        assert np.array_equal(read.image, rendered.image)
        assert np.array_equal(read.instances, rendered.instances)
        assert read.labels.keys() == rendered.labels.keys()
        for name, label in rendered.labels.items():
            assert read.labels[name].dtype == label.dtype
            # Normals are kept in 16 bits: a hundredth of a degree.
            assert np.allclose(read.labels[name], label, atol=1e-4 if name == "normals" else 0)
        assert np.array_equal(read.valid["human_parts"], rendered.valid["human_parts"])


def test_only_a_missing_scene_is_written_again_with_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    _write(tmp_path, 4)
    before = _digests(tmp_path)
    times = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.npz")}
    (tmp_path / "00000002.npz").unlink()
    assert _write(tmp_path, 4) == 1
    assert _digests(tmp_path) == before
    untouched = {p.name for p in tmp_path.glob("*.npz") if p.stat().st_mtime_ns == times[p.name]}
    assert untouched == set(before) - {"00000002.npz"}


def test_a_complete_folder_is_left_alone(folder: Path) -> None:
    assert _write(folder, 10) == 0


def test_progress_ends_at_the_count_and_never_falls(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    _write(tmp_path, 9, progress=lambda done, count: seen.append((done, count)))
    assert seen[0] == (0, 9)
    assert seen[-1] == (9, 9)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_failure_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_savez(file: object, **arrays: np.ndarray) -> None:
        file.write(b"half a scene")
        raise OSError("disk full")

    _write(tmp_path, 2)
    monkeypatch.setattr(dataset.np, "savez", broken_savez)
    with pytest.raises(OSError, match="disk full"):
        _write(tmp_path, 4)
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000000.npz", "00000001.npz", "rooms.json"]
    assert _write(tmp_path, 4) == 2


def test_what_a_killed_run_left_is_removed_but_not_what_another_writes(tmp_path: Path) -> None:
    old, new = tmp_path / "00000007.1.tmp", tmp_path / "00000008.2.tmp"
    for path in (old, new):
        path.write_bytes(b"half a scene")
    os.utime(old, (time.time() - 3600,) * 2)
    _write(tmp_path, 1)
    assert not old.exists()
    assert new.exists()
    assert len(Rooms(tmp_path)) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": (24, 32)}, "size"),
        ({"split": "val"}, "split"),
        ({"options": RoomOptions(tail=0.5, supersample=1, window_rays=2, ambient_rays=2)}, "options"),
    ],
)
def test_rooms_of_another_kind_are_not_mixed_in(folder: Path, change: dict[str, object], named: str) -> None:
    before = _digests(folder)
    with pytest.raises(DataError, match=f"with {named} .* choose another folder"):
        _write(folder, 12, **change)
    assert _digests(folder) == before


def test_a_damaged_description_is_an_error_that_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rooms.json").write_text("{")
    with pytest.raises(DataError, match=r"rooms\.json"):
        _write(tmp_path, 1)


def test_the_description_names_split_size_options_and_version(folder: Path) -> None:
    found = json.loads((folder / "rooms.json").read_text())
    assert (found["split"], found["size"], found["version"]) == ("train", list(SIZE), dataset.VERSION)
    assert found["options"]["tail"] == 1.0


@pytest.mark.parametrize(("name", "value"), [("split", "training"), ("count", 0), ("size", (4, 48))])
def test_a_wrong_argument_is_named(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"{name} is"):
        _write(tmp_path, **{"count": 2, name: value})


@pytest.mark.parametrize("wrong", [{"tail": -1}, {"supersample": 0}, {"ambient_rays": 0}])
def test_options_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        RoomOptions(**wrong)


def test_a_folder_without_rooms_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rooms\.json"):
        Rooms(tmp_path)


def test_a_truncated_scene_is_an_error_that_names_the_file(folder: Path, tmp_path: Path) -> None:
    _write(tmp_path, 1)
    path = tmp_path / "00000000.npz"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match="00000000"):
        Rooms(tmp_path)[0]
