"""Results of commands over many images: which are stored, and what made one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from mtlviz import results
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Provenance
from mtlviz.errors import DataError

Result = TypeVar("Result")
RENDERED = {f"data/rooms/{split}": f"rooms:{split}" for split in ("train", "val")}
"""Where ``python -m mtlviz rooms`` is documented to put the rooms, and what they are called when made on the fly."""


@dataclass(frozen=True)
class SetProvenance(Provenance):
    """What made numbers over a set of images, which have a name and no common hash.

    Attributes:
        processes: that computed.
        protocol: of the numbers, in words or as settings by name, e.g. how often they were resampled.
    """

    processes: int = 1
    protocol: str | Mapping[str, Any] = ""

    def stamp(self) -> str:
        """One line for a file."""
        drawn = f"seed {self.seed}"
        if not isinstance(self.protocol, str):
            drawn = f"{self.protocol['resamples']} resamples of {self.protocol['groups']} groups, {drawn}"
        return (
            f"mtlviz {self.versions.get('mtlviz', '?')} | {self.model} ({self.trained}, weights "
            f"{self.weights_sha256[:12]}) | {self.image} at {self.input_size[0]}x{self.input_size[1]} | {drawn} | "
            f"{self.device} | torch {self.versions.get('torch', '?')}"
        )


def set_provenance(
    card: ModelCard, images: str, *, device: str, seed: int, versions: Mapping[str, str] | None = None,
    processes: int = 1, protocol: str | Mapping[str, Any] = "",
) -> SetProvenance:  # fmt: skip
    """What made the numbers of a model.

    Args:
        card: of the model.
        images: the set in words, e.g. ``"300 images of rooms:val"``.
        device: that computed.
        seed: of what was drawn.
        versions: of the libraries.
        processes: that computed.
        protocol: of the numbers.
    """
    return SetProvenance(
        model=card.name, weights_sha256=card.weights_sha256, trained=card.trained, image=images, image_sha256="",
        input_size=card.input_size, device=device, dtype="float32", seed=seed, edit={}, versions=dict(versions or {}),
        processes=processes, protocol=protocol,
    )  # fmt: skip


def stored(kind: str, read: Callable[[Mapping[str, Any]], Result]) -> list[Result]:
    """All results of a kind, kept until a file changes; treated as read-only.

    Args:
        kind: of the analysis.
        read: makes a result of plain data; one that it refuses with a ``DataError`` is left out.
    """
    found: list[Result] = _stored(kind, read, _listing())
    return found


def named(data: str) -> str:
    """The set behind a result as the pages name it: rendered rooms kept as files are the rooms themselves."""
    return RENDERED.get(str(data).rstrip("/"), data)


def _listing() -> tuple[tuple[str, int, int], ...]:
    """The stored files with what changes when one of them does."""
    files = sorted(results.FOLDER.glob("*.json"))
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=8, show_spinner="Reading stored results; this takes less than a second.")
def _stored(
    kind: str, _read: Callable[[Mapping[str, Any]], Any], listing: tuple[tuple[str, int, int], ...]
) -> list[Any]:
    found = []
    for content in results.find_results(kind):
        try:
            found.append(_read({**content, "data": named(content["data"])} if "data" in content else content))
        except DataError:
            continue
    return found
