"""Every form of data set that is known, and which of them lies at a path."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mtlviz.data.sets import cityscapes, folder, mtan, nyud, pascal_context, room_set
from mtlviz.data.sets.base import DataSet
from mtlviz.errors import DataError


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        expects: what lies in such a data set, for a sentence.
        recognises: whether a path is one, from the names of a few files alone.
        splits: its splits.
        open_split: opens one; raises DataError where it cannot.
    """

    expects: str
    recognises: Callable[[Path], bool]
    splits: Callable[[Path], tuple[str, ...]]
    open_split: Callable[[Path, str], DataSet]


FORMS: tuple[Form, ...] = tuple(
    Form(module.EXPECTS, module.recognises, module.splits, module.open_split)
    for module in (folder, room_set, nyud, pascal_context, cityscapes, mtan)
)
"""In the order in which they are tried: what a person wrote a YAML for comes first."""


def recognise(path: Path) -> Form:
    """The form of the data set at a path.

    Raises:
        DataError: if there is none that is known; says what is nearest.
    """
    if not path.exists():
        raise DataError(f"There is no data set at {str(path)!r}; give the path of its folder or of its YAML.")
    found = _form(path)
    if found is not None:
        return found
    if not path.is_dir():
        raise DataError(f"{str(path)!r} is no folder; give the folder of a data set, or the path of a YAML.")
    inner = next((child for child in sorted(path.iterdir()) if child.is_dir() and _form(child)), None)
    if inner is not None:
        raise DataError(f"{str(path)!r} holds the data set {inner.name!r} but is none itself; give {str(inner)!r}.")
    known = ", ".join(form.expects for form in FORMS)
    raise DataError(f"{str(path)!r} is no data set that is known; it should hold one of {known}.")


def _form(path: Path) -> Form | None:
    return next((form for form in FORMS if form.recognises(path)), None)


def data_splits(path: Path) -> tuple[str, ...]:
    """Splits of the data set at a path.

    Raises:
        DataError: if there is no data set that is known, or it has no split.
    """
    splits = recognise(path).splits(path)
    if not splits:
        raise DataError(f"{path} lists no split; a data set needs at least train or val.")
    return splits


def open_data(path: Path, split: Literal["train", "val", "test"] | str = "val") -> DataSet:
    """One split of the data set at a path, whatever its form.

    Args:
        path: its folder, or the YAML of a folder data set.
        split: usually ``train`` or ``val``.

    Raises:
        DataError: in one sentence, if there is no such data set or split.
    """
    try:
        return recognise(path).open_split(path, split)
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read ({error.strerror}).") from error
