"""The sentences of the Attribution page."""

import numpy as np

from mtlviz.analysis.attribution.baselines import BASELINES
from mtlviz.analysis.attribution.convergence import GOOD
from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.attribution.request import (
    ABLATION,
    GRAD_CAM,
    INTEGRATED,
    OCCLUSION,
    SALIENCY,
    SHAPLEY,
    SLOTS,
    TASKS,
    Request,
)
from mtlviz.plots.style import task_title
from mtlviz.ui.attribution.page import Side, View
from mtlviz.ui.panels import plain

HALF = 0.5
SMALL = 0.05
"""Differences below this share of |f(x)| leave relative numbers without much meaning."""

FORMULAS = {
    SALIENCY: r"a_p=\sum_{c}\frac{\partial f}{\partial x_{pc}}",
    INTEGRATED: r"a_p=\sum_c (x_{pc}-b_{pc})\int_0^1\frac{\partial f(b+\alpha(x-b))}{\partial x_{pc}}\,d\alpha,"
    r"\qquad \sum_p a_p=f(x)-f(b)",
    GRAD_CAM: r"a_p=\sum_k\Big(\tfrac1P\sum_q\frac{\partial f}{\partial A_{kq}}\Big)A_{kp}",
    OCCLUSION: r"a_p=\operatorname{mean}_{W\ni p}\; f(x)-f(x\text{ with }W\text{ covered})",
    ABLATION: r"a_i=v(M)-v(M\setminus\{i\})",
    SHAPLEY: r"a_i=\sum_{S\subseteq M\setminus\{i\}}\frac{|S|!\,(|M|-|S|-1)!}{|M|!}\,[v(S\cup\{i\})-v(S)],"
    r"\qquad \sum_i a_i=v(M)-v(\emptyset)",
}
SOURCES = {
    SALIENCY: "Simonyan et al., 2014, as captum computes it.",
    INTEGRATED: "Sundararajan et al., 2017, as captum computes it on segments of the path.",
    GRAD_CAM: "Selvaraju et al., 2017, as captum computes it, without clipping at 0.",
    OCCLUSION: "Zeiler & Fergus, 2014, as captum computes it.",
    ABLATION: "As captum computes it.",
    SHAPLEY: "Shapley, 1953; sampled orders after Castro et al., 2009, as captum computes it.",
}
READ = {
    SALIENCY: "Blue raises the number when that place gets brighter, red lowers it; a slope and not a share.",
    INTEGRATED: "Blue raises the number against the baseline, red lowers it; all places together add up to the "
    "difference.",
    GRAD_CAM: "Blue is where channels that raise the number are active, red where those are that lower it; the scale "
    "has no unit and only its order means something.",
    OCCLUSION: "Blue is what the number loses when a square there is covered, red what it gains.",
    ABLATION: "Blue is what the number loses when this alone is taken away, red what it gains; effects of parts that "
    "stand in for one another are missed, and nothing has to add up.",
    SHAPLEY: "Blue raises the number, red lowers it: the mean gain over orders in which parts are brought back; all "
    "parts together add up to the difference.",
}
CURVE_FORMULA = r"\text{score}=\int_0^1 g_\text{ins}(s)-g_\text{del}(s)\,ds,\qquad g(s)=\frac{f(s)-f(b)}{f(x)-f(b)}"
CURVE_SOURCE = "Petsiuk et al., 2018; with all orders alike the score is about 0."


def answer(view: View, found: dict[int, Attribution | None]) -> str:
    """One sentence that answers the question for what is known."""
    parts = [_answer_of(side, one) for side in view.sides if (one := found.get(side.index)) is not None]
    if not parts:
        return f"Nothing is computed yet for {task_title(view.request.target.task).lower()} {place(view.request)}."
    return " ".join(parts)


def place(request: Request) -> str:
    """Where the target is, in words."""
    return {
        "pixel": "at the picked pixel",
        "box": "in the box around the picked token",
        "class": "in the outlined region",
        "image": "over the whole image",
    }[request.target.where]


def quantity(found: Attribution) -> str:
    """The number that is explained."""
    task, channels = found.scalar.task, np.unique(found.scalar.channels)
    if task.kind == "classes":
        return (
            f"logit of {plain(task.class_names[channels[0]])}" if len(channels) == 1 else "logit of what is predicted"
        )
    lean = f"lean of the surface towards {found.request.target.axis}"
    return {"depth": "depth", "normals": lean, "binary": f"logit of {task_title(task.name).lower()}"}[task.kind]


def number(value: float, unit: str, *, signed: bool = False) -> str:
    """A number of the target with its unit."""
    text = f"{value:+.3g}" if signed else f"{value:.3g}"
    return text.replace("-", "−") + ("" if unit == "°" else " ") + unit


def how_to_read(view: View, models: int) -> str:
    """Under the map or bars."""
    shared = " Both models share one scale." if models > 1 else ""
    return f"{READ[view.request.method]}{shared}"


def formula(request: Request) -> str:
    """LaTeX of the method."""
    return FORMULAS[request.method]


def source(request: Request) -> str:
    """Of the method."""
    return SOURCES[request.method]


def way_out(view: View) -> str:
    """What to do where a model cannot answer."""
    if view.request.features in (SLOTS, TASKS):
        return "Choose another model in the sidebar, or let the prediction be owed to superpixels or pixels."
    return "Choose another class, another place or another model."


