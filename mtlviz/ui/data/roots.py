"""Which data sets on this machine the app may open.

The rule: only what lies in a folder that the person who started the app has named, by ``streamlit run app.py -- --data
PATH`` (as often as needed) or in the environment variable ``MTLVIZ_DATA``. Where none is named, none can be opened,
even on one's own machine: that the server is bound to this machine says nothing about who reaches it through a proxy.

A link names a data set by a label of the list that is made here, and never a path. A path that a person types is
resolved first, links of the file system included, and refused in the same words whether it is outside or not there.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mtlviz.data.sets.catalogue import FORMS
from mtlviz.data.sets.folder_yaml import read_folder_yaml
from mtlviz.errors import DataError

VARIABLE = "MTLVIZ_DATA"
OPTION = "--data"
START = f"streamlit run app.py -- {OPTION} PATH"
MOST_LISTED = 200
"""Folders looked at in one folder, and data sets listed."""
_DEPTH = 2
"""Folders below a named one in which data sets are looked for; deeper ones can be typed."""
_YAML = (".yaml", ".yml")


def named_folders(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders (or YAML files of folder data sets) that the app was started with, resolved.

    Args:
        arguments: of the command line.
        environment: its variables.
    """
    given = [
        argument.removeprefix(f"{OPTION}=") if argument.startswith(f"{OPTION}=") else following
        for argument, following in zip(arguments, [*arguments, ""][1:], strict=True)
        if argument == OPTION or argument.startswith(f"{OPTION}=")
    ]
    given += environment.get(VARIABLE, "").split(os.pathsep)
    return tuple(dict.fromkeys(Path(one).resolve() for one in given if one.strip()))


def typed_path(text: str, folders: Sequence[Path]) -> Path:
    """The file or folder that a person names.

    Args:
        text: a path, absolute or from one of the folders.
        folders: those that are allowed, resolved.

    Raises:
        DataError: if it is not there or not in one of the folders; the sentence does not tell which.
    """
    for folder in folders:
        try:
            path = (folder / text.strip()).resolve()  # an absolute text replaces the folder
            if any(path.is_relative_to(allowed) for allowed in folders) and path.exists():
                return path
        except (OSError, ValueError, RuntimeError):
            continue
    raise DataError("There is no such path in the folders that this app was started with; give one that lies in them.")


def listed(folders: Sequence[Path]) -> dict[str, Path]:
    """Data sets in the folders, by label; the most that are listed are ``MOST_LISTED``."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in _data_sets(folder, _DEPTH):
            if len(found) < MOST_LISTED:
                found[label(path, folders)] = path
    return found


def label(path: Path, folders: Sequence[Path]) -> str:
    """A short name of a data set in one of the folders, different for different paths."""
    inside = next(folder for folder in sorted(folders, key=lambda one: -len(one.parts)) if path.is_relative_to(folder))
    alike = [folder for folder in folders if folder.name == inside.name]
    start = inside.name if len(alike) < 2 else f"{inside.name} ({alike.index(inside) + 1})"
    below = path.relative_to(inside).as_posix()
    parts = [start] if below == "." else [below] if len(folders) == 1 else [start, below]
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in "/".join(parts))


def without_folders(sentence: str, folders: Iterable[Path]) -> str:
    """A sentence for a person at a browser, who need not know where on this machine the folders lie."""
    for folder in folders:
        sentence = sentence.replace(str(folder), folder.name)
    return sentence


def _data_sets(path: Path, depth: int) -> Iterator[Path]:
    """The path itself, or what lies in it and is a data set."""
    try:
        if path.is_file():
            if path.suffix in _YAML and _is_yaml_of_data(path):
                yield path
            return
        if any(form.recognises(path) for form in FORMS):
            yield path
            return
        inner = sorted(child for child in path.iterdir() if not child.name.startswith(".")) if depth else []
    except OSError:
        return
    folders = [child for child in inner if child.is_dir()][:MOST_LISTED]
    beside = {folder.name for folder in folders}  # the YAML beside a folder belongs to the folder
    files = [child for child in inner if child.suffix in _YAML and child.stem not in beside][:MOST_LISTED]
    for child in (*folders, *files):
        yield from _data_sets(child, depth - 1)


def _is_yaml_of_data(path: Path) -> bool:
    try:
        read_folder_yaml(path)
    except DataError:
        return False
    return True
