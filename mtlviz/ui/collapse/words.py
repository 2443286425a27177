"""Sentences of the Neural collapse page: the answer, what a weighting changes and why, whether rare classes lag."""

from collections.abc import Sequence

import numpy as np

from mtlviz.analysis.collapse.record import ClassPlace, ClassRow, Estimate, RegressionTask, Weighting
from mtlviz.analysis.rank_correlation import beyond_chance, rank_correlation
from mtlviz.plots.attention import percent
from mtlviz.plots.collapse_classes import MEASURES, Measure, order
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.trace import PLACES
from mtlviz.ui.collapse.page import WEIGHTINGS, Side, View
from mtlviz.ui.panels import plain

NEARLY, WIDE = 0.05, 1.0
"""Quotients of NC1 up to which classes count as nearly collapsed, and from which on as not collapsed."""
VERDICT = (
    "The answer above says “not collapsed” where features vary at least as much within classes as between class means "
    f"(NC1, quotient of traces, at the last place), “nearly” up to {NEARLY:g} times as much, “partly” in between."
)
SPREAD = MEASURES["spread within the class"]


def answer(shown: Sequence[Side], view: View) -> str:
    """Whether the classes of the chosen task have collapsed in the first model, which lag, and how the second does."""
    having = [side for side in shown if view.task is not None and view.task in side.result.classes]
    if not having or view.task is None:
        return without_classes(shown)
    first = having[0]
    places = first.result.classes[view.task].places
    start, end = (next(place for place in way if place in places) for way in (PLACES, PLACES[::-1]))
    before, after = (_estimate(places[place], "nc1_quotient", view.weighting) for place in (start, end))
    if after.value is None:
        return (
            f"{plain(first.title)} has met fewer than two classes of {task_title(view.task).lower()} often enough; "
            "more images would say whether they collapse."
        )
    aside = [_band(after), f"{before.value:.2f} at the {PLACE_TITLES[start]}" if before.value else "", "0 is collapse"]
    parts = [
        f"**{_verdict(after.value)}** in {plain(first.title)}: at the {PLACE_TITLES[end]} the features of "
        f"{task_title(view.task).lower()} vary **{after.value:.2f}** times as much within classes as between class "
        f"means, {view.weighting_title} ({'; '.join(one for one in aside if one)})",
        _lagging(places[end], view.weighting),
        _second(having[1:], view, end),
    ]
    return "; ".join(part for part in parts if part) + "."


def no_classes(shown: Sequence[Side]) -> tuple[str, str]:
    """Why there is no panel on classes, and what would fill it."""
    names = listed([plain(side.title) for side in shown])
    return (
        f"**{names} predict{'s' if len(shown) == 1 else ''} no classes,** so there are no class means to collapse to.",
        "Choose a model with segmentation or human parts in the sidebar; regression tasks are below.",
    )


def without_classes(shown: Sequence[Side]) -> str:
    """The answer for models whose results hold no classes."""
    names = listed([plain(side.title) for side in shown])
    tasks = [(side, name, task) for side in shown for name, task in side.result.regression.items()]
    said = f"{names} predict{'s' if len(shown) == 1 else ''} no classes, so none can collapse"
    for side, name, task in tasks[:1]:
        end = next((place for place in PLACES[::-1] if place in task.places), None)
        value = None if end is None else task.places[end].statistics.get("nrc1", Estimate(None)).value
        if end is not None and value is not None:
            said += (
                f"; its features of {task_title(name).lower()} keep **{percent(value)}** of their variance outside "
                f"{_axes(task)} at the {PLACE_TITLES[end]} in {plain(side.title)} (0 is collapse)"
            )
    return said + "."


def weighting_changes(shown: Sequence[Side], view: View) -> str:
    """What the weighting changes at the chosen place and why, from the first model's numbers; empty without any."""
    having = [side for side in shown if view.place in getattr(side.result.classes.get(view.task or ""), "places", ())]
    return _weighting(having[0], view, having[0].result.classes[view.task or ""].places[view.place]) if having else ""


