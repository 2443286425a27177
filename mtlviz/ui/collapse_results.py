"""Where collapse results come from: files whose weights are the loaded ones, or a pass made in this session."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mtlviz import results
from mtlviz.analysis.collapse.record import KIND, CollapseResult, from_plain
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Provenance
from mtlviz.errors import DataError

LIVE = "_collapse_live"
"""Session state: results computed here, by the sha256 of their weights."""


@dataclass(frozen=True)
class Found:
    """What there is for a model.

    Attributes:
        result: for exactly these weights; None without one.
        live: computed in this session and not read from a file.
        problem: a sentence on a file that names the model and cannot be used; empty without one.
    """

    result: CollapseResult | None
    live: bool = False
    problem: str = ""


@dataclass(frozen=True)
class SetProvenance(Provenance):
    """What made numbers over a set of images.

    Attributes:
        processes: that computed.
        protocol: of the numbers, e.g. how often they were resampled.
    """

    processes: int = 1
    protocol: dict[str, Any] = field(default_factory=dict)

    def stamp(self) -> str:
        """One line for a file; the images have names and no common hash."""
        bands = f"{self.protocol['resamples']} resamples of {self.protocol['groups']} groups, seed {self.seed}"
        return (
            f"mtlviz {self.versions.get('mtlviz', '?')} | {self.model} ({self.trained}, weights "
            f"{self.weights_sha256[:12]}) | {self.image} at {self.input_size[0]}x{self.input_size[1]} | {bands} | "
            f"{self.device} | torch {self.versions.get('torch', '?')}"
        )


def find(card: ModelCard) -> Found:
    """The result for a card's weights: the stored one over most images, else the one computed in this session."""
    stored = _stored(_listing())
    matching = [one for one in stored if isinstance(one, CollapseResult) and one.weights_sha256 == card.weights_sha256]
    if matching:
        return Found(max(matching, key=lambda one: one.images))
    live = _live().get(card.weights_sha256)
    if live is not None:
        return Found(live, live=True)
    named = [one for one in stored if one == card.name or getattr(one, "model", "") == card.name]
    return Found(None, problem="" if not named else _why_not(named[0]))


def keep(result: CollapseResult) -> None:
    """Remember a result computed in this session."""
    st.session_state[LIVE] = {**_live(), result.weights_sha256: result}


def forget(cards: Sequence[ModelCard]) -> None:
    """Drop what this session computed for these models."""
    gone = {card.weights_sha256 for card in cards}
    st.session_state[LIVE] = {sha: one for sha, one in _live().items() if sha not in gone}


def stamp(card: ModelCard, result: CollapseResult) -> SetProvenance:
    """What made a result, for downloads."""
    protocol = result.protocol
    return SetProvenance(
        model=card.name, weights_sha256=result.weights_sha256, trained=result.trained,
        image=f"{result.images} images of {result.data}", image_sha256="", input_size=result.input_size,
        device=result.device, dtype="float32", seed=protocol.seed, edit={}, versions=dict(result.versions),
        processes=result.processes, protocol=vars(protocol),
    )  # fmt: skip


def _live() -> dict[str, CollapseResult]:
    found: dict[str, CollapseResult] = st.session_state.get(LIVE, {})
    return found


def _why_not(found: "CollapseResult | str") -> str:
    if isinstance(found, str):
        return "A result of this model is stored but damaged."
    return "A result of this name is stored, but it belongs to other weights."


def _listing() -> tuple[tuple[str, int, int], ...]:
    """The stored files with what changes when one of them does."""
    files = sorted(results.FOLDER.glob("*.json"))
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=4, show_spinner="Reading stored results; this takes less than a second.")
def _stored(listing: tuple[tuple[str, int, int], ...]) -> list["CollapseResult | str"]:
    """Stored results; of a damaged one only the model's name."""
    found: list[CollapseResult | str] = []
    for plain in results.find_results(KIND):
        try:
            found.append(from_plain(plain))
        except DataError:
            found.append(str(plain.get("model", "")))
    return found
