"""The embedding page's main figure: the map of tokens, the same tokens on their images, and the numbers beside them."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from mtlviz.analysis import neighbourhood
from mtlviz.analysis.neighbourhood import NEAREST, Agreement, Silhouette
from mtlviz.analysis.projection import Projection
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.engine import Run
from mtlviz.plots.embedding import Highlight, embedding_figure
from mtlviz.plots.style import check_budget
from mtlviz.plots.token_colours import Colouring
from mtlviz.ui import panels, pick
from mtlviz.ui.embedding import cells, charts, words
from mtlviz.ui.embedding import selection as embedding_selection
from mtlviz.ui.embedding.page import Choice, Key, Shown


@dataclass(frozen=True)
class Numbers:
    """What is known about the tokens whatever map is drawn of them.

    Attributes:
        task: agreement of the nearest tokens in their task; None where all belong to one.
        classes: by classification task whether its classes are ``true`` or ``predicted``, and the agreement in them.
        silhouettes: by classification task.
    """

    task: Agreement | None
    classes: dict[str, tuple[str, Agreement]]
    silhouettes: dict[str, tuple[Silhouette, ...]]


def numbers_of(shown: Shown) -> Numbers:
    """The numbers of the tokens on the page."""
    return _numbers(shown.cloud, shown.key)


def highlighted(shown: Shown, choice: Choice) -> Highlight:
    """What stands out: the selection, the picked token with the tokens that look most like it, and slots' picks."""
    cloud, selection = shown.cloud, embedding_selection.current(shown.of)
    selected = None if selection is None else selection.mask(cloud)
    outlined = np.flatnonzero(cloud["picked"] >= 0) if choice.by == "slot" else np.zeros(0, np.int64)
    if shown.source.run is None:
        return Highlight(selected, outlined=outlined)
    token = _picked(cloud, shown.source.run)
    if selected is not None:
        return Highlight(selected, picked=token, outlined=outlined)
    nearest = (
        np.zeros(0, np.int64) if token is None else neighbourhood.nearest_tokens(cloud.features, np.array([token]))[0]
    )
    return Highlight(selected, nearest, token, outlined)


