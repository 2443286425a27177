"""Attributions on a button: the cost said before, progress, a stop, and answers that are remembered."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from mtlviz.analysis.attribution.desk import AttributionDesk, AttributionJob
from mtlviz.analysis.attribution.explain import Attribution, explain, sizes
from mtlviz.analysis.attribution.passes import PassSeconds, measured_seconds
from mtlviz.analysis.attribution.request import GRAD_CAM, SALIENCY, Cost, curve_cost, map_cost
from mtlviz.ui import panels, state
from mtlviz.ui.attribution.page import Side, View

AUTOMATIC = 0.5
"""Seconds that a map may take to be drawn without being asked for."""
POLL = 1.0
_JOBS = "_attribution_jobs"

Found = dict[int, Attribution | None]


def answers(view: View) -> Found:
    """What is known by side; draws the button, or the progress of what runs."""
    jobs = [job for job in st.session_state.get(_JOBS, ()) if job.digest in map(digest, view.sides)]
    running = [job for job in jobs if job.running]
    if running:
        _watch(jobs)
    found = {side.index: _known(side) for side in view.sides if not side.why}
    wanted = [side for side in view.sides if not side.why and not _complete(found[side.index])]
    if wanted and not running:
        _offer(wanted, jobs)
    return found


def digest(side: Side, *, tested: bool = True) -> str:
    """Names a side's answer."""
    return digest_of(side, side.engine.card.weights_sha256, tested=tested)


def digest_of(side: Side, weights: str, *, tested: bool = True) -> str:
    """Names the answer of other weights to a side's question."""
    image = state.current()
    return side.request.digest(weights, side.engine.device, image.sha256, image.sample.name, str(tested))


def of_the_model(side: Side) -> Attribution | None:
    """The model's own answer beside that of its negative control, if it was computed."""
    if side.real is None:
        return None
    names = (digest_of(side, side.real.card.weights_sha256, tested=tested) for tested in (True, False))
    return next((answer for name in names if (answer := desk().found(name)) is not None), None)


def _known(side: Side) -> Attribution | None:
    """An answer with its test, else without, else a cheap one at once."""
    whole = desk().found(digest(side))
    if whole is not None:
        return whole
    name = digest(side, tested=False)
    found = desk().found(name)
    if found is None and side.request.method in (SALIENCY, GRAD_CAM) and 5 * side.run.seconds < AUTOMATIC:
        found = explain(side.engine, side.run.sample, side.request, tested=False)
        desk().keep(name, found)
    return found


def _complete(found: Attribution | None) -> bool:
    return found is not None and found.curves is not None


def _offer(wanted: Sequence[Side], before: Sequence[AttributionJob]) -> None:
    """The button, with what it costs and what became of the try before."""
    for job in before:
        if job.problem:
            st.error(panels.plain(job.problem), icon=":material/error:")
    costs = [_cost(side) for side in wanted]
    seconds = sum(_seconds(side, cost) for side, cost in zip(wanted, costs, strict=True))
    total = Cost(sum(cost.forward for cost in costs), sum(cost.backward for cost in costs))
    backward = f", {total.backward:,} of them with gradients" if total.backward else ""
    said = "Stopped. " if any(job.stopped for job in before) else ""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.button("Compute and test", key="attribution_compute", type="primary", icon=":material/play_arrow:",
                  on_click=_start, args=(tuple(wanted),))  # fmt: skip
        st.caption(
            f"{said}{_names(wanted)}: at most {total.passes:,} passes{backward}, about {_time(seconds)} by the time "
            "that one pass took here. The test takes features away in the map's order and in random ones."
        )


def _start(wanted: tuple[Side, ...]) -> None:
    """Callback: begin, and give up what this session waited for before."""
    for job in st.session_state.get(_JOBS, ()):
        job.stop()
    st.session_state[_JOBS] = [
        desk().start(
            digest(side), _cost(side).passes, partial(explain, side.engine, side.run.sample, side.request)
        )
        for side in wanted
    ]  # fmt: skip


def _stop() -> None:
    for job in st.session_state.get(_JOBS, ()):
        job.stop()


@st.fragment(run_every=POLL)
def _watch(jobs: Sequence[AttributionJob]) -> None:
    """Progress; only this part of the page runs again, so that everything else stays usable."""
    if not any(job.running for job in jobs):
        st.rerun()
    done, total = sum(job.done for job in jobs), sum(job.total for job in jobs)
    waiting = "waiting for another attribution" if all(job.waiting for job in jobs if job.running) else "computing"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.progress(min(1.0, done / total), f"{waiting}: {done:,} of at most {total:,} passes · "
                                            f"{max(job.seconds for job in jobs):.0f} s")  # fmt: skip
        st.button("Stop", icon=":material/stop:", key="attribution_stop", on_click=_stop)


def _cost(side: Side) -> Cost:
    found = sizes(side.engine.card, side.run.letterbox)
    return map_cost(side.request, found) + curve_cost(side.request, found)


def _seconds(side: Side, cost: Cost) -> float:
    one = _measured(side.engine, side.run.sample, side.engine.card.weights_sha256, side.engine.device)
    return one.forward * cost.forward + one.backward * cost.backward


def _names(sides: Sequence[Side]) -> str:
    return " and ".join(panels.plain(side.title) for side in sides)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} minutes"


@st.cache_resource(show_spinner=False)
def desk() -> AttributionDesk:
    """One for all sessions."""
    return AttributionDesk()


@st.cache_resource(max_entries=16, show_spinner="Measuring how long one pass takes.")
def _measured(_engine: object, _sample: object, weights: str, device: str) -> PassSeconds:
    return measured_seconds(_engine, _sample)  # type: ignore[arg-type]
