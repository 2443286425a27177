"""Stored results over a set of images: how much each change moves the selection, and the shares of the classes."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.stability.names import PAIRED, Measure, measure, paired_measures
from mtlviz.analysis.stability.record import ANOTHER
from mtlviz.analysis.stability.stored import StoredInterval, StoredModel, StoredStability, from_plain
from mtlviz.analysis.stability.summary import KIND
from mtlviz.engine import Provenance
from mtlviz.plots.stability import SetDot, set_figure
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.tasks import TASKS
from mtlviz.ui import panels, state
from mtlviz.ui.stability import shares
from mtlviz.ui.stability.page import Side
from mtlviz.ui.stability.words import signed
from mtlviz.ui.stored_results import SetProvenance, set_provenance, stored

READ = (
    "One row a change, one mark a model: the mean over the images with its 95% interval over images. Dashed is a "
    "selection that does not change; “another image” is what two different rooms have in common, the floor against "
    "which the other rows count."
)


Held = tuple[Side, StoredModel]


def draw(sides: Sequence[Side]) -> None:
    """The whole section."""
    found = _best(sides)
    held = [] if found is None else [(side, model) for side in sides if (model := _model(found, side)) is not None]
    if found is None or not held:
        panels.empty(
            "No result over a set is stored for the weights of these models, so this one image is all there is.",
            f"`{_command(sides)}` measures them; restart is not needed.",
        )
        return
    missing = [side for side in sides if _model(found, side) is None]
    if missing:
        st.info(f"The stored result does not hold the weights of {panels.plain(missing[0].title)}; "
                f"`{_command(sides)}` measures both.", icon=":material/info:")  # fmt: skip
    stamps = [_stamp(side, found) for side, _ in held]
    about = _measure(held)
    st.markdown(_sentence(found, held, about))
    _figure(found, held, about, stamps)
    st.subheader("Over the set: does every class get its share of the picks?", anchor="set-shares")
    shares.of_set([(side.index, side.title, model) for side, model in held], stamps)
    st.subheader("Over the set: are the models any good?", anchor="set-scores")
    _scores(held)
    with st.popover("Protocol", icon=":material/science:", type="tertiary"):
        st.markdown(panels.plain(found.protocol))


def _best(sides: Sequence[Side]) -> StoredStability | None:
    """The stored result that holds most of the models, then most images."""
    fitting = [one for one in stored(KIND, from_plain) if any(_model(one, side) for side in sides)]
    return max(
        fitting, key=lambda one: (sum(_model(one, side) is not None for side in sides), one.images), default=None
    )


def _model(found: StoredStability, side: Side) -> StoredModel | None:
    return found.model(side.engine.card.weights_sha256)


def _measure(held: Sequence[Held]) -> Measure:
    """The control of this section: what is drawn."""
    stored = {key for _, model in held for intervals in model.stability.values() for key in intervals}
    titles = {measure(key).title: key for key in paired_measures(list(TASKS.values())) if key in stored}
    state.check_query("stability_set_measure", list(titles))
    if st.session_state.get("stability_set_measure") not in titles:  # of models with other tasks
        st.session_state.pop("stability_set_measure", None)
    shown = st.selectbox("Measure over the set", list(titles), key="stability_set_measure", width=300,
                         bind="query-params", persist_state="session")  # fmt: skip
    return measure(titles[shown]) if shown in titles else PAIRED["tokens"]


def _sentence(found: StoredStability, held: Sequence[Held], about: Measure) -> str:
    """What the stored result says of the measure, with the difference that it supports."""
    change = "noise_0.05" if "noise_0.05" in found.perturbations else next(iter(found.perturbations))
    title, parts = found.perturbations[change].title, []
    for side, model in held:
        if (one := model.stability.get(change, {}).get(about.key)) is not None:
            parts.append(f"**{panels.plain(side.title)} {_interval(one)}**")
    said = f"Over **n = {found.images}** images of {panels.plain(found.data)}, {title}: {about.title} " + ", ".join(
        parts
    )
    if len(held) == 2:
        (first, before), (second, after) = held
        gap = found.difference(after.name, before.name)
        value = None if gap is None else gap.stability.get(change, {}).get(about.key)
        if value is not None:
            said += (
                f"; image by image {panels.plain(second.title)} − {panels.plain(first.title)} is "
                f"**{_interval(value)}**{_verdict(value)}"
            )
    floor = [
        f"{panels.plain(side.title)} {signed(one.mean)}"
        for side, model in held
        if (one := model.stability.get(ANOTHER, {}).get(about.key)) is not None and one.mean is not None
    ]
    return f"{said}." + (f" Two different images have {', '.join(floor)} already." if floor else "")


def _verdict(gap: StoredInterval) -> str:
    if gap.low is None or gap.high is None:
        return ""
    return ", an interval that holds 0" if gap.low <= 0 <= gap.high else ", an interval on one side of 0"


def _figure(found: StoredStability, held: Sequence[Held], about: Measure, stamps: Sequence[Provenance]) -> None:
    dots = [
        SetDot(change.title, side.index, one.mean, one.low, one.high, one.n)
        for key, change in found.perturbations.items()
        for side, model in held
        if (one := model.stability.get(key, {}).get(about.key)) is not None and one.mean is not None
    ]
    figure, table = st.columns([2, 3], gap="medium")
    with figure:
        panels.figure(
            set_figure(dots, {side.index: side.title for side, _ in held}, about), "stability_set", how_to_read=READ,
            alt=f"{about.title} of {len(held)} models under {len(found.perturbations)} changes, n = {found.images}",
            formula=about.formula, data=_table(found, held), provenance=stamps,
        )  # fmt: skip
    with table:
        st.table(_shown(found, held, about))
        st.caption(f"{about.meaning} Mean with its 95% bootstrap interval over images.")


def _shown(found: StoredStability, held: Sequence[Held], about: Measure) -> pd.DataFrame:
    """One measure: a row a change, a column a model, and their difference image by image."""
    gap = None if len(held) < 2 else found.difference(held[1][1].name, held[0][1].name)
    rows = []
    for key, change in found.perturbations.items():
        cells = {side.title: _interval(model.stability.get(key, {}).get(about.key)) for side, model in held}
        if gap is not None:
            cells[f"{held[1][0].title} − {held[0][0].title}"] = _interval(gap.stability.get(key, {}).get(about.key))
        if any(cell != "–" for cell in cells.values()):
            rows.append({"Change": change.title, **cells})
    return pd.DataFrame(rows).set_index("Change")


def _scores(held: Sequence[Held]) -> None:
    rows = []
    for name in dict.fromkeys(name for _, model in held for name in model.scores):
        if name not in TASKS:
            continue
        task, first = TASKS[name], next(model.scores[name] for _, model in held if name in model.scores)
        row = {"Task": task_title(name), "Metric": f"{metric_title(task)} {'↑' if task.higher_is_better else '↓'}"}
        for side, model in held:
            score = model.scores.get(name)
            value = None if score is None else score.metrics.get(task.metric)
            row[side.title] = "–" if value is None else metric_text(task, value, 3)
        constant = first.constant.get(task.metric)
        rows.append(row | {"constant": "–" if constant is None else metric_text(task, constant, 3)})
    if not rows:
        panels.empty("The images of the set have no labels, so nothing can be scored.", "Measure rooms instead.")
        return
    st.table(pd.DataFrame(rows).set_index("Task"))
    st.caption("**How to read this.** Scores of the whole set as it is; “constant” never looks at the image. A model "
               "may be stable because it is useless.")  # fmt: skip


def _table(found: StoredStability, held: Sequence[Held]) -> pd.DataFrame:
    """Everything that is stored of these models, one row a model, change and measure."""
    rows = [
        (model.name, key, name, one.mean, one.low, one.high, one.n)
        for _, model in held for key, intervals in model.stability.items() for name, one in intervals.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "change", "measure", "mean", "low", "high", "images"])


def _interval(one: StoredInterval | None) -> str:
    if one is None or one.mean is None:
        return "–"
    mean, low, high = (None if value is None else signed(value) for value in (one.mean, one.low, one.high))
    return f"{mean}" + ("" if low is None or high is None else f" [{low}, {high}]")


def _stamp(side: Side, found: StoredStability) -> SetProvenance:
    return set_provenance(
        side.engine.card, f"{found.images} images of {found.data}", device=found.device, seed=found.seed,
        versions=found.versions, protocol=found.protocol,
    )  # fmt: skip


def _command(sides: Sequence[Side]) -> str:
    names = [side.engine.card.name for side in sides]
    out = f"results/stability-{'-'.join(names)}.json"  # the shipped result stays
    return f"python -m mtlviz stability --checkpoints {' '.join(names)} --data rooms:val --limit 300 --out {out}"