def draw(shown: Shown, choice: Choice, projection: Projection, colouring: Colouring, highlight: Highlight) -> None:
    """The map beside the images."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _map(shown, choice, projection, colouring, highlight)
    with right:
        cells.draw(shown, choice, colouring, highlight)


def numbers(shown: Shown, projection: Projection, found: Numbers, class_task: str | None) -> None:
    """The numbers of the map and of the tokens, in a row."""
    cloud = shown.cloud
    trust = _trust(cloud, projection, (*shown.key, projection.method, str(projection.coordinates.shape[1])))
    values = [
        ("Trustworthiness", words.number(trust),
         f"How far the {NEAREST} nearest tokens on this map are among the nearest in all {cloud.features.shape[1]} "
         f"features: 1 if all are, about 0.5 by chance. On {min(len(cloud), neighbourhood.QUERIES):,} tokens."),
    ]  # fmt: skip
    if projection.method == "PCA":
        values.insert(0, ("Variance shown", f"{projection.shown:.0%}",
                          "Share of the variance of all features along the axes of the map."))  # fmt: skip
    if found.task is not None:
        values.append(("Near: same task", f"{found.task.share:.0%}",
                       f"Mean over n = {found.task.tokens:,} tokens of the share of the {NEAREST} nearest tokens, in "
                       f"the original features, that belong to the same task; {found.task.chance:.0%} by "
                       "chance."))  # fmt: skip
    if class_task is not None:
        kind, agreement = found.classes[class_task]
        mean = neighbourhood.mean_silhouette(found.silhouettes[class_task])
        values += [
            ("Near: same class", words.number(agreement.share, ".0%"),
             f"Share of the {NEAREST} nearest tokens, in the original features, of the same {kind} class; "
             f"{words.number(agreement.chance, '.0%')} by chance. Tokens side by side in one image see "
             "overlapping pixels, which is a part of it."),
            (f"Silhouette ({cloud.features.shape[1]}-D)", words.number(mean),
             "How far classes lie apart in the original space of the features, not on the map: mean over the classes "
             f"of every task of the silhouette among that task's tokens, -1 to 1; {kind} classes."),
        ]  # fmt: skip
    panels.numbers(values, columns=len(values))


def _map(shown: Shown, choice: Choice, projection: Projection, colouring: Colouring, highlight: Highlight) -> None:
    cloud = shown.cloud
    fig = check_budget(embedding_figure(projection, cloud, colouring, highlight, drag=choice.drag))
    single = None if shown.source.run is None else shown.source.run.card.token_grid
    charts.selectable(
        fig, "embedding_points", f"{projection.method} of {len(cloud)} tokens, coloured by {colouring.title}",
        partial(embedding_selection.take_points, of=shown.of, cloud=cloud, single=single),
        charts.POINTS,
    )  # fmt: skip
    turn = " Drag to turn it; points are selected on the flat map or on the image." if choice.axes == 3 else ""
    rings = "" if highlight.picked is None else " The large ring is the picked token."
    if rings and choice.axes == 3:
        rings += " Points before it may hide it."
    elif len(highlight.nearest):
        rings += f" The small ones are the {len(highlight.nearest)} tokens nearest to it in all features."
    slots = " Thin rings are tokens that a slot took in." if len(highlight.outlined) and choice.axes == 2 else ""
    st.caption(f"**How to read this.** {words.how_to_read(projection)}{rings}{slots}{turn}")
    decided = f" {words.slots(cloud)}" if choice.by == "slot" and cloud.slots else ""
    st.caption(f"Colour: {colouring.title}. {words.sample(cloud)}{decided}")
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Formula", icon=":material/function:", type="tertiary"):
            umap = projection.method == "UMAP"
            st.latex(words.UMAP_FORMULA if umap else words.PCA_FORMULA)
            st.caption("McInnes, Healy & Melville, 2018." if umap else "Principal components, computed in float64; the "
                       "largest coefficient of every direction is positive.")  # fmt: skip
        chosen = np.zeros(len(cloud), bool) if highlight.selected is None else highlight.selected
        charts.take_away(cloud, projection, chosen, shown.source.provenance)


def _picked(cloud: TokenCloud, run: Run) -> int | None:
    """Index of the picked token; None where it is not among the tokens."""
    token = pick.current(run)
    rows = run.card.token_grid
    row, column = (place * side // own for place, side, own in zip(token.place, cloud.grid, rows, strict=True))
    here = (cloud["row"] == row) & (cloud["column"] == column)
    if not cloud.shared:
        here &= cloud["group"] == cloud.groups.index(token.task)
    found = np.flatnonzero(here)
    return int(found[0]) if found.size else None


@st.cache_resource(max_entries=16, show_spinner="Comparing tokens; this usually takes a second.")
def _numbers(_cloud: TokenCloud, key: Key) -> Numbers:
    cloud = _cloud
    queries = neighbourhood.queried(len(cloud))
    near = neighbourhood.nearest_tokens(cloud.features, queries)
    classes, silhouettes = {}, {}
    for task in cloud.class_tasks:
        labels, true = cloud.classes(task)
        classes[task] = ("true" if true else "predicted", neighbourhood.agreement(near, queries, labels))
        silhouettes[task] = neighbourhood.class_silhouettes(cloud.features, cloud["group"], labels)
    several = len(np.unique(cloud["group"])) > 1
    own = neighbourhood.agreement(near, queries, cloud["group"]) if several else None
    return Numbers(own, classes, silhouettes)


@st.cache_resource(max_entries=32, show_spinner=False)
def _trust(_cloud: TokenCloud, _projection: Projection, key: Key) -> float:
    return neighbourhood.map_trustworthiness(_cloud.features, _projection.coordinates)
