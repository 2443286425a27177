"""The figures of a regime: gains, tasks, cost against gain, and training curves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.system_leads import front
from mtlviz.analysis.system_record import SINGLE
from mtlviz.analysis.system_words import seeds_phrase
from mtlviz.analysis.systems import Row, relative, table
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import DELTA, gain_figure, gain_limits
from mtlviz.plots.systems_cost import PRICES, Price, cost_figure
from mtlviz.plots.systems_tasks import parallel_figure
from mtlviz.plots.systems_training import curve_of, training_figure
from mtlviz.ui import linked, panels
from mtlviz.ui.results import page, words
from mtlviz.ui.results.page import REFERENCE, View

FORMULA = r"\Delta_m=\frac{100}{T}\sum_t(-1)^{l_t}\frac{M_t-B_t}{B_t}"
OFF = (
    "the open one is the same network with its interaction switched off. Its decoders were trained with it, so the "
    "dotted way between them is how much they have come to rely on it; what sharing gains is the distance from hard "
    "sharing. "
)
SOURCE = (
    "M the system's headline metric of task t, B that of a network trained on t alone, l = 1 where lower is better "
    "(Maninis et al., 2019)."
)


def gain(view: View, row: DeltaGenerator) -> None:
    """Delta_m by system, on and off."""
    if not any(row.gain is not None for row in view.rows):
        _without_baseline(view)
        return
    with row:
        off = st.toggle(
            "Switched off too", value=True, key="results_off", **linked.LINKED,
            help="Without it the axis ends where the systems do, so that their spread can be seen.",
        )  # fmt: skip
    every = _shown((one for name in view.comparison.regimes for one in table(view.comparison, name)), off)
    best = view.best_gain()
    panels.figure(
        gain_figure(_shown(view.rows, off), gain_limits(every)), "results_gain",
        alt=f"{DELTA} of every system over each task alone" + (f"; best {best[0].title}" if best else ""),
        how_to_read="A filled marker is a system as it was trained, with one deviation to either side; "
        + (OFF if off else "what sharing gains is the distance from hard sharing. ")
        + "The dashed line is each task alone; right of it is better. All regimes have the same axis. "
        + words.spread(view),
        formula=FORMULA, source=SOURCE, data=_gains(view.rows), provenance=page.provenance(view),
    )  # fmt: skip
    st.caption(words.tier(view))


def tasks(view: View, _row: DeltaGenerator) -> None:
    """Every system over the tasks, relative to hard sharing."""
    reference = view.row(REFERENCE)
    if reference is None or len(view.rows) < 2:
        panels.empty(
            f"**The regime {panels.plain(view.name)} has no hard sharing yet,** which this figure measures from.",
            f"Add none.yaml to the systems of the comparison, or let it go on: `{view.comparison.command}`.",
        )
        return
    headlines = view.comparison.headlines
    better = relative(view.comparison, view.name, REFERENCE)
    data = [
        {"system": row.name, "task": task, "metric": headlines[task], "value": row.scores[task].mean,
         "deviation": row.scores[task].deviation, "better_than_none_percent": one.mean,
         "better_than_none_deviation": one.deviation, "deviation_over": one.over}
        for row in view.rows for task, one in better[row.name].items()
    ]  # fmt: skip
    panels.figure(
        parallel_figure(view.rows, reference, better, headlines), "results_tasks",
        alt="How much better than hard sharing every system is, task by task",
        how_to_read="A line is a system; up is better on every axis, also where a lower metric is better, and the "
        "dashed line is hard sharing. Lines that cross trade one task for another. A click on a name in the legend "
        "takes its line away, a double click leaves it alone; the pointer tells values and spread. "
        + words.spread(view),
        data=pd.DataFrame(data), provenance=page.provenance(view),
    )  # fmt: skip
    st.caption(words.tier(view))


def cost(view: View, row: DeltaGenerator) -> None:
    """What a system costs against what it gains."""
    with row:
        price = PRICES[linked.select("Cost", list(PRICES), "results_price")]
    known = {one.name: one for one in view.rows if one.cost is not None and one.gain is not None}
    if not known:
        if not any(one.gain is not None for one in view.rows):
            _without_baseline(view)
            return
        panels.empty(
            "**Costs have not been measured yet;** the command does that when all systems are trained.",
            f"Let it go on: `{view.comparison.command}`.",
        )
        return
    points = {name: (price.read(one.cost), one.gain.mean) for name, one in known.items() if one.cost and one.gain}
    best = [panels.plain(view.title(name)) for name in front(points)]
    st.markdown(
        f"Nobody gains more for less than **{' , '.join(best)}**.".replace(" ,", ",") if len(best) > 1
        else f"**{best[0]}** gains most and costs least."
    )  # fmt: skip
    panels.figure(
        cost_figure(view.rows, price), "results_cost",
        alt=f"{DELTA} over {price.title}; nobody gains more for less than {', '.join(best)}",
        how_to_read="Up and left is better. The dotted steps join the systems that no other beats in both; their names "
        "stand beside them. The dashed line is each task alone. Bars are one deviation: a step that is smaller than "
        "its bars may be chance."
        + _alone(view, price),
        data=pd.DataFrame([{"system": name, "cost": at, "delta_m_percent": up} for name, (at, up) in points.items()]),
        provenance=page.provenance(view),
    )  # fmt: skip


def training(view: View, row: DeltaGenerator) -> None:
    """Losses over the images seen."""
    systems = view.systems
    held = [
        task for task in view.comparison.headlines
        if any(curve_of(one, task) for system in systems.values() for one in system.trainings)
    ]  # fmt: skip
    if not held:
        panels.empty(
            "**This comparison holds no training curves.**", f"Make it again with `{view.comparison.command}`."
        )
        return
    with row:
        task = linked.select("Task", held, "results_task", width=130)
    reference = systems.get(REFERENCE)
    against = reference is not None and st.toggle(
        "Against hard sharing", key="results_against", **linked.LINKED,
        help="Every loss over that of hard sharing from the same seed after as many images: differences show that "
        "losses hide.",
    )  # fmt: skip
    lines = [
        {"system": name, "seed": one.seed, "images": images, "loss": loss}
        for name, system in systems.items() for one in system.trainings if (found := curve_of(one, task)) is not None
        for images, loss in zip(found.images, found.losses[task], strict=False)
    ]  # fmt: skip
    panels.figure(
        training_figure(systems, task, reference if against else None), "results_training",
        alt=f"Training loss of {task_title(task).lower()} by system over images seen",
        how_to_read="The unweighted loss of this task as the training logged it, on the images that it was learning "
        "from"
        + (", less that of hard sharing from the same seed after as many images, in percent of it" if against else "")
        + "; lower is better. "
        + (f"A line is the mean over {seeds_phrase(view.rows)}, its band reaches from the lowest to the highest of "
           "them. " if any(one.seeds > 1 for one in view.rows) else "")
        + "“Each task alone” is the network of this task. Losses on training images do not say who "
        "predicts held-out ones better: that is in the table.",
        data=pd.DataFrame(lines), provenance=page.provenance(view),
    )  # fmt: skip


def _shown(rows: Iterable[Row], off: bool) -> list[Row]:
    """Rows with what they gain switched off, or without it."""
    return [row if off else replace(row, gain_off=None) for row in rows]


def _gains(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"system": row.name, "delta_m_percent": row.gain.mean, "deviation": row.gain.deviation,
          "deviation_over": row.gain.over, "delta_m_off_percent": row.gain_off}
         for row in rows if row.gain is not None]
    )  # fmt: skip


def _alone(view: View, price: Price) -> str:
    """Where each task alone would lie, which is left out so that the others have room."""
    single = view.row(SINGLE)
    if single is None or single.cost is None:
        return ""
    cost = f"{price.read(single.cost):.{price.decimals}f}"
    return f" Each task alone costs {cost} and has no marker, so that the others have room."


def _without_baseline(view: View) -> None:
    panels.empty(
        f"**In the regime {panels.plain(view.name)} no system can be compared with each task alone yet.**",
        f"Let the command go on: `{view.comparison.command}`.",
    )
