"""Rendered rooms as a data set: a folder with ``rooms.json``, or one with such folders named ``train`` and ``val``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mtlviz.data.rooms import Rooms
from mtlviz.data.sample import Sample
from mtlviz.data.sets.base import Finding, chosen_split, positions
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS, Task

EXPECTS = "rooms.json (rendered rooms)"
_DESCRIPTION = "rooms.json"


@dataclass(frozen=True)
class RoomSet:
    """Rooms as a ``DataSet``."""

    rooms: Rooms
    split: str
    splits: tuple[str, ...]
    tasks: tuple[Task, ...] = tuple(TASKS.values())
    title: str = "Rendered rooms"

    @property
    def variant(self) -> str:
        """Version and size."""
        size = self.rooms.description.get("size")
        shape = "x".join(str(side) for side in size) if isinstance(size, list) else "an unknown size"
        return f"Rooms of version {self.rooms.description.get('version')}, {shape}"

    @property
    def names(self) -> Sequence[str]:
        """Of the files, which are the seeds."""
        return tuple(path.stem for path in self.rooms.paths)

    def __len__(self) -> int:
        """Number of rooms."""
        return len(self.rooms)

    def __getitem__(self, index: int) -> Sample:
        """A room with the labels of the tasks.

        Raises:
            DataError: if its file is damaged.
        """
        sample, wanted = self.rooms[index], {task.name for task in self.tasks}
        labels = {task: label for task, label in sample.labels.items() if task in wanted}
        valid = {task: mask for task, mask in sample.valid.items() if task in wanted}
        return replace(sample, labels=labels, valid=valid)

    def only(self, tasks: Sequence[str]) -> "RoomSet":
        """The same rooms with these tasks alone."""
        return replace(self, tasks=tuple(self.tasks[position] for position in positions(self.tasks, tasks)))

    def files(self, index: int) -> tuple[Path, ...]:
        """The file of a room."""
        return (self.rooms.paths[index],)

    def check(self, index: int) -> Iterator[Finding]:
        """Read a room and say what is wrong with it."""
        try:
            self.rooms[index]
        except DataError:
            yield Finding(self.rooms.paths[index].name, "is not a complete room", True)

    def strays(self) -> Iterator[Finding]:
        """None: a room is one file."""
        return iter(())


def recognises(root: Path) -> bool:
    """Whether a folder holds rooms."""
    return (root / _DESCRIPTION).is_file() or bool(_folders(root))


def splits(root: Path) -> tuple[str, ...]:
    """Splits that are there; a folder of rooms is one split, whatever it is asked for as."""
    if not (root / _DESCRIPTION).is_file():
        return _folders(root)
    return (str(Rooms(root).description.get("split", "train")),)


def open_split(root: Path, split: str) -> RoomSet:
    """Rooms of a split; those of a single folder serve as any.

    Raises:
        DataError: if there are none.
    """
    if (root / _DESCRIPTION).is_file():
        return RoomSet(Rooms(root), split, splits(root))
    return RoomSet(Rooms(root / chosen_split(split, splits(root), root)), split, splits(root))


def _folders(root: Path) -> tuple[str, ...]:
    return tuple(name for name in ("train", "val", "test") if (root / name / _DESCRIPTION).is_file())
