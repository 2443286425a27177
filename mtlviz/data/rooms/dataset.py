"""Rooms on disk: one uncompressed .npz a scene, written once and read in about a millisecond."""

import json
import multiprocessing
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mtlviz.data.rooms.render import DEFAULT_OPTIONS, RoomOptions, render_room
from mtlviz.data.sample import Intrinsics, Sample
from mtlviz.errors import DataError, OptionError
from mtlviz.files import write_whole, written_whole
from mtlviz.tasks import ROOM_CLASSES

VERSION = 1
"""Changes whenever a seed would no longer give the same bytes."""

SPLITS: dict[str, range] = {
    "train": range(0, 10_000_000),
    "val": range(10_000_000, 20_000_000),
    "test": range(20_000_000, 30_000_000),
}
"""Seeds of each split; they never overlap."""

_DESCRIPTION = "rooms.json"
_ABANDONED = 600.0  # seconds; no scene takes that long to write
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def scene_path(root: Path, seed: int) -> Path:
    """File of the scene with this seed."""
    return root / f"{seed:08d}.npz"


def _arrays(sample: Sample) -> dict[str, np.ndarray]:
    k = sample.intrinsics
    if k is None or sample.instances is None:
        raise DataError(f"{sample.name!r} has no intrinsics or no instances; only rendered rooms can be written.")
    normals = np.round(sample.labels["normals"] * 32767).astype(np.int16)
    return {
        "image": sample.image,
        "semseg": sample.labels["semseg"],
        "depth": sample.labels["depth"],
        "normals": normals,
        "edge": sample.labels["edge"],
        "saliency": sample.labels["saliency"],
        "human_parts": sample.labels["human_parts"],
        "instances": sample.instances.astype(np.int16),
        "intrinsics": np.array([k.fx, k.fy, k.cx, k.cy]),
    }


def _write_scene(root: Path, seed: int, size: tuple[int, int], options: RoomOptions) -> None:
    """Render and save one scene; the file appears whole or not at all."""
    with written_whole(scene_path(root, seed)) as partial, partial.open("wb") as file:
        np.savez(file, **_arrays(render_room(seed, size, options)))  # type: ignore[arg-type]


def _clear_remains(out: Path) -> None:
    """Remove what a killed run left; a younger temporary file may belong to a run that is still writing."""
    for path in out.glob("*.tmp"):
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)


def _write_batch(root: Path, seeds: list[int], size: tuple[int, int], options: RoomOptions) -> int:
    for seed in seeds:
        _write_scene(root, seed, size, options)
    return len(seeds)


def _description(folder: Path) -> dict[str, object]:
    path = folder / _DESCRIPTION
    if not path.exists():
        raise DataError(f"{folder} holds no {_DESCRIPTION}; give a folder that rooms were written to.")
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged; delete the folder and write the rooms again.") from error
    return dict(found) if isinstance(found, dict) else {}


def _describe(out: Path, split: str, size: tuple[int, int], options: RoomOptions) -> None:
    """Write the folder's description, or check that the one there says the same."""
    wanted = {"version": VERSION, "split": split, "size": list(size), "options": asdict(options)}
    path = out / _DESCRIPTION
    if not path.exists():
        write_whole(path, json.dumps(wanted, indent=1) + "\n")
        return
    found = _description(out)
    for key, value in wanted.items():
        if found.get(key) != value:
            raise DataError(
                f"{out} holds rooms with {key} {found.get(key)}, not {value}; choose another folder or the same {key}."
            )


def write_rooms(
    out: Path,
    *,
    split: str = "train",
    count: int,
    size: tuple[int, int] = (128, 160),
    workers: int = 1,
    options: RoomOptions = DEFAULT_OPTIONS,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Render the first `count` rooms of a split into a folder; what is there already is kept.

    Args:
        out: folder, made if missing.
        split: key of `SPLITS`.
        count: number of scenes the folder shall hold.
        size: (height, width) in pixels.
        workers: processes; 1 renders in this one.
        options: how rooms are made.
        progress: called with (scenes present, count) after every few scenes.

    Returns:
        Number of scenes rendered by this call.

    Raises:
        DataError: if the folder holds rooms of another split, size, version or other options.
        OptionError: if the split is unknown or too small.
    """
    if split not in SPLITS:
        raise OptionError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    if not 0 < count <= len(SPLITS[split]):
        raise OptionError(f"count is {count}; it must lie between 1 and {len(SPLITS[split])}.")
    if min(size) < 8:
        raise OptionError(f"size is {size}; height and width must be at least 8 pixels.")
    out.mkdir(parents=True, exist_ok=True)
    _clear_remains(out)
    _describe(out, split, size, options)
    missing = [seed for seed in SPLITS[split][:count] if not scene_path(out, seed).exists()]
    done = count - len(missing)
    if progress:
        progress(done, count)
    for written in _run(out, missing, size, options, workers):
        done += written
        if progress:
            progress(done, count)
    return len(missing)


def _run(out: Path, seeds: list[int], size: tuple[int, int], options: RoomOptions, workers: int) -> Iterator[int]:
    """Render the seeds in batches and yield the number of scenes of each finished batch."""
    batches = [seeds[k : k + 8] for k in range(0, len(seeds), 8)]
    if workers <= 1:
        for batch in batches:
            yield _write_batch(out, batch, size, options)
        return
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    # Spawned workers read these when they import numpy: one thread each, or they fight over the cores.
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            jobs = [pool.submit(_write_batch, out, batch, size, options) for batch in batches]
            try:
                for job in as_completed(jobs):
                    yield job.result()
            finally:
                pool.shutdown(cancel_futures=True)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Rooms:
    """Rendered rooms in a folder, as samples.

    Args:
        root: folder written by `write_rooms`.

    Raises:
        DataError: if the folder holds no rooms.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.description = _description(self.root)
        self.paths = sorted(self.root.glob("*.npz"))
        if not self.paths:
            raise DataError(f"{self.root} holds no rooms yet; write some first.")

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        """The scene at this position in the order of the seeds."""
        return read_scene(self.paths[index])


def read_scene(path: Path) -> Sample:
    """One scene from its file.

    Raises:
        DataError: if the file is not a complete scene.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            a = {name: file[name] for name in file.files}
        normals = a["normals"].astype(np.float32)
        normals /= np.sqrt(np.einsum("hwc,hwc->hw", normals, normals))[..., None]
        labels = {name: a[name] for name in ("semseg", "depth", "edge", "saliency", "human_parts")} | {
            "normals": normals
        }
        someone = bool((a["human_parts"] != 255).any())
        valid = {"human_parts": np.full(a["semseg"].shape, someone)}
        camera = Intrinsics(*(float(value) for value in a["intrinsics"]))
        return Sample(a["image"], f"room {int(path.stem)}", labels, valid, a["instances"].astype(np.int32), camera)
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not a complete room; delete it and write the rooms again.") from error


def class_frequencies(samples: Iterable[Sample]) -> Float[np.ndarray, " C"]:
    """Share of all labelled pixels that each class of ``ROOM_CLASSES`` covers; the shares sum to 1.

    Raises:
        DataError: if no pixel has a label.
    """
    count = np.zeros(len(ROOM_CLASSES))
    for sample in samples:
        semseg = sample.labels["semseg"]
        count += np.bincount(semseg.ravel(), minlength=256)[: len(ROOM_CLASSES)]
    if not count.sum():
        raise DataError("no labelled pixel in the samples given; class frequencies need at least one.")
    return np.asarray(count / count.sum())
