"""Where collapse results come from: files whose weights are the loaded ones, or a pass made in this session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mtlviz.analysis.collapse.record import KIND, CollapseResult, from_plain
from mtlviz.checkpoints import ModelCard
from mtlviz.errors import DataError
from mtlviz.ui.stored_results import SetProvenance, set_provenance, stored

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


def find(card: ModelCard) -> Found:
    """The result for a card's weights: the stored one over most images, else the one computed in this session."""
    every = stored(KIND, _result_or_name)
    matching = [one for one in every if isinstance(one, CollapseResult) and one.weights_sha256 == card.weights_sha256]
    if matching:
        return Found(max(matching, key=lambda one: one.images))
    live = _live().get(card.weights_sha256)
    if live is not None:
        return Found(live, live=True)
    named = [one for one in every if one == card.name or getattr(one, "model", "") == card.name]
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
    return set_provenance(
        card, f"{result.images} images of {result.data}", device=result.device, seed=result.protocol.seed,
        versions=result.versions, processes=result.processes, protocol=dict(vars(result.protocol)),
    )  # fmt: skip


def _live() -> dict[str, CollapseResult]:
    found: dict[str, CollapseResult] = st.session_state.get(LIVE, {})
    return found


def _why_not(found: "CollapseResult | str") -> str:
    if isinstance(found, str):
        return "A result of this model is stored but damaged."
    return "A result of this name is stored, but it belongs to other weights."


def _result_or_name(content: Mapping[str, Any]) -> CollapseResult | str:
    """A stored result; of a damaged one only the model's name."""
    try:
        return from_plain(content)
    except DataError:
        return str(content.get("model", ""))
