"""Where adapters come from: code that the person who starts the process names, and never anything else.

Importing code is running it. So an adapter is loaded only if it is named on the command line, in ``MTLVIZ_ADAPTERS``,
or by an installed package under the entry point group ``mtlviz.adapters``; a browser can choose among those alone.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from mtlviz.adapters.base import Adapter
from mtlviz.cards import ModelCard
from mtlviz.errors import AdapterError, MtlvizError, first_mistake

VARIABLE = "MTLVIZ_ADAPTERS"
"""Environment variable: places of adapters, with commas between them."""
GROUP = "mtlviz.adapters"
"""Entry points of installed packages, each under the name of its card."""
SUFFIX = ".py"


def names_code(name: str) -> bool:
    """Whether a name says where code lies; names of checkpoints cannot."""
    return ":" in name


def adapter_places() -> dict[str, str]:
    """By name of the card where the adapter's code lies.

    What ``MTLVIZ_ADAPTERS`` names is imported for it; entry points are not, before they are chosen.

    Raises:
        AdapterError: if an adapter cannot be loaded, or two have one name.
    """
    named = [place.strip() for place in os.environ.get(VARIABLE, "").split(",")]
    found: dict[str, str] = {}
    for name, place in [*((_name_at(place), place) for place in named if place), *_installed()]:
        if found.setdefault(name, place) != place:
            raise AdapterError(
                f"Two adapters have the name {name!r}, {found[name]} and {place}; rename one of their cards."
            )
    return found


def load_adapter(place: str) -> Adapter:
    """A new adapter of a class or a function; an adapter that is made already is given as it is.

    Args:
        place: ``path.py:attribute`` or ``module:attribute``.

    Raises:
        AdapterError: in one sentence, if there is none that works.
    """
    where, _, attribute = place.rpartition(":")
    if not where or not attribute:
        raise AdapterError(f"{place!r} names no adapter; write path.py:attribute or module:attribute.")
    found: Any = _module(where)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise AdapterError(f"{where} has no {attribute!r}; name the adapter's class or instance in it.") from error
    try:
        adapter = found if isinstance(found, Adapter) else found()
    except (Exception, SystemExit) as error:  # whatever the code of somebody else raises
        raise AdapterError(f"{place} cannot be made: {_said(error)}.") from error
    if not isinstance(adapter, Adapter):
        kind = type(adapter).__name__
        raise AdapterError(f"{place} is no adapter but a {kind}; derive it from mtlviz.adapters.Adapter.")
    if not hasattr(adapter, "card") or not hasattr(adapter, "network"):
        raise AdapterError(f"{place} has no card or no network; call super().__init__(network, card) in its __init__.")
    return adapter


@cache
def _name_at(place: str) -> str:
    return load_adapter(place).card.name


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    return tuple((point.name, point.value) for point in entry_points(group=GROUP))


@cache
def _module(where: str) -> ModuleType:
    """The imported module; a file is imported once, its folder being searched for what lies beside it."""
    try:
        if not where.endswith(SUFFIX):
            return importlib.import_module(where)
        return _from_file(Path(where).resolve())
    except FileNotFoundError as error:
        raise AdapterError(f"There is no file {where!r}; give the path of the adapter's code.") from error
    except (Exception, SystemExit) as error:  # whatever the code of somebody else raises
        raise AdapterError(f"{where} cannot be imported: {_said(error)}.") from error


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(path)
    name = f"adapter_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with _searched(path.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextmanager
def _searched(folder: Path) -> Iterator[None]:
    """Imports look into a folder first, as they do for a script that lies there."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _said(error: BaseException) -> str:
    if isinstance(error, ValidationError):  # of its card
        place = ".".join(map(str, error.errors()[0]["loc"]))
        return f"in its {error.title}, {f'{place}: ' if place else ''}{first_mistake(error, ModelCard.model_fields)}"
    if isinstance(error, MtlvizError):
        return str(error).rstrip(".")
    words = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__
