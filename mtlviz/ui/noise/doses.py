"""Dose and response: one task's features are disturbed, and the other tasks' predictions are watched."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.noise.doses import dose_grid
from mtlviz.plots.noise_doses import Dot, Point, Response, dots_figure, response_figure
from mtlviz.plots.style import task_title
from mtlviz.ui import linked, panels, state
from mtlviz.ui.linked import LINKED
from mtlviz.ui.noise import leaks, measures, results
from mtlviz.ui.noise import live as noise_live
from mtlviz.ui.noise.live import LARGEST_SEED, NOT_LIVE
from mtlviz.ui.noise.measures import titled
from mtlviz.ui.noise.page import Side, View
from mtlviz.ui.noise.results import About, Held, StoredNoise

EVERY = "every task"
FAMILIES = {
    "noise": ("Gaussian noise on one task's features", "noise over the features' root mean square"),
    "image": ("Gaussian noise on the image", "standard deviation of the noise, RGB from 0 to 1"),
    "distractors": ("Random tokens beside the real ones", "distractors over the number of tokens"),
}
"""By kind of disturbance, what is done and the title of its axis; other kinds are named by their experiments."""
WITH_NOISE = "swap"
"""Disturbances without a level, drawn among the noise at the size that they have."""


def draw(view: View, _row: DeltaGenerator) -> None:
    """Curves of the current image beside those over the set, then who leaks into whom."""
    cards = [side.card for side in view.sides]
    found = results.find(cards)
    offered = measures.measures(view, found)
    key, task, seed = _controls(view, offered)
    held = [] if found is None else results.held(found, cards)
    live = {side.index: _live(side, task, seed) for side in view.sides}
    if found is not None and (said := _sentence(found, held, offered[key], key, task)):
        st.markdown(said)
    leaks.say_missing(view, found)
    lines, dots = _families(view, found)
    for kind in lines:
        title, axis = FAMILIES.get(kind, (_other_title(kind, found), "dose"))
        st.subheader(title, anchor=kind)
        now = _responses_now(view, live, kind, key)
        stored = [] if found is None else _responses_set(found, held, kind, key, task)
        _pair(view, offered[key], kind, axis, now, stored, found, held)
    if found is not None:
        for kind in dots:
            _single(found, held, kind, offered[key], key, task)
        st.subheader("Who leaks into whom", anchor="leaks")
        leaks.draw(view, found, key)
        with st.popover("Protocol", icon=":material/science:", type="tertiary"):
            st.markdown(panels.plain(found.protocol))


def _controls(view: View, offered: Mapping[str, About]) -> tuple[str, str, int]:
    """Measure, disturbed task (``EVERY`` for all of them in turn) and seed."""
    state.check_query_number("noise_seed", 0, LARGEST_SEED)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = measures.choose("noise_measure", offered, default="features")
        task = linked.select("Disturbed task", [*view.pair.tasks, EVERY], "noise_disturbed", width=200)
        seed = st.number_input("Seed of this image", 0, LARGEST_SEED, key="noise_seed", width=150, **LINKED)
    if key.split(":")[-1] == task:
        st.caption(f"{task_title(task)} is the disturbed task itself, so that noise on it is no leak; its own curve is "
                   "left out.")  # fmt: skip
    return key, task, int(seed)


def _live(side: Side, task: str, seed: int) -> dict[str, dict[str, float]]:
    """By experiment, means over the disturbed tasks."""
    tasks = [one.name for one in side.card.tasks] if task == EVERY else [task]
    doses = noise_live.doses_of(side, tasks)
    found = noise_live.effects(side, doses, seed)
    groups: dict[str, list[dict[str, float]]] = {}
    for dose in doses:
        if dose.key in found:
            groups.setdefault(dose.group, []).append(found[dose.key])
    return {group: _means(rows) for group, rows in groups.items()}


def _sentence(found: StoredNoise, held: Sequence[Held], about: About, key: str, task: str) -> str:
    """What noise as large as the features themselves does over the set, model by model; empty without a number."""
    group = next((name for name, one in found.experiments.items() if one.kind == "noise" and one.level == 1), None)
    if group is None:
        return ""
    parts = []
    for one in held:
        value = one.model.disturbed(group, None if task == EVERY else task).get(key)
        if value is not None and value.mean is not None and value.low is not None and value.high is not None:
            parts.append(f"{panels.plain(one.model.title)} **{value.mean:.3g}** [{value.low:.3g}, {value.high:.3g}]")
    whose = "one task's" if task == EVERY else f"{task_title(task)}'s"
    return (
        f"Noise as large as {whose} own features, over n = {found.images} images: {panels.plain(titled(about))} "
        f"{', '.join(parts)}; {about.same or 0:g} is no effect."
        if parts
        else ""
    )


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def _families(view: View, found: StoredNoise | None) -> tuple[list[str], list[str]]:
    """Kinds of disturbances that make a curve, and kinds with one level alone, over the set."""
    grid = [dose for side in view.sides for dose in dose_grid(side.card.tasks) if dose.kind not in NOT_LIVE]
    stored = [] if found is None else [one for one in found.experiments.values() if one.level and not one.oracle]
    levels = {one.kind: {other.level for other in stored if other.kind == one.kind} for one in stored}
    lines = [*(dose.kind for dose in grid if dose.level), *(kind for kind, found in levels.items() if len(found) > 1)]
    return list(dict.fromkeys(lines)), [kind for kind in levels if kind not in lines]


def _single(found: StoredNoise, held: Sequence[Held], kind: str, about: About, key: str, task: str) -> None:
    """A disturbance of one level over the set, where it has the measure."""
    dots = [
        Dot(experiment.title, one.model.title, one.place, value.mean, value.low, value.high)
        for group, experiment in found.experiments.items() if experiment.kind == kind
        for one in held
        if (value := one.model.disturbed(group, None if task == EVERY else task).get(key)) is not None
        and value.mean is not None
    ]  # fmt: skip
    if not dots:
        return
    st.subheader(_other_title(kind, found), anchor=kind)
    panels.figure(
        dots_figure(dots, f"{found.images} images", titled(about), same=about.same), f"noise_single_{kind}",
        alt=f"{about.title} of {kind}, mean of {found.images} images", formula=about.formula,
        how_to_read=f"{about.meaning} Means over n = {found.images} images with 95% intervals over images.",
        data=pd.DataFrame([vars(dot) for dot in dots]), provenance=results.stamps(found, held),
    )  # fmt: skip


def _responses_now(view: View, live: Mapping[int, dict[str, dict[str, float]]], kind: str, key: str) -> list[Response]:
    groups = {dose.group: dose for side in view.sides for dose in dose_grid(side.card.tasks)}
    found = []
    for side in view.sides:
        points = [
            _point(kind, dose.kind, dose.level, row.get("dose"), row[key], None, None, group)
            for group, dose in groups.items()
            if (row := live[side.index].get(group)) is not None and key in row and _belongs(dose.kind, kind)
        ]
        if points:
            found.append(Response(side.title, side.index, tuple(points)))
    return found


def _responses_set(found: StoredNoise, held: Sequence[Held], kind: str, key: str, task: str) -> list[Response]:
    responses = []
    for one in held:
        points = []
        for group, experiment in found.experiments.items():
            if not _belongs(experiment.kind, kind):
                continue
            intervals = one.model.disturbed(group, None if task == EVERY else task)
            value, dose = intervals.get(key), intervals.get("dose")
            if value is not None and value.mean is not None:
                points.append(_point(kind, experiment.kind, experiment.level, None if dose is None else dose.mean,
                                     value.mean, value.low, value.high, experiment.title))  # fmt: skip
        if points:
            responses.append(Response(one.model.title, one.place, tuple(points)))
    return responses


def _belongs(kind: str, family: str) -> bool:
    return kind == family or (family == "noise" and kind == WITH_NOISE)


def _point(
    family: str, kind: str, level: float, dose: float | None, mean: float, low: float | None, high: float | None,
    text: str,
) -> Point:  # fmt: skip
    single = kind != family
    return Point(dose or 0.0 if single else level, mean, low, high, text, single)


def _pair(
    view: View,
    about: About,
    kind: str,
    axis: str,
    now: Sequence[Response],
    stored: Sequence[Response],
    found: StoredNoise | None,
    held: Sequence[Held],
) -> None:
    """The current image on the left, the set on the right, on one scale."""
    if not now and not stored:
        panels.empty(*_why_empty(view, about, kind))
        return
    limits, most = _limits([*now, *stored], about.same), max(len(now), len(stored))
    swapped = f" Open marks: features of another image ({panels.plain(noise_live.other_image().name)} on the left), at "
    swapped += "the size of the change that they are."
    first, second = st.columns(2, gap="medium")
    with first:
        if now:
            panels.figure(
                response_figure(now, f"{titled(about)}, this image", axis, same=about.same, limits=limits, models=most),
                f"noise_live_{kind}", alt=f"{about.title} over doses of {kind} on this image",
                how_to_read=f"{about.meaning} One line a model, of one draw."
                f"{swapped if kind == 'noise' else ''}",
                formula=about.formula, data=_table(now), provenance=[side.run.provenance for side in view.sides],
            )  # fmt: skip
        else:
            panels.empty(*_why_empty(view, about, kind))
    with second:
        if stored and found is not None:
            panels.figure(
                response_figure(stored, f"{titled(about)}, {found.images} images", axis, same=about.same, limits=limits,
                                models=most),
                f"noise_set_{kind}", alt=f"{about.title} over doses of {kind}, mean of {found.images} images",
                how_to_read=f"Means over n = {found.images} images of {panels.plain(found.data)} with 95% intervals "
                "over images as bands; on the dashed line the number is that of the image as it is.",
                formula=about.formula, data=_table(stored), provenance=results.stamps(found, held),
            )  # fmt: skip
    if missing := [side for side in view.sides if side.title not in {one.title for one in now}]:
        st.caption(" ".join(_cannot(side, kind) for side in missing if now))


def _limits(responses: Iterable[Response], same: float | None) -> tuple[float, float]:
    ends = [0.0 if same is None else same]
    for one in responses:
        for point in one.points:
            ends += [end for end in (point.mean, point.low, point.high) if end is not None]
    low, high = min(ends), max(ends)
    room = 0.06 * ((high - low) or 1.0)
    return low - room, high + room


def _why_empty(view: View, about: About, kind: str) -> tuple[str, str]:
    if all(kind not in {dose.kind for dose in noise_live.doses_of(side, view.pair.tasks)} for side in view.sides):
        return " ".join(_cannot(side, kind) for side in view.sides), "Choose a model such as kem in the sidebar."
    if about.title.split(":")[-1].strip().startswith("gain"):
        return ("A gain needs the labels of the image, and this one has none.",
                "Choose a room in the sidebar, or another measure.")  # fmt: skip
    return f"There is no {about.title} of this disturbance.", "Choose another measure or another disturbed task."


def _cannot(side: Side, kind: str) -> str:
    title = panels.plain(side.title)
    if kind == "distractors":
        why = "its weights belong to fixed places" if side.card.architecture.interaction == "ctal" else (
            "its tokens do not compete for being read")  # fmt: skip
        return f"{title} cannot be given extra tokens: {why}."
    return f"{title} has no such number."


def _other_title(kind: str, found: StoredNoise | None) -> str:
    titles = [] if found is None else [one.title for one in found.experiments.values() if one.kind == kind]
    return titles[0] if len(titles) == 1 else kind.replace("_", " ").capitalize()


def _table(responses: Sequence[Response]) -> pd.DataFrame:
    return pd.DataFrame([
        {"model": one.title, "experiment": point.text, "dose": point.dose, "mean": point.mean, "low": point.low,
         "high": point.high}
        for one in responses for point in one.points
    ])  # fmt: skip
