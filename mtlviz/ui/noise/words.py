"""The sentences of the Attention noise page: its answer, how to read it, and why something cannot be shown."""

from collections.abc import Sequence

import numpy as np

from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.models.interactions import interaction_class
from mtlviz.plots.style import task_title
from mtlviz.tasks import TASKS
from mtlviz.ui import panels
from mtlviz.ui.affinity import compare
from mtlviz.ui.noise.page import Side, View
from mtlviz.ui.noise.reading import ReaderNoise, reader

SOURCE = (
    "Noise mass against an oracle, and its floor: what follows from softmax never giving weight 0 (SGW-based "
    "Multi-Task Learning in Vision Tasks, 2024; bounds as in Limitations of Normalization in Attention, 2025)."
)
NOISE = r"\eta_i=\frac{\sum_{j\notin S_i}a_{ij}}{\sum_{j\ \mathrm{labelled}}a_{ij}},\quad S_i=\{j:y_j=y_i\}"
CHANCE = r"c_i=\frac{n-m}{n}"
FLOOR = r"\eta\ \ge\ \frac{1}{1+\frac{m}{n-m}\,e^{2B}},\qquad B=\tfrac12\left(\max_j\ell_j-\min_j\ell_j\right)"
NEEDED = r"\eta\le\delta\ \Rightarrow\ 2B\ \ge\ \log\frac{n-m}{m}+\log\frac{1-\delta}{\delta}"


def answer(view: View) -> str:
    """How much the picked token reads that is irrelevant to it, in each model, beside chance and the floor."""
    where = f"The {task_title(view.picked.task)} token at row {view.picked.row}, column {view.picked.column}"
    if not view.reading:
        return (
            f"In {_listed([panels.plain(side.title) for side in view.sides])} no token reads another by weights, so "
            "that nothing can leak this way; what a disturbed task does to the others can be measured all the same."
        )
    if view.oracle is None:
        return (
            f"{where} reads {_listed([_spread(side) for side in view.reading])}. This image has no labels, so nobody "
            "knows which of them are relevant to it."
        )
    found = {side.title: reader(side, view.oracle) for side in view.reading}
    own = next(iter(found.values())).own
    if own == UNKNOWN:
        return f"{where} belongs to no {view.what}, so nothing is relevant or irrelevant to it; pick another one."
    parts = [_leaks(panels.plain(title), one, view.what) for title, one in found.items()]
    silent = [panels.plain(side.title) for side in view.sides if side.trace is None]
    rest = f" In {_listed(silent)} no token reads another by weights." if silent else ""
    return f"{where} {named(view, own)}takes {_listed(parts)}.{rest}"


def named(view: View, own: int) -> str:
    """The reader's class in brackets, where the classes are what counts."""
    names = TASKS["semseg"].class_names
    return f"({names[own]}) " if view.oracle == "classes" and own < len(names) else ""


def why_no_rows(side: Side) -> str:
    """Why no token of a model reads another by weights."""
    interaction = side.card.architecture.interaction
    if interaction == "none":
        return "its tasks share the encoder and then go their own ways, so no token reads another"
    if interaction != "ctal":
        return "it records no weights between tokens"
    softmax = side.card.architecture.options.get("softmax")
    return compare.NORMALISED if softmax else compare.SIGNED


def without_rows(view: View) -> None:
    """An empty panel for every model that has no rows of weights."""
    for side in view.sides:
        if side.trace is None:
            panels.empty(
                f"**{panels.plain(side.title)} has no reading to look at:** {why_no_rows(side)}.",
                "What reaches its other tasks when one is disturbed is in the part “dose and response”. For maps, "
                "choose a model such as kem in the sidebar.",
            )


def without_labels() -> None:
    """Why nothing can be called noise on this image."""
    panels.empty(
        "This image has no labels, and noise is defined by them: a token of the same class, depth or object is "
        "relevant. A model's own prediction will not do, since it would judge itself.",
        "Choose a room in the sidebar; its labels are exact. What a disturbance does needs no labels: see “dose and "
        "response”.",
    )


def reads_over_all(side: Side) -> str:
    """Which tokens compete for being read."""
    slots = "slots" in interaction_class(side.card.architecture.interaction).Config.model_fields
    return "tokens of all tasks through its slots" if slots else "tokens of the other tasks"


def share(value: float) -> str:
    """Per cent without decimals; a dash for no number."""
    return f"{value:.0%}" if np.isfinite(value) else "–"


def times(value: float) -> str:
    """A quotient."""
    return f"{value:.2f}×" if np.isfinite(value) else "–"


def _leaks(title: str, found: ReaderNoise, what: str) -> str:
    if not np.isfinite(found.mass):
        return f"nothing that has a label in {title}"
    beside = f"all that it could read is of its {what}"
    if found.chance > 0:
        beside = f"{found.mass / found.chance:.2f} × the {found.chance:.0%} of reading everything alike"
    floor = f"; could not go below {found.floor:.0%}" if np.isfinite(found.floor) else ""
    return f"**{found.mass:.0%}** of what it reads in {title} from tokens of another {what} ({beside}{floor})"


def _spread(side: Side) -> str:
    found = reader(side, None)
    return (
        f"**{int((found.row > 0).sum()):,}** of the {int(found.readable.candidates.sum()):,} tokens that it could read "
        f"in {panels.plain(side.title)}"
    )


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
