"""Models without a stored result: the command that makes one, or a pass over held-out rooms here, with a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from mtlviz.analysis.collapse.record import CollapseResult
from mtlviz.checkpoints import ModelCard, load_checkpoint
from mtlviz.engine import library_versions
from mtlviz.ui import panels, state
from mtlviz.ui.collapse import results
from mtlviz.ui.collapse.page import Side
from mtlviz.ui.collapse.words import listed
from mtlviz.ui.set_job import bar_with_stop
from mtlviz.ui.sources import ROOMS

if TYPE_CHECKING:
    from mtlviz.training.collapse_pass import CollapsePass
    from mtlviz.training.data import Samples

DATA = "rooms:val"
LEAST, START_ROOMS = 2, 60
BATCH = 8
SECONDS = 0.15
"""Usual time of a room: rendering and one pass."""
_ASKED, _JOB = "_collapse_asked", "_collapse_job"
STOP = "collapse_stop"
"""Key of the button that stops."""


@dataclass(frozen=True)
class Asked:
    """What Start asked for: how many rooms, through which weights."""

    rooms: int
    weights: frozenset[str]


@dataclass(frozen=True)
class Job:
    """One model on its way through the rooms.

    Attributes:
        card: of the model.
        device: that computes.
        samples: the rooms, rendered as they are asked for.
        collected: what was kept so far; grows with every step.
        position: rooms done.
    """

    card: ModelCard
    device: str
    samples: "Samples"
    collected: "CollapsePass"
    position: int = 0

    @property
    def result(self) -> CollapseResult:
        """The numbers over the rooms done so far."""
        found, card = self.collected.result(), self.card
        return CollapseResult(
            model=card.name, title=card.title, weights_sha256=card.weights_sha256, trained=card.trained, data=DATA,
            images=self.position, input_size=card.input_size, device=self.device, processes=1,
            versions=library_versions(), protocol=self.collected.protocol, classes=found.classes,
            regression=found.regression,
        )  # fmt: skip


def offers(missing: Sequence[Side]) -> None:
    """Offer to compute what models lack, and compute it if asked to.

    Args:
        missing: the sides without a result.
    """
    for side in missing:
        if side.card.capabilities is not None:
            panels.empty(
                f"{panels.plain(side.title)} comes from an adapter. These statistics need the features of many images "
                "and the classifiers' own weights, which an adapter does not give.",
                "Choose another model in its place; the image stays.",
            )
    missing = [side for side in missing if side.card.capabilities is None]
    if not missing:
        return
    asked = st.session_state.get(_ASKED)
    wanted = [side for side in missing if isinstance(asked, Asked) and side.card.weights_sha256 in asked.weights]
    message = st.container()
    rooms = _controls(missing, bool(wanted))
    with message:
        panels.empty(*_said(missing, rooms))
    if isinstance(asked, Asked) and wanted:
        _advance(wanted[0], asked.rooms)


def again(shown: Sequence[Side]) -> None:
    """A button that drops what this session computed and offers it anew, where it computed something."""
    live = [side for side in shown if side.found.live]
    if live:
        st.button("Compute again", icon=":material/refresh:", type="tertiary", key="collapse_again",
                  on_click=_again, args=([side.card for side in live],))  # fmt: skip


def _said(missing: Sequence[Side], rooms: int) -> tuple[str, str]:
    names = listed([f"**{panels.plain(side.title)}**" for side in missing])
    problems = " ".join(dict.fromkeys(side.found.problem for side in missing if side.found.problem))
    commands = " and ".join(
        f"`python -m mtlviz collapse --checkpoint {side.card.name} --data {DATA} --out "
        f"results/collapse-{side.card.name}.json`" for side in missing
    )  # fmt: skip
    seconds = max(rooms * len(missing) * SECONDS, 1)
    return (
        f"No result is stored for the weights of {names}. {problems}",
        f"Start a pass over {rooms} held-out rooms here, which usually takes {seconds:.0f} s, or keep a result for "
        f"good with {commands}.",
    )


def _controls(missing: Sequence[Side], running: bool) -> int:
    """One row: how many rooms, and Start."""
    weights = frozenset(side.card.weights_sha256 for side in missing)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rooms = st.number_input(f"Held-out rooms ({LEAST} to {ROOMS})", LEAST, ROOMS, START_ROOMS,
                                key="collapse_rooms", width=190, disabled=running)  # fmt: skip
        st.button("Start", type="primary", icon=":material/play_arrow:", key="collapse_start", disabled=running,
                  on_click=_start, args=(weights,))  # fmt: skip
    return int(rooms)


def _start(weights: frozenset[str]) -> None:
    """Callback: the next run computes."""
    st.session_state[_ASKED] = Asked(int(st.session_state.get("collapse_rooms") or START_ROOMS), weights)


def _again(cards: Sequence[ModelCard]) -> None:
    """Callback: forget what was computed and wait for Start."""
    st.session_state[_ASKED] = None
    results.forget(cards)


def stop() -> None:
    """Callback: what is done so far is the result."""
    job = st.session_state.get(_JOB)
    st.session_state[_ASKED] = st.session_state[_JOB] = None
    if isinstance(job, Job) and job.position:
        results.keep(job.result)


def _advance(side: Side, total: int) -> None:
    """Work through the rooms of one model; every batch is kept as it is done, so that a click loses nothing."""
    bar = bar_with_stop(STOP, stop)
    job = st.session_state.get(_JOB)
    if not isinstance(job, Job) or job.card != side.card or len(job.samples) != total:
        job = st.session_state[_JOB] = _job(side, total)
    while job.position < total:
        bar.progress(job.position / total, f"{panels.plain(side.title)}: {job.position} of {total} rooms")
        job = st.session_state[_JOB] = further(job)
    bar.progress(1.0, f"{panels.plain(side.title)}: resampling for the bands")
    results.keep(job.result)
    st.session_state[_JOB] = None
    st.rerun()


def _job(side: Side, total: int) -> Job:
    from mtlviz.analysis.collapse.record import Protocol
    from mtlviz.training.collapse_pass import CollapsePass, Normalisation
    from mtlviz.training.data import evaluation_set

    card, device = side.card, state.engine(side.which).device
    network, _ = load_checkpoint(card.name, state.folder(), device)
    norm = Normalisation(card.mean, card.std)
    collected = CollapsePass(network, card.tasks, card.input_size, norm, Protocol())
    return Job(card, device, evaluation_set(DATA, total, card.input_size), collected)


def further(job: Job, rooms: int = BATCH) -> Job:
    """The job after the next few rooms."""
    from mtlviz.training.collapse_pass import keyed_batch

    collected = job.collected
    end = min(job.position + rooms, len(job.samples))
    device = next(collected.network.parameters()).device
    chosen = range(job.position, end)
    collected.update(*keyed_batch(job.samples, chosen, collected.labelled, collected.protocol, device))
    return replace(job, position=end)
