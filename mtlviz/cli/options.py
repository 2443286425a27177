"""Arguments that several commands share, and how their text is read."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.checkpoints import Folders
    from mtlviz.data.sample import Sample

ImageName = Annotated[
    str,
    typer.Argument(metavar="IMAGE", help="PNG, JPEG or WebP file, photograph:china or rooms:val:NUMBER."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of the results, made if missing; same names are replaced.")]
CheckpointName = Annotated[
    str,
    typer.Option(
        "--checkpoint", help="A name that 'checkpoints' lists, or an adapter: path.py:attribute, whose code then runs."
    ),
]
NetworkName = Annotated[str, typer.Option("--checkpoint", help="A name that 'checkpoints' lists.")]
Given = list[Path] | None
"""Folders of checkpoints as an option gives them."""
INSTEAD = "Folder of checkpoints to use instead of the shipped one"
Checkpoints = Annotated[
    Given, typer.Option("--checkpoints", envvar="MTLVIZ_CHECKPOINTS", help=f"{INSTEAD}; may be repeated.")
]
OneFolder = Annotated[Given, typer.Option("--checkpoints", envvar="MTLVIZ_CHECKPOINTS", help=f"{INSTEAD}.")]
Folder = Annotated[Given, typer.Option("--folder", envvar="MTLVIZ_CHECKPOINTS", help=f"{INSTEAD}; may be repeated.")]
More = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Further names for --checkpoints.")]
ModelNames = Annotated[list[str] | None, typer.Option("--checkpoints", "--checkpoint", help="Models, one or more.")]
ComparedNames = Annotated[
    list[str] | None,
    typer.Option("--checkpoints", "--checkpoint", help="Models, one or more; others are compared with the first."),
]
OutFile = Annotated[Path | None, typer.Option("--out", help="JSON file for the result, which the app shows.")]
Device = Annotated[str | None, typer.Option("--device", help="cuda, mps or cpu; by default the fastest.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes for rooms and for edges; by default one a core.")]
Split = Annotated[str, typer.Option(help="Split of a data set; rooms:val and its like are one already.")]

SMALLEST_SIDE, LARGEST_SIDE = 32, 2048


def checkpoint_folder(given: Given) -> "Folders":
    """The folders of checkpoints asked for, or the shipped one."""
    from mtlviz.checkpoints import DEFAULT_FOLDER

    if not given:
        return DEFAULT_FOLDER
    return given[0] if len(given) == 1 else tuple(given)


def one_folder(given: Given, option: str = "--checkpoints") -> Path:
    """The one folder of checkpoints asked for, or the shipped one.

    Raises:
        OptionError: if there are several.
    """
    found = checkpoint_folder(given)
    if not isinstance(found, Path):
        raise OptionError(f"{option} names {len(found)} folders here, where one is needed; leave out the others.")
    return found


def open_image(image: str) -> "Sample":
    """The image of a path, one of scikit-learn's photographs, or a room that is rendered now.

    Raises:
        ImageError: if the file cannot be used.
        OptionError: if there is no such photograph or room.
    """
    kind, _, name = image.partition(":")
    if kind == "photograph":
        return _photograph(name)
    if kind == "rooms":
        return _room(name)
    from mtlviz.data.images import read_image

    return read_image(Path(image))


def _photograph(name: str) -> "Sample":
    from mtlviz.data.images import photographs

    known = photographs()
    if name not in known:
        raise OptionError(f"There is no photograph {name!r}; choose one of {', '.join(known)}.")
    return known[name]()


def _room(name: str) -> "Sample":
    from mtlviz.data.rooms import SPLITS, render_room

    split, _, number = name.partition(":")
    if split not in SPLITS or re.fullmatch("[0-9]{1,7}", number) is None:
        known = ", ".join(SPLITS)
        raise OptionError(f"There is no room {name!r}; write a split ({known}) and a number, like rooms:val:3.")
    return render_room(SPLITS[split][int(number)])


def parse_size(text: str) -> tuple[int, int]:
    """``"128x160"`` as (height, width) in pixels.

    Raises:
        OptionError: if the text is not HEIGHTxWIDTH or a side is too small or too large.
    """
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text)
    if match is None:
        raise OptionError(f"--size {text!r} is not HEIGHTxWIDTH in pixels; write for example 128x160.")
    height, width = int(match[1]), int(match[2])
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width)):
        allowed = f"{SMALLEST_SIDE} to {LARGEST_SIDE} pixels"
        raise OptionError(f"--size {text!r} is not possible; each side must have {allowed}.")
    return height, width


def chosen_device(given: str | None) -> str:
    """The device asked for, or the fastest that is there.

    Raises:
        OptionError: if it is not there.
    """
    from mtlviz.engine import available_devices

    there = available_devices()
    if given is not None and given not in there:
        raise OptionError(f"--device {given!r} is not available here; choose one of {', '.join(there)}.")
    return given or there[0]


def worker_count(given: int | None) -> int:
    """The number of processes asked for, or the number of cores."""
    return given or os.cpu_count() or 1


def cache_folder(given: Path | None) -> Path:
    """The folder asked for, or the platform's own place for what can be computed again."""
    from mtlviz.data.sets.edge_cache import default_cache

    return default_cache() if given is None else given
