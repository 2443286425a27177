"""Data sets on disk as images of the app: opened once and read one image at a time, for all sessions."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from mtlviz.data.images import display_name
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.data.sets import DataSet, data_splits, open_data
from mtlviz.data.sets.folder import yaml_of
from mtlviz.data.truth import without
from mtlviz.errors import DataError, MtlvizError
from mtlviz.tasks import Task
from mtlviz.ui.data import roots
from mtlviz.ui.sources import LONGEST_SIDE, shrunk

PREFERRED_SPLIT = "val"


@dataclass(frozen=True)
class Opened:
    """One split of a data set.

    Attributes:
        label: what the data set is called in links.
        path: where it lies.
        data: the samples.
        stamp: of the YAML that describes it, if one does; see ``stamp``.
    """

    label: str
    path: Path
    data: DataSet
    stamp: int

    @property
    def key(self) -> tuple[str, str, int]:
        """Names it among all that are open."""
        return str(self.path), self.data.split, self.stamp

    def read(self, number: int, tasks: Sequence[str] | None = None) -> Sample:
        """A sample at the size at which the app shows it, with the labels that have a pixel that counts.

        Args:
            number: its position.
            tasks: those whose labels are read; None reads all.

        Raises:
            DataError: if a file of it cannot be used.
        """
        data = self.data if tasks is None else self.data.only(tasks)
        try:
            sample = data[number]
        except DataError as error:
            raise DataError(roots.without_folders(str(error), folders())) from error
        empty = [task.name for task in data.tasks if not valid_pixels(sample, task).any()]
        name = f"{self.label} {self.data.split} {number} · {display_name(sample.name)}"
        return shrunk(replace(without(sample, empty), name=name), LONGEST_SIDE)


def folders() -> tuple[Path, ...]:
    """What the app was started with."""
    return roots.named_folders(sys.argv[1:], os.environ)


def known() -> dict[str, Path]:
    """Data sets that can be chosen, by label: what is found in the folders and what was typed since the start."""
    return _listed(folders()) | _typed(folders())


def add(text: str) -> str:
    """Label of the data set at a path that a person typed; from now on it can be chosen and linked to.

    Raises:
        DataError: if there is none, or it is not in the folders that are allowed.
    """
    path = roots.typed_path(text, folders())
    try:
        data_splits(path)
    except MtlvizError as error:
        raise DataError(roots.without_folders(str(error), folders())) from error
    name = roots.label(path, folders())
    _typed(folders())[name] = path
    return name


def splits(path: Path) -> tuple[str, ...]:
    """Splits of a data set, the preferred one first.

    Raises:
        DataError: if it has none.
    """
    try:
        found = _splits(path)
    except DataError as error:
        raise DataError(roots.without_folders(str(error), folders())) from error
    return tuple(sorted(found, key=lambda split: (split != PREFERRED_SPLIT, found.index(split))))


def opened(label: str, path: Path, split: str) -> Opened:
    """A split, opened.

    Raises:
        DataError: if it cannot be.
    """
    try:
        described = stamp(() if (file := yaml_of(path)) is None else (file,))
        return Opened(label, path, _opened(path, split, described), described)
    except DataError as error:
        raise DataError(roots.without_folders(str(error), folders())) from error


def read(source: Opened, number: int) -> Sample:
    """``Opened.read`` with all labels, remembered as long as the files stay as they are.

    Once they do not, the sample has another name, by which whatever is computed of an image is remembered.
    """
    written = hash((source.stamp, stamp(source.data.files(number))))
    before = _first_seen(str(source.path), source.data.split).setdefault(number, written)
    return _read(source, source.label, *source.key, number, written, written != before)


def stamps(source: Opened, numbers: Sequence[int]) -> dict[int, int]:
    """By position the stamp of a sample's files, looked at again every half minute."""
    return _stamps(source, *source.key, tuple(numbers))


def stamp(files: Sequence[Path]) -> int:
    """A number that changes when one of the files is written, replaced or removed; only this process knows it."""
    return hash(tuple((str(file), *_written(file)) for file in files))


def _written(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, -1
    return found.st_mtime_ns, found.st_size


def task_names(tasks: Sequence[Task]) -> str:
    """Tasks in words."""
    return ", ".join(task.title.lower() for task in tasks) or "no labels"


@st.cache_data(ttl=60, max_entries=8, show_spinner="Looking for data sets.")
def _listed(folders: tuple[Path, ...]) -> dict[str, Path]:
    return roots.listed(folders)


@st.cache_resource(max_entries=8, show_spinner=False)
def _typed(folders: tuple[Path, ...]) -> dict[str, Path]:
    """By label; what was typed is kept as long as the server runs, so that links to it work."""
    return {}


@st.cache_data(ttl=60, max_entries=64, show_spinner=False)
def _splits(path: Path) -> tuple[str, ...]:
    return data_splits(path)


@st.cache_resource(max_entries=16, ttl=60, show_spinner="Listing the data set.")
def _opened(path: Path, split: str, described: int) -> DataSet:
    return open_data(path, split)


@st.cache_resource(max_entries=12, show_spinner="Reading the image and its labels.")
def _read(
    _source: Opened, label: str, path: str, split: str, described: int, number: int, written: int, changed: bool
) -> Sample:
    sample = _source.read(number)
    return replace(sample, name=f"{sample.name}, changed {written & 0xFFFFFF:06x}") if changed else sample


@st.cache_resource(max_entries=32, show_spinner=False)
def _first_seen(path: str, split: str) -> dict[int, int]:
    """By position what the files of an image were when this server first read them."""
    return {}


@st.cache_data(ttl=30, max_entries=8, show_spinner=False)
def _stamps(_source: Opened, path: str, split: str, described: int, numbers: tuple[int, ...]) -> dict[int, int]:
    return {number: stamp(_source.data.files(number)) for number in numbers}
