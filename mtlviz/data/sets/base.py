"""A data set on disk: samples by position, labels with masks, the tasks with their own classes and units."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol, runtime_checkable

from mtlviz.data.sample import Sample
from mtlviz.errors import DataError
from mtlviz.tasks import Task


class Finding(NamedTuple):
    """One thing about a file that a person should know.

    Attributes:
        file: path inside the data set.
        says: a phrase that goes on from the file's name.
        serious: True where the file is missing or cannot be used, False where it is odd but usable.
    """

    file: str
    says: str
    serious: bool


class BadFile(DataError):
    """One file of a data set is missing or cannot be used.

    Attributes:
        file: its path.
        says: a phrase that goes on from the file's name.
    """

    def __init__(self, file: Path, says: str) -> None:
        super().__init__(f"{file} {says.rstrip('.')}.")
        self.file = file
        self.says = says.rstrip(".")


@runtime_checkable
class DataSet(Protocol):
    """One split of a data set."""

    @property
    def variant(self) -> str:
        """Which of the known forms it has, one phrase, e.g. ``"NYUD_MT, 480x640"``."""
        ...

    @property
    def title(self) -> str:
        """Name shown to a person."""
        ...

    @property
    def split(self) -> str:
        """Usually ``"train"`` or ``"val"``."""
        ...

    @property
    def splits(self) -> tuple[str, ...]:
        """Every split that is there."""
        ...

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is labelled, with this data set's classes, colours and units."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Of the samples, in order."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """A sample with all labels at the size of its image.

        Raises:
            DataError: naming the file that is missing or cannot be used.
        """
        ...

    def only(self, tasks: Sequence[str]) -> "DataSet":
        """The same samples with these tasks alone, so that no other file is read."""
        ...

    def files(self, index: int) -> tuple[Path, ...]:
        """What a sample is read from, whether it is there or not."""
        ...

    def check(self, index: int) -> Iterator[Finding]:
        """Read every file of a sample and say what is missing or odd."""
        ...

    def strays(self) -> Iterator[Finding]:
        """Label files that belong to no sample of any split."""
        ...


def positions(known: Sequence[Task], wanted: Sequence[str]) -> list[int]:
    """Positions of the wanted tasks.

    Raises:
        DataError: if one is not there.
    """
    names = [task.name for task in known]
    missing = [task for task in wanted if task not in names]
    if missing:
        raise DataError(f"The data set has no labels for {missing[0]!r}; it has {', '.join(names) or 'none'}.")
    return [names.index(task) for task in wanted]


def checked_names(names: Sequence[str], where: str) -> tuple[str, ...]:
    """Names of samples from a list, none of which leads out of the data set.

    Raises:
        DataError: if one does, or there is none.
    """
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or not name.isprintable() or "\\" in name:
            raise DataError(f"{where} names {name[:80]!r}, which is no name of a sample; names are relative paths.")
    if not names:
        raise DataError(f"{where} names no sample; it should list some.")
    return tuple(names)


def chosen_split(split: str, splits: Sequence[str], root: Path) -> str:
    """The split asked for.

    Raises:
        DataError: if it is not there.
    """
    if split not in splits:
        raise DataError(f"{root} has no split {split!r}; it has {', '.join(splits) or 'none'}.")
    return split
