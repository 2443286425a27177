"""The classes of many rooms: one pass a model for every task and place, with progress and a stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from mtlviz.analysis.class_cloud import run_clouds
from mtlviz.analysis.class_pool import ClassPool
from mtlviz.engine import Engine, Provenance
from mtlviz.ui import panels, sources
from mtlviz.ui.etf.page import Choice
from mtlviz.ui.etf.side import FEATURES, Side, View, pooled_side
from mtlviz.ui.set_job import bar_with_stop

SECONDS = 0.12
"""What a room usually takes, most of it to render it."""
_STARTED, _SHELF = "_etf_started", "_etf_pools"


@dataclass(frozen=True)
class Pooled:
    """The first rooms through one model.

    Attributes:
        pool: their classes.
        provenance: one a room.
    """

    pool: ClassPool = field(default_factory=ClassPool)
    provenance: tuple[Provenance, ...] = ()

    @property
    def rooms(self) -> int:
        """How many are done."""
        return self.pool.images


def pooled_sides(choice: Choice) -> list[Side]:
    """The sides of a choice over held-out rooms; empty as long as nothing is computed."""
    views = [(engine, view) for engine, view in choice.views() if predicts(engine, view.task)]
    pool([engine for engine, _ in views], choice.rooms)
    return [replace(side, own=choice.own) for side in sides(views)]


def sides(views: Sequence[tuple[Engine, View]]) -> list[Side]:
    """Sides over the rooms that are done; a model with none is left out."""
    found = [(engine, view, _done(engine)) for engine, view in views]
    return [pooled_side(engine, view, done.pool, done.provenance) for engine, view, done in found if done.rooms]


def predicts(engine: Engine, task: str) -> bool:
    """Whether a model has a task."""
    return task in [one.name for one in engine.card.tasks]


def pool(engines: Sequence[Engine], rooms: int, key: str = "etf") -> None:
    """Run what is missing once it was started, or offer to; what a model said about a room is kept as sums.

    Another task or place costs nothing, more rooms only those that are new; fewer rooms start again, since single
    rooms cannot be taken out of a sum.

    Args:
        engines: the models; one may come twice.
        rooms: held-out rooms, from the first.
        key: of the buttons, unique on the page.
    """
    engines = list({engine.card.weights_sha256: engine for engine in engines}.values())
    for engine in engines:
        if _done(engine).rooms > rooms:
            _keep(engine, Pooled())
    done = sum(_done(engine).rooms for engine in engines)
    total = rooms * len(engines)
    if done == total:
        return
    offer, place = st.empty(), st.empty()
    if not st.session_state.get(_STARTED):
        with offer.container():
            _offer(rooms, total - done, done, key)
        return
    offer.empty()  # else it would stay, pale, until all is done
    bar = bar_with_stop(f"{key}_stop", _set_started, (False,), place)
    missing = [(engine, number) for engine in engines for number in range(_done(engine).rooms, rooms)]
    for position, (engine, number) in enumerate(missing, start=1):
        _keep(engine, _with_room(engine, number))
        bar.progress(position / len(missing), f"{engine.card.title}: {number + 1} of {rooms} rooms")
    place.empty()


def _offer(rooms: int, missing: int, done: int, key: str) -> None:
    """The button that starts, or that goes on after a stop."""
    seconds = max(round(missing * SECONDS), 1)
    if done:
        st.caption(f"Stopped before all {rooms} rooms were done; what is shown rests on fewer.")
    else:
        panels.empty(
            f"One pass over **{rooms} held-out rooms** gives the class means of every task and place.",
            f"Press Start; it usually takes about {seconds} s, shows how far it is and can be stopped.",
        )
    st.button("Go on" if done else "Start", key=f"{key}_start", type="primary", icon=":material/play_arrow:",
              on_click=_set_started, args=(True,))  # fmt: skip


def _with_room(engine: Engine, number: int) -> Pooled:
    before = _done(engine)
    run = engine.run(sources.room(number), capture=FEATURES)
    return Pooled(before.pool.with_image(run_clouds(run)), (*before.provenance, run.provenance))


def _done(engine: Engine) -> Pooled:
    """What this session has of a model."""
    shelf: dict[tuple[str, str], Pooled] = st.session_state.setdefault(_SHELF, {})
    return shelf.get((engine.card.weights_sha256, engine.device), Pooled())


def _keep(engine: Engine, done: Pooled) -> None:
    st.session_state.setdefault(_SHELF, {})[engine.card.weights_sha256, engine.device] = done


def _set_started(started: bool) -> None:
    st.session_state[_STARTED] = started