def numbers(found: Attribution) -> list[tuple[str, str]]:
    """Rows of the table."""
    unit, request = found.scalar.unit, found.request
    without = {SLOTS: "without any slot", TASKS: "when no task is read"}.get(
        request.features, f"on the baseline ({request.baseline})"
    )
    rows = [
        ("Target", quantity(found)),
        ("On the image as it is", number(found.value, unit)),
        (f"{without[0].upper()}{without[1:]}", number(found.without, unit)),
    ]
    if request.method != GRAD_CAM and request.method != SALIENCY:
        said = number(found.total, unit, signed=True)
        rows.append(("Sum of the contributions, of the difference",
                     f"{said} of {number(found.difference, unit, signed=True)}"))  # fmt: skip
    if found.path is not None:
        held = ", picks held" if found.path.held else ""
        off = number(found.path.delta * abs(found.path.difference), unit)
        rows.append(("Convergence delta", f"{found.path.delta:.1%}, {off} ({found.path.steps} steps{held})"))
        free = "nothing is picked" if found.path.free is None else f"{found.path.free:.1%}"
        rows.append(("Convergence delta with free picks", free))
    if found.errors is not None:
        largest = float(found.errors.max())
        rows.append(("Largest standard error", "exact: all orders" if not largest else number(largest, unit)))
    if found.curves is not None:
        rows.append(("Faithfulness: insertion − deletion area", scores(found)))
    return rows


def honest(found: Attribution) -> list[str]:
    """What has to be known to believe the numbers."""
    said = []
    if found.path is not None and found.path.held:
        said.append(
            "The picks are held at those of this image along the whole path: where another token overtakes, the "
            "output jumps, and no number of steps closes the gap that this leaves (second delta)."
        )
    if found.path is not None and not found.path.delta <= GOOD:
        said.append(
            "The contributions do not add up to 5%: take more steps, or a baseline on which the number differs more."
        )
    if _hardly_differs(found):
        said.append(
            "The number hardly differs from that without any of it, so that shares of the difference "
            "say little; the test is in the target's unit."
        )
    if found.request.features not in (SLOTS, TASKS):
        said.append(f"Baseline: {BASELINES[found.request.baseline]}. Another baseline asks another question.")
    return said


def scores(found: Attribution) -> str:
    """The test's score beside random orders: as a share of the difference, or in the unit where that is small."""
    tested = found.curves
    if tested is None:
        return "–"
    if _hardly_differs(found):
        numbers, unit = [tested.gap, *tested.random_gaps], f" {found.scalar.unit}"
        texts = [f"{value:+.3g}" for value in (numbers[0], min(numbers[1:]), max(numbers[1:]))]
    else:
        numbers, unit = [tested.score, *tested.random_scores], ""
        texts = [f"{value:.2f}" for value in (numbers[0], min(numbers[1:]), max(numbers[1:]))]
    mine, low, high = (text.replace("-", "−") for text in texts)
    return f"{mine}{unit} (random orders {low} to {high}{unit})"


def verdict(title: str, found: Attribution) -> str:
    """One sentence on the test."""
    tested = found.curves
    if tested is None:
        raise ValueError("the attribution was not tested")
    above = tested.gap > tested.random_gaps.max()
    how = "better than every random order" if above else "no better than the best random order"
    return f"**{plain(title)}**: score **{plain(scores(found))}**, {how}."


def _hardly_differs(found: Attribution) -> bool:
    """Whether shares of the difference mean little."""
    return abs(found.difference) < SMALL * max(abs(found.value), 1e-9)


def curves_how(found: Attribution) -> str:
    """Under the curves."""
    size = " by the size of their slope" if found.request.method == SALIENCY else ""
    orders = len(found.curves.random_scores) if found.curves else 0
    return (
        f"Deletion takes features away, those that make the difference first{size}; insertion brings them back. A "
        f"faithful map falls early and rises early; dotted is the mean of {orders} random orders with the same steps, "
        "bands their range."
    )


def _answer_of(side: Side, found: Attribution) -> str:
    start = (
        f"**{plain(side.title)}**: the {quantity(found)} {place(found.request)} is "
        f"**{number(found.value, found.scalar.unit)}**"
    )
    if found.request.features in (SLOTS, TASKS):
        return f"{start}, {_leaders(found)}."
    sizes = np.sort(np.abs(found.scores))[::-1]
    total = sizes.sum()
    count = int(np.searchsorted(np.cumsum(sizes), HALF * total) + 1) if total else 0
    parts = "tokens" if found.request.features == "pixels" else "superpixels"
    share = found.scores[found.scores > 0].sum() / total if total else 0.0
    half = f"half of the map lies on **{count} of {len(sizes)}** {parts}"
    return f"{start}; {half}, and {share:.0%} of its size raises the number."


def _leaders(found: Attribution) -> str:
    """The feature that adds most and the one that takes most."""

    def name(index: int) -> str:
        return task_title(found.names[index]) if found.request.features == TASKS else found.names[index]

    best, worst, unit = int(np.argmax(found.scores)), int(np.argmin(found.scores)), found.scalar.unit
    without = "without any slot" if found.request.features == SLOTS else "when no task is read"
    said = f"**{number(found.without, unit)}** {without}; {name(best)} adds most " \
           f"({number(float(found.scores[best]), unit, signed=True)})"  # fmt: skip
    if found.scores[worst] < 0:
        said += f", {name(worst)} takes most ({number(float(found.scores[worst]), unit, signed=True)})"
    return said
