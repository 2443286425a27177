"""What the Neural collapse page is about: its models with their results, its controls, explanations of its figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from mtlviz.analysis.collapse.names import STATISTICS, Statistic
from mtlviz.analysis.collapse.record import CollapseResult, Weighting
from mtlviz.checkpoints import ModelCard
from mtlviz.plots.collapse import MODEL_COLOURS
from mtlviz.plots.style import PLACE_TITLES
from mtlviz.tasks import TASKS
from mtlviz.trace import PLACES
from mtlviz.ui import charts, linked, state
from mtlviz.ui.collapse import results
from mtlviz.ui.collapse.results import Found
from mtlviz.ui.downloads import csv_bytes, file_stamp
from mtlviz.ui.panels import plain
from mtlviz.ui.stored_results import SetProvenance

QUESTION = "Have the classes collapsed, and which lag behind?"
CLASSES, PIXELS = "class-balanced", "pixel-weighted"
WEIGHTINGS: dict[str, Weighting] = {CLASSES: "balanced", PIXELS: "pixel"}
PLACE_OF = {title: place for place, title in PLACE_TITLES.items()}
MAIN, ALL = EXTENTS = ("the main ones", "all")
SOURCES = {
    "nc1": "Papyan, Han & Donoho, PNAS 2020 (NC1 with the pseudo-inverse); Galanti, György & Hutter, ICLR 2022 (CDNV).",
    "nc2": "Papyan, Han & Donoho, PNAS 2020; distance from the simplex frame: Zhu et al., NeurIPS 2021.",
    "nc3": "Papyan, Han & Donoho, PNAS 2020; joint structure: Zhu et al., NeurIPS 2021.",
    "nc4": "Papyan, Han & Donoho, PNAS 2020.",
    "agreement": "NC4 of Papyan, Han & Donoho, PNAS 2020, asked of the network's final prediction at every place.",
    "classifier": "NC2 of Papyan, Han & Donoho, PNAS 2020, for the classifier's weights.",
    "nrc": "Andriopoulos et al., NeurIPS 2024 (arXiv 2409.04180).",
}
"""Where the statistics of a family come from."""
MARKS = ("●", "◆")
"""A and B in words, shaped as they are drawn."""


@dataclass(frozen=True)
class Side:
    """One model of the page.

    Attributes:
        index: 0 for A, 1 for B; gives its colour.
        which: of the sidebar's models.
        title: unlike the other side's.
        card: of the model.
        found: its result, or why there is none.
    """

    index: int
    which: state.Which
    title: str
    card: ModelCard
    found: Found

    @property
    def result(self) -> CollapseResult:
        """What was computed; only asked of sides that have it."""
        if self.found.result is None:
            raise ValueError(f"{self.title} has no result")
        return self.found.result

    @property
    def interacts(self) -> bool:
        """Whether its tasks interact; if not, its three middle places are the same features."""
        return self.card.architecture.interaction != "none"

    @property
    def stamp(self) -> SetProvenance:
        """What made its numbers."""
        return results.stamp(self.card, self.result)


@dataclass(frozen=True)
class View:
    """What the controls say.

    Attributes:
        task: classification task that is looked at; None where no model has one.
        weighting: of the classes.
        place: where single classes, spectra and training steps are looked at.
        everything: all statistics, not the main ones only.
    """

    task: str | None
    weighting: Weighting
    place: str
    everything: bool

    @property
    def weighting_title(self) -> str:
        """The weighting in words."""
        return next(title for title, weighting in WEIGHTINGS.items() if weighting == self.weighting)


def sides() -> list[Side]:
    """The sidebar's models, one of them where both are the same."""
    names = {"a": state.model_name("a"), "b": state.model_name("b")}
    if names["a"] == names["b"]:
        del names["b"]
    cards = {which: state.card(name) for which, name in names.items()}
    alike = len({card.title for card in cards.values()}) < len(cards)
    return [
        Side(index, which, card.name if alike else card.title, card, results.find(card))  # type: ignore[arg-type]
        for index, (which, card) in enumerate(cards.items())
    ]


