"""Curves and labels of the study over a set: fewer places or tasks, shares of the mass, and the reader's label."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.noise.names import CURVES, WHAT
from mtlviz.analysis.noise.oracles import CLASSES
from mtlviz.analysis.stability.stored import StoredInterval
from mtlviz.plots.collapse import NEUTRAL
from mtlviz.plots.noise_doses import Dot, Point, Response, dots_figure, response_figure
from mtlviz.ui import negative_controls, panels
from mtlviz.ui.noise import reading, results
from mtlviz.ui.noise.page import View
from mtlviz.ui.noise.results import CurvePoint, Held, StoredModel, StoredNoise, TopP

AXES = {"curve": "share of the places that take part", "task_curve": "tasks that could be read"}
"""By curve the title of its horizontal axis."""


def curves(view: View, *, grow: bool) -> None:
    """Leaked mass by places and by tasks over the set; nothing where no stored result has it.

    Args:
        view: of the page.
        grow: the relevant tokens grow along with those that can be read.
    """
    found, held = _stored(view)
    key = "noise" if grow else "outside"
    drawn = {
        "curve": _responses(held, lambda model: _points(model.curve, key)),
        "task_curve": _responses(held, lambda model: _points(model.task_curve, key)),
    }
    if found is None or not any(drawn.values()):
        return
    st.subheader(f"Measured over {found.images} images", anchor="curves")
    negative_controls.not_of_sets(view.pair.control)
    for (name, responses), column in zip(drawn.items(), st.columns(2, gap="medium"), strict=True):
        with column:
            panels.figure(
                response_figure(responses, f"{CURVES[key].title}, {found.images} images", AXES[name], same=None,
                                limits=(0.0, 1.02)),
                f"noise_set_{name}", alt=f"{CURVES[key].title} over {AXES[name]}, mean of {found.images} images",
                how_to_read=f"{CURVES[key].meaning} By classes, whatever the sliders and the controls above say. Means "
                f"over n = {found.images} images with 95% intervals over images as bands"
                + ("; slots read the reader's own task too, attention does not." if name == "task_curve" else "."),
                formula=CURVES[key].formula, data=_table(responses), provenance=results.stamps(found, held),
            )  # fmt: skip


def top_p(view: View) -> None:
    """How few tokens hold a share of the reading, on the image and over the set."""
    found, held = _stored(view)
    now = [
        Response(side.title, side.index, tuple(Point(p, part, text=_holding(p, tokens)) for p, (tokens, part) in
                                               reading.numbers(view, side).top_p.items()))
        for side in view.reading
    ]  # fmt: skip
    stored = _responses(held, lambda model: _shares(model.top_p))
    if not now and not stored:
        return
    st.subheader("How few tokens hold how much of the reading", anchor="top-p")
    first, second = st.columns(2, gap="medium")
    for responses, column, key, of in (
        (now, first, "image", "this image"),
        (stored, second, "set", f"{0 if found is None else found.images} images"),
    ):
        if responses:
            fig = response_figure(responses, f"tokens over candidates, {of}", "share p of a row's mass", same=None,
                                  limits=(-0.02, 1.02), models=max(len(now), len(stored)))  # fmt: skip
            fig.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": NEUTRAL, "width": 1, "dash": "dash"})
            with column:
                panels.figure(
                    fig, f"noise_top_p_{key}", alt=f"Share of the candidates that holds a share of the mass, {of}",
                    how_to_read="The fewest tokens that hold a share p of what a token reads, over those that it could "
                    "read: on the dashed line all are read alike, the lower a curve the fewer are read."
                    + (" Bands are 95% intervals over images." if key == "set" else ""),
                    data=_table(responses),
                    provenance=results.stamps(found, held) if key == "set" and found is not None
                    else [side.run.provenance for side in view.reading],
                )  # fmt: skip


def labels(view: View) -> None:
    """Whose readers leak most, against their own chance; nothing where no stored result has it."""
    found, held = _stored(view)
    oracle = view.oracle or CLASSES
    shown = [one for one in held[: len(view.sides)] if one.place < len(view.sides)]
    dots = [
        Dot(label.name, one.model.title, one.place, value.mean, value.low, value.high)
        for one in shown for label in one.model.labels.get(oracle, ())
        if (value := label.relative) is not None and value.mean is not None
    ]  # fmt: skip
    if found is None or not dots:
        return
    st.subheader(f"By the reader's {WHAT[oracle]}", anchor="labels")
    rows = [
        {"model": one.model.name, "label": label.name, "measure": name, **vars(value)}
        for one in shown for label in one.model.labels.get(oracle, ())
        for name, value in (("noise", label.noise), ("chance", label.chance), ("relative", label.relative))
        if value is not None
    ]  # fmt: skip
    panels.figure(
        dots_figure(dots, f"noise over chance, {found.images} images", "noise mass over chance", same=1.0),
        "noise_labels", alt=f"Noise mass over chance by {WHAT[oracle]} of the reader, mean of {found.images} images",
        how_to_read=f"A row is the {WHAT[oracle]} of the reading token"
        + (", objects by the number of tokens that they cover" if oracle == "instances" else "")
        + "; at 1, dashed, its readers choose no better than reading everything alike, to the left of it better. Means "
        f"with 95% intervals over those of the {found.images} images that have it; without one a single image has it.",
        formula=r"\eta/c", data=pd.DataFrame(rows), provenance=results.stamps(found, shown),
    )  # fmt: skip


def _stored(view: View) -> tuple[StoredNoise | None, list[Held]]:
    cards = [side.card for side in view.sides]
    found = results.find(cards)
    return found, [] if found is None else results.held(found, cards)


def _responses(held: Sequence[Held], points: Callable[[StoredModel], list[Point]]) -> list[Response]:
    found = [Response(one.model.title, one.place, tuple(points(one.model))) for one in held]
    return [one for one in found if one.points]


def _points(curve: Sequence[CurvePoint], key: str) -> list[Point]:
    found = []
    for point in curve:
        part = point.fraction if point.tasks is None else point.tasks
        value: StoredInterval | None = point.noise if key == "noise" else point.outside
        if part is not None and value is not None and value.mean is not None:
            what = f"{part:.0%} of the places" if point.tasks is None else f"{part} tasks"
            found.append(Point(float(part), value.mean, value.low, value.high, what))
    return found


def _shares(curve: Sequence[TopP]) -> list[Point]:
    return [
        Point(one.p, one.share.mean, one.share.low, one.share.high, _holding(one.p, one.tokens.mean or 0))
        for one in curve if one.share.mean is not None
    ]  # fmt: skip


def _holding(p: float, tokens: float) -> str:
    return f"{p:.0%} of the mass on {tokens:,.0f} tokens"


def _table(responses: Sequence[Response]) -> pd.DataFrame:
    return pd.DataFrame([
        {"model": one.title, "at": point.dose, "mean": point.mean, "low": point.low, "high": point.high}
        for one in responses for point in one.points
    ])  # fmt: skip
