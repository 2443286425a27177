"""The routing over a set of images: choose it, run it with progress and a stop, read mean and spread."""

import pandas as pd
import streamlit as st

from mtlviz.analysis.routing import slot_routing
from mtlviz.analysis.routing_numbers import IMAGE_NUMBERS
from mtlviz.analysis.routing_summary import RoutingSummary, summary_of_one
from mtlviz.engine import Engine, Provenance, Run
from mtlviz.plots.routing_bars import set_occupancy_figure
from mtlviz.plots.routing_exchange import exchange_matrices
from mtlviz.plots.style import task_title
from mtlviz.trace import Capture, SlotTrace
from mtlviz.ui import panels
from mtlviz.ui.set_job import SetSection
from mtlviz.ui.slots import words
from mtlviz.ui.slots.details import definitions, meaning

ROOMS = 20


def draw(engine: Engine, head: int) -> None:
    """The whole section.

    Args:
        engine: the model.
        head: of its interaction that is looked at.
    """
    section = SetSection(
        "slots", ROOMS, Capture(head=head), with_image,
        why="One image may be a special case; a set says what the slots do as a rule.",
    )  # fmt: skip
    job = section.done(engine, head=head)
    if job is not None and job.kept is not None:
        st.markdown(words.pooled(job.kept))
        st.caption(job.said)
        _results(job.kept, job.provenance)


def with_image(kept: RoutingSummary | None, run: Run) -> RoutingSummary:
    """The summary after one more image."""
    trace = run.trace.interaction
    if not isinstance(trace, SlotTrace):
        raise TypeError(f"expected a SlotTrace, got {type(trace).__name__}")
    one = summary_of_one(slot_routing(trace))
    return one if kept is None else kept.merge(one)


def _results(summary: RoutingSummary, provenance: tuple[Provenance, ...]) -> None:
    _numbers(summary)
    panels.figure(
        set_occupancy_figure(summary),
        "slots_set_occupancy",
        how_to_read="One bar a slot: its mean occupancy over the images; the whisker is one standard deviation between "
        "images.",
        alt=f"Mean occupancy of {summary.slots} slots over {summary.count} images",
        data=_table(summary),
        provenance=provenance,
    )
    panels.figure(
        exchange_matrices(summary.writers.mean, summary.readers.mean, summary.tasks),
        "slots_set_matrices",
        how_to_read=f"Means over n = {summary.count} images, every image weighing the same; a slot whose row is spread "
        "out has no fixed owner.",
        alt="Mean share of each task in writing and reading each slot",
    )
    definitions(IMAGE_NUMBERS)


def _numbers(summary: RoutingSummary) -> None:
    values = []
    for key, number in IMAGE_NUMBERS.items():
        moments = summary.numbers[key]
        deviation = None if summary.count < 2 else float(moments.spread)
        text = words.spread(float(moments.mean), deviation, max(number.decimals, 1))
        values.append((number.name, text, f"{meaning(number)} Mean ± standard deviation over n = {summary.count}."))
    panels.numbers(values)


def _table(summary: RoutingSummary) -> pd.DataFrame:
    """One row a slot: means and standard deviations over the images."""
    table = pd.DataFrame({"slot": range(summary.slots), "images": summary.count})
    for name, moments in (("occupancy", summary.occupancy), ("won", summary.won)):
        table[name], table[f"{name} spread"] = moments.mean, moments.spread
    table["dead in share of images"] = summary.dead.mean
    for kind, moments in (("writes", summary.writers), ("reads", summary.readers)):
        for column, task in enumerate(summary.tasks):
            table[f"{task_title(task)} {kind}"] = moments.mean[:, column]
            table[f"{task_title(task)} {kind} spread"] = moments.spread[:, column]
    return table