def _weighting(side: Side, view: View, place: ClassPlace) -> str:
    rows = [row for row in place.classes if row.label in place.present and row.variance is not None]
    balanced, pixel = (_estimate(place, "nc1_quotient", one).value for one in WEIGHTINGS.values())
    if len(rows) < 2 or not balanced or pixel is None:
        return ""
    top = max(rows, key=lambda row: row.share)
    within = {weighting: _within(rows, weighting) for weighting in WEIGHTINGS.values()}
    totals = {weighting: sum(parts.values()) for weighting, parts in within.items()}
    if not all(totals.values()) or not pixel:
        return ""
    parts = {weighting: percent(one[top.label] / totals[weighting]) for weighting, one in within.items()}
    spread = totals["pixel"] / totals["balanced"]
    between = spread * balanced / pixel
    return (
        f"{plain(top.name.capitalize())} holds **{percent(_share(top, rows))}** of the positions, so pixel-weighted it "
        f"makes **{parts['pixel']}** of the variance within classes, class-balanced (each of {len(rows)} classes the "
        f"same) {parts['balanced']}. From class-balanced to pixel-weighted, NC1 as the quotient of traces goes from "
        f"**{balanced:.2f}** to **{pixel:.2f}** at the {PLACE_TITLES[view.place]} of {plain(side.title)}: the variance "
        f"within classes becomes {spread:.2f} times as large, because frequent classes are {_tighter(spread)}, and "
        f"that between class means {between:.2f} times, because their centre moves towards the frequent ones, which "
        "weigh most."
    )


def frequency_correlation(rows: Sequence[ClassRow], measure: Measure) -> tuple[float, int] | None:
    """Spearman's correlation of a class's frequency with a measure, and the number of classes; None below three."""
    known = [(row.share, value) for row in rows if (value := measure.of(row)) is not None and row.share > 0]
    if len(known) < 3:
        return None
    found = rank_correlation(*np.array(known).T)
    return None if np.isnan(found) else (found, len(known))


def rare_classes(side: Side, rows: Sequence[ClassRow], measure: Measure) -> str:
    """Whether rare classes lag behind, as a rank correlation."""
    found = frequency_correlation(rows, measure)
    if found is None:
        return f"{plain(side.title)}: too few classes to say whether rare ones lag."
    value, classes = found
    signed = f"{value:+.2f}".replace("-", "−")
    worse = value < 0 if not measure.higher_is_better else value > 0
    if not beyond_chance(value, classes):
        said = "how often a class occurs says little about it"
    else:
        said = "rare classes lag behind" if worse else "rare classes are ahead"
    return f"{plain(side.title)}: {said} (rank correlation with frequency **{signed}**, n = {classes} classes)."


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _verdict(value: float) -> str:
    if value >= WIDE:
        return "Not collapsed"
    return "Partly collapsed" if value > NEARLY else "Nearly collapsed"


def _lagging(place: ClassPlace, weighting: Weighting) -> str:
    worst = order(place.classes, SPREAD)[:3]
    if len(worst) < 2:
        return ""
    rows = {row.label: row for row in place.classes}
    names = listed([f"{rows[label].name} ({rows[label].scatter:.2f})" for label in worst])
    share = sum(rows[label].share for label in worst)
    by = "by the same ratio" if weighting == "balanced" else "measured by the class-balanced spread of the means,"
    return f"{by} **{names}** lag furthest behind and hold {percent(share)} of the positions"


def _second(others: Sequence[Side], view: View, place: str) -> str:
    for side in others:
        if view.task is None or place not in side.result.classes[view.task].places:
            continue
        one = _estimate(side.result.classes[view.task].places[place], "nc1_quotient", view.weighting)
        if one.value is not None:
            return f"{plain(side.title)} has **{one.value:.2f}** there{f' ({_band(one)})' if _band(one) else ''}"
    return ""


def _estimate(place: ClassPlace, key: str, weighting: Weighting) -> Estimate:
    found = place.statistics.get(key)
    return Estimate(None) if found is None else found.of(weighting)


def _band(one: Estimate) -> str:
    return "" if one.low is None or one.high is None else f"band {one.low:.2f} to {one.high:.2f}"


def _share(row: ClassRow, rows: Sequence[ClassRow]) -> float:
    return row.count / sum(one.count for one in rows)


def _within(rows: Sequence[ClassRow], weighting: Weighting) -> dict[int, float]:
    """By label what a class adds to the variance within classes, tr S_W."""
    weights = {row.label: _share(row, rows) if weighting == "pixel" else 1 / len(rows) for row in rows}
    return {row.label: float(row.variance or 0) * weights[row.label] for row in rows}


def _tighter(spread: float) -> str:
    if abs(spread - 1) < 0.03:
        return "about as wide as the others"
    return "tighter than the others" if spread < 1 else "wider than the others"


def _axes(task: RegressionTask) -> str:
    return "one axis" if task.dimension == 1 else f"{task.dimension} axes"