def controls(shown: Sequence[Side]) -> View:
    """The page's own controls in one row.

    Args:
        shown: the models that have a result.
    """
    having = {name for side in shown for name in side.result.classes}
    tasks = [name for name in TASKS if name in having] + sorted(having - set(TASKS))
    present = {place for side in shown for task in side.result.classes.values() for place in task.places}
    present |= {place for side in shown for task in side.result.regression.values() for place in task.places}
    places = [PLACE_TITLES[place] for place in PLACES if place in present] or [PLACE_TITLES["decoder"]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        task = linked.buttons("Classes of", tasks, "collapse_task") if tasks else None
        weighting = linked.buttons("Classes weigh", list(WEIGHTINGS), "collapse_weighting") if tasks else PIXELS
        extent = linked.buttons("Statistics", EXTENTS, "collapse_statistics")
        place = linked.select("Look closer at", places, "collapse_place", start=places[-1], width=190)
    return View(task, WEIGHTINGS[weighting], PLACE_OF[place], extent == ALL)


def measure_control(titles: Sequence[str]) -> str:
    """Which number of the single classes is shown."""
    return linked.buttons("Measure", titles, "collapse_measure")


def legend(shown: Sequence[Side]) -> None:
    """Names, colours and sets of the models, once for all figures."""
    parts = []
    for side in shown:
        mark = f':color[{MARKS[side.index]}]{{foreground="{MODEL_COLOURS[side.index]}"}}'
        live = ", computed in this session" if side.found.live else ""
        data = plain(side.result.data)
        parts.append(f"{mark} **{plain(side.title)}** ({side.result.images:,} images of {data}{live})")
    st.markdown("  ·  ".join([*parts, "┄ exact collapse"]))
    if len({(side.result.data, side.result.images) for side in shown}) > 1:
        st.caption("The models were measured over different images, so gaps between them may come from the images.")


def show(draw: Callable[..., go.Figure], *content: object, key: str, alt: str, of: Sequence[Side]) -> None:
    """Put a figure on the page; for the same content it is drawn once.

    Args:
        draw: the figure from the content.
        content: plain values and records of them, whose ``repr`` says all there is.
        key: unique on the page.
        alt: what it shows, for a screen reader.
        of: the models that it is of.
    """
    fig = charts.Ready(_spec(partial(draw, *content), f"{draw.__name__}{content!r}"))
    charts.show(fig, key, alt, None, file_stamp([side.stamp for side in of]))


@st.cache_resource(max_entries=256, show_spinner=False)
def _spec(_draw: Callable[[], go.Figure], content: str) -> charts.Spec:
    return _draw().to_dict()  # type: ignore[no-any-return]


def explain(key: str, how_to_read: str, keys: Sequence[str], table: pd.DataFrame, shown: Sequence[Side]) -> None:
    """The explanation, the formulas and the data below a group of figures.

    Args:
        key: of the group, unique on the page.
        how_to_read: one sentence.
        keys: of the statistics that are drawn.
        table: the numbers behind the figures.
        shown: the models that they are of.
    """
    st.caption(f"**How to read this.** {how_to_read}")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Formulas", icon=":material/function:", type="tertiary"):
            definitions([STATISTICS[one] for one in keys])
        download(key, table, shown)


def download(key: str, table: pd.DataFrame, shown: Sequence[Side]) -> None:
    """The numbers as CSV, with what made them; the file is made when the button is pressed."""
    content = partial(csv_bytes, table, [side.stamp for side in shown])
    st.download_button(
        "Data (CSV)", content, f"mtlviz_{key}.csv", "text/csv", key=f"download_{key}", on_click="ignore",
        type="tertiary", icon=":material/download:",
    )  # fmt: skip


def definitions(statistics: Sequence[Statistic]) -> None:
    """Statistics in words and as formulas, with their direction, and the sources of each family once."""
    said = []
    for family, members in groupby(statistics, key=lambda one: one.family):
        said += [*map(_definition, members), f":small[Source: {SOURCES[family]}]"]
    st.markdown("\n\n".join(said))


def _definition(one: Statistic) -> str:
    direction = "Higher is more collapsed" if one.collapsed == 1.0 else "Lower is more collapsed"
    said = f"**{one.title}.** {one.meaning} {direction}; exact collapse gives {one.collapsed:g}."
    return f"{said}\n\n$$\n{one.formula}\n$$"
