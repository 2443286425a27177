"""The classes of many rooms: one pass a model for every task and place, with progress and a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

import streamlit as st

from mtlviz.analysis.class_cloud import Clouds, merge_clouds, run_clouds
from mtlviz.engine import Engine, Provenance
from mtlviz.ui import panels, sources
from mtlviz.ui.etf import Choice
from mtlviz.ui.etf_side import FEATURES, Side, View, pooled_side

BLOCK = 5
"""Rooms that are run, kept and resampled together."""
SECONDS = 0.12
"""What a room usually takes, most of it to render it."""
_STARTED, _SHELVES = "_etf_started", "_etf_shelves"


@dataclass(frozen=True)
class Block:
    """A few rooms through one model.

    Attributes:
        start: first room.
        stop: one after the last room.
        clouds: by task and place.
        provenance: one a room.
    """

    start: int
    stop: int
    clouds: Clouds
    provenance: tuple[Provenance, ...]


def pooled_sides(choice: Choice) -> list[Side]:
    """The sides of a choice over held-out rooms; empty as long as nothing is computed."""
    views = [(engine, view) for engine, view in choice.views() if predicts(engine, view.task)]
    pool([engine for engine, _ in views], choice.rooms)
    return [replace(side, own=choice.own) for side in sides(views, choice.rooms)]


def sides(views: Sequence[tuple[Engine, View]], rooms: int) -> list[Side]:
    """Sides over the rooms that are done; a model with none is left out."""
    found = []
    for engine, view in views:
        done = _done(engine, rooms)
        if done:
            made = [stamp for block in done for stamp in block.provenance]
            found.append(pooled_side(engine, view, [block.clouds for block in done], made))
    return found


def predicts(engine: Engine, task: str) -> bool:
    """Whether a model has a task."""
    return task in [one.name for one in engine.card.tasks]


def pool(engines: Sequence[Engine], rooms: int, key: str = "etf") -> None:
    """Run what is missing once it was started, or offer to; what a model said about a room is kept.

    Another task, place or number of rooms costs only the rooms that are new.

    Args:
        engines: the models; one may come twice.
        rooms: held-out rooms, from the first.
        key: of the buttons, unique on the page.
    """
    engines = list({engine.card.weights_sha256: engine for engine in engines}.values())
    missing = [(engine, start) for engine in engines for start in _starts(engine, rooms)]
    if not missing:
        return
    offer, place = st.empty(), st.empty()
    if not st.session_state.get(_STARTED):
        with offer.container():
            _offer(rooms, len(missing), sum(len(_done(engine, rooms)) for engine in engines), key)
        return
    offer.empty()  # else it would stay, pale, until all is done
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, "Starting")
        st.button("Stop", icon=":material/stop:", key=f"{key}_stop", on_click=_set_started, args=(False,))
    for position, (engine, start) in enumerate(missing, start=1):
        stop = min(start + BLOCK, rooms)
        _shelf(engine)[start, stop] = _block(engine, start, stop, (engine.card.weights_sha256, engine.device))
        bar.progress(position / len(missing), f"{engine.card.title}: {stop} of {rooms} rooms")
    place.empty()


def _offer(rooms: int, missing: int, done: int, key: str) -> None:
    """The button that starts, or that goes on after a stop."""
    seconds = max(round(missing * BLOCK * SECONDS), 1)
    if done:
        st.caption(f"Stopped before all {rooms} rooms were done; what is shown rests on fewer.")
    else:
        panels.empty(
            f"One pass over **{rooms} held-out rooms** gives the class means of every task and place.",
            f"Press Start; it usually takes about {seconds} s, shows how far it is and can be stopped.",
        )
    st.button("Go on" if done else "Start", key=f"{key}_start", type="primary", icon=":material/play_arrow:",
              on_click=_set_started, args=(True,))  # fmt: skip


def _starts(engine: Engine, rooms: int) -> range:
    """First rooms of the blocks that are missing."""
    return range(len(_done(engine, rooms)) * BLOCK, rooms, BLOCK)


def _done(engine: Engine, rooms: int) -> list[Block]:
    """Blocks of a model that lead up to a number of rooms, without a gap."""
    found = []
    for start in range(0, rooms, BLOCK):
        block = _shelf(engine).get((start, min(start + BLOCK, rooms)))
        if block is None:
            break
        found.append(block)
    return found


def _shelf(engine: Engine) -> dict[tuple[int, int], Block]:
    """What this session has of a model."""
    shelves: dict[str, dict[tuple[int, int], Block]] = st.session_state.setdefault(_SHELVES, {})
    return shelves.setdefault(engine.card.weights_sha256, {})


def _set_started(started: bool) -> None:
    st.session_state[_STARTED] = started


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=200, show_spinner=False)
def _block(_engine: Engine, start: int, stop: int, key: tuple[str, ...]) -> Block:
    clouds: list[Clouds] = []
    made = []
    for number in range(start, stop):
        run = _engine.run(sources.room(number), capture=FEATURES)
        clouds.append(run_clouds(run))
        made.append(run.provenance)
    return Block(start, stop, reduce(merge_clouds, clouds), tuple(made))
