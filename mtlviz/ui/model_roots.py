"""Which models the app offers: those of the folders and adapters that the person who started it has named.

``streamlit run app.py -- --checkpoints DIR --adapter PLACE``, each as often as needed, or the environment variables
``MTLVIZ_CHECKPOINTS`` and ``MTLVIZ_ADAPTERS``. An adapter is code that runs, so that no link and no page can name one.
"""

import os
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from mtlviz.adapters.sources import VARIABLE as ADAPTERS_VARIABLE
from mtlviz.checkpoints import DEFAULT_FOLDER, MANIFEST, Folders

FOLDER_VARIABLE = "MTLVIZ_CHECKPOINTS"
FOLDER_OPTION, ADAPTER_OPTION = "--checkpoints", "--adapter"


def announce(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Put what a command line names where this process, and every one that it starts, looks for it.

    Folders take the place of those in the environment, adapters join them.

    Args:
        arguments: of the command line.
        environment: its variables, which are changed.
    """
    if folders := _given(arguments, FOLDER_OPTION):
        environment[FOLDER_VARIABLE] = os.pathsep.join(folders)
    named = [place for place in environment.get(ADAPTERS_VARIABLE, "").split(",") if place]
    if adapters := list(dict.fromkeys([*named, *_given(arguments, ADAPTER_OPTION)])):
        environment[ADAPTERS_VARIABLE] = ",".join(adapters)


def model_folders(environment: Mapping[str, str]) -> Folders:
    """The folders of checkpoints, the shipped one where none is named."""
    named = [Path(one) for one in environment.get(FOLDER_VARIABLE, "").split(os.pathsep) if one.strip()]
    return DEFAULT_FOLDER if not named else named[0] if len(named) == 1 else tuple(named)


def as_text(folders: Folders) -> str:
    """The folders as a key of a cache; ``as_folders`` is the way back."""
    return str(folders) if isinstance(folders, Path) else os.pathsep.join(map(str, folders))


def as_folders(text: str) -> Folders:
    """The folders of ``as_text``."""
    return model_folders({FOLDER_VARIABLE: text})


def version(folders: Folders) -> int:
    """Changes when a checkpoint in one of the folders does."""
    places = (folders,) if isinstance(folders, Path) else folders
    manifests = [place / MANIFEST for place in places]
    return max((manifest.stat().st_mtime_ns for manifest in manifests if manifest.exists()), default=0)


def _given(arguments: Sequence[str], option: str) -> list[str]:
    """The values of an option, written ``option value`` or ``option=value``."""
    following = [*arguments, ""][1:]
    found = [
        argument.removeprefix(f"{option}=") if argument.startswith(f"{option}=") else after
        for argument, after in zip(arguments, following, strict=True)
        if argument == option or argument.startswith(f"{option}=")
    ]
    return [value for value in found if value]
