"""Below the map: what is selected and what it covers, how far classes lie apart, the way through the network."""

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis import neighbourhood
from mtlviz.analysis.neighbourhood import NEAREST, Agreement, mean_silhouette
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.plots.embedding import Highlight
from mtlviz.plots.embedding_bars import counts_figure, places_figure, silhouettes_figure
from mtlviz.plots.embedding_maps import said_of, spread_out, token_patch
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.plots.token_colours import Colouring, class_name
from mtlviz.ui import panels, state
from mtlviz.ui.embedding import selection
from mtlviz.ui.embedding import words as embedding_words
from mtlviz.ui.embedding.page import ALL, Choice, Key, Shown
from mtlviz.ui.embedding.view import Numbers

DETAILS = ("selection", "classes", "places")
PATCHES = 24
SILHOUETTE = r"s_i=\frac{b_i-a_i}{\max(a_i,b_i)}"
SILHOUETTE_SOURCE = (
    "a: mean distance to the other tokens of its class; b: to those of the nearest other class (Rousseeuw, 1987). "
    "Euclidean distances between the original features, among the tokens of one task."
)
AGREEMENT = r"\frac1n\sum_i\frac{|\{j\in\mathrm{NN}_k(i):\ y_j=y_i\}|}{k}"


def draw(
    shown: Shown, choice: Choice, colouring: Colouring, highlight: Highlight, found: Numbers, class_task: str | None
) -> None:
    """The chosen detail."""
    state.check_query("embedding_detail", DETAILS)
    detail = st.segmented_control(
        "Details", DETAILS, default=DETAILS[0], required=True,
        key="embedding_detail", bind="query-params", persist_state="session",
    )  # fmt: skip
    if detail == "classes":
        _classes(shown, found, class_task)
    elif detail == "places":
        _places(shown, choice, class_task)
    else:
        _selection(shown, colouring, highlight, class_task)


def _selection(shown: Shown, colouring: Colouring, highlight: Highlight, class_task: str | None) -> None:
    cloud, chosen = shown.cloud, highlight.selected
    if chosen is not None:
        st.markdown(embedding_words.selected(cloud, chosen, class_task))
        st.button("Clear the selection", icon=":material/close:", on_click=selection.clear,
                  key="embedding_clear")  # fmt: skip
        _chosen(shown, colouring, np.flatnonzero(chosen), class_task, "selected")
    elif highlight.picked is not None:
        st.markdown(embedding_words.picked(cloud, highlight.picked, highlight.nearest, class_task))
        _chosen(shown, colouring, np.array([highlight.picked, *highlight.nearest]), class_task, "picked and nearest")
    else:
        panels.empty(
            "Nothing is selected: a selection shows which tasks, classes and images its tokens come from.",
            "Choose “box” or “lasso” above and drag over the map, or a box over an image.",
        )


def _chosen(shown: Shown, colouring: Colouring, tokens: np.ndarray, class_task: str | None, which: str) -> None:
    """What some tokens are, and what they cover."""
    if not len(tokens):
        return
    panels.figure(
        counts_figure(shown.cloud, tokens, class_task),
        "embedding_counts",
        how_to_read=f"One bar a class: how many of the {len(tokens):,} {which} tokens have it, and whose they are.",
        alt=f"Tasks and classes of {len(tokens)} tokens",
        data=_counts(shown.cloud, tokens, class_task),
        provenance=shown.source.provenance,
    )
    _patches(shown, colouring, tokens)


def _patches(shown: Shown, colouring: Colouring, tokens: np.ndarray) -> None:
    """Small pictures of what the tokens cover, made when asked for."""
    if not st.toggle("Show what they cover", key="embedding_patches", bind="query-params", persist_state="session",
                     help=f"Patches of the images around at most {PATCHES} of the tokens."):  # fmt: skip
        return
    cloud = shown.cloud
    drawn = spread_out(tokens, PATCHES)
    pictures, words = [], []
    for index, colour in zip(drawn, colouring.rgb[drawn], strict=True):
        sample = shown.source.read(int(cloud["image"][index]))
        row, column = int(cloud["row"][index]), int(cloud["column"][index])
        pictures.append(token_patch(sample.image, shown.geometry(sample), row, column, colour.tolist()))
        owner = "" if cloud.shared else f"{task_title(cloud.groups[cloud['group'][index]])}: "
        words.append(panels.plain(owner + said_of(colouring, int(index))))
    st.image(pictures, caption=words, width=112)
    st.caption(
        f"**How to read this.** {len(drawn)} of {len(tokens):,} tokens; the inner square is the token, the frame has "
        "its colour on the map."
    )


def _classes(shown: Shown, found: Numbers, class_task: str | None) -> None:
    cloud = shown.cloud
    if class_task is None or not found.silhouettes[class_task]:
        panels.empty(
            "There are no two classes with enough tokens, so nothing can be said about how far classes lie apart.",
            "Choose an image with more classes, a set, or a model that predicts classes.",
        )
        return
    silhouettes, kind = found.silhouettes[class_task], found.classes[class_task][0]
    best, task = max(silhouettes, key=lambda one: one.mean), cloud.task(class_task)
    st.markdown(
        f"Classes lie apart by **{mean_silhouette(silhouettes):.2f}** on average; most of all "
        f"**{class_name(task, best.label)}** among the tokens of "
        f"**{'all tasks' if cloud.shared else task_title(cloud.groups[best.group])}** (**{best.mean:.2f}**)."
    )
    panels.figure(
        silhouettes_figure(silhouettes, cloud.groups, task),
        "embedding_silhouettes",
        how_to_read=f"One dot a task: the silhouette of a {kind} class in the original {cloud.features.shape[1]} "
        "features, not on the map; 1 is a class far from all others, below 0 another class is nearer than its own.",
        alt=f"Silhouette of every class; {class_name(task, best.label)} has {best.mean:.2f}",
        formula=SILHOUETTE,
        source=SILHOUETTE_SOURCE,
        data=pd.DataFrame(
            {
                "class": [class_name(task, one.label) for one in silhouettes],
                "task": ["all tasks" if cloud.shared else task_title(cloud.groups[one.group]) for one in silhouettes],
                "silhouette": [one.mean for one in silhouettes],
                "tokens": [one.tokens for one in silhouettes],
            }
        ),
        provenance=shown.source.provenance,
    )


def _places(shown: Shown, choice: Choice, class_task: str | None) -> None:
    found = _agreements(shown, choice, class_task)
    table = pd.DataFrame(
        [
            {"place": place, "of": name, "share": one.share, "by chance": one.chance, "tokens": one.tokens}
            for place, pair in found.items()
            for name, one in zip(("task", "class"), pair, strict=True)
        ]
    )
    shares = {place: pair[1].share for place, pair in found.items() if np.isfinite(pair[1].share)}
    if shares:
        top = max(shares, key=shares.__getitem__)
        st.markdown(f"Tokens look most like others of their class at the **{PLACE_TITLES[top]}**: "
                    f"**{shares[top]:.0%}** of the nearest ones share it.")  # fmt: skip
    panels.figure(
        places_figure(found),
        "embedding_places",
        how_to_read=f"Solid: of the {NEAREST} tokens nearest to a token in the features of each place, the share of "
        "its class and of its task; dotted: the same for tokens drawn at random.",
        alt="Share of nearest tokens of the same class and task at every place in the network",
        formula=AGREEMENT,
        source=f"k = {NEAREST}, Euclidean distance, on at most {neighbourhood.QUERIES:,} tokens a place.",
        data=table,
        provenance=shown.source.provenance,
    )


def _agreements(shown: Shown, choice: Choice, class_task: str | None) -> dict[str, tuple[Agreement, Agreement]]:
    """By place the agreement of the nearest tokens in task and in class."""
    key = (*shown.key, str(class_task))
    return {
        place: _agreement(cloud, choice.task, shown.most, class_task, (*key, place))
        for place, cloud in shown.source.clouds.items()
    }


@st.cache_resource(max_entries=32, show_spinner="Comparing tokens at every place; this usually takes a second.")
def _agreement(
    _cloud: TokenCloud, task: str, most: int, class_task: str | None, key: Key
) -> tuple[Agreement, Agreement]:
    cloud = (_cloud if task == ALL else _cloud.of_task(task)).sample(most)
    queries = neighbourhood.queried(len(cloud))
    near = neighbourhood.nearest_tokens(cloud.features, queries)
    none = Agreement(float("nan"), float("nan"), 0)
    own = neighbourhood.agreement(near, queries, cloud["group"]) if len(np.unique(cloud["group"])) > 1 else none
    labels = None if class_task is None else cloud.classes(class_task)[0]
    return own, none if labels is None else neighbourhood.agreement(near, queries, labels)


def _counts(cloud: TokenCloud, tokens: np.ndarray, class_task: str | None) -> pd.DataFrame:
    """One row a task and class of some tokens."""
    groups = cloud["group"][tokens]
    labels = np.full(len(groups), UNKNOWN) if class_task is None else cloud.classes(class_task)[0][tokens]
    pairs, counts = np.unique(np.stack([groups, labels]), axis=1, return_counts=True)
    names = ["all tasks"] if cloud.shared else [task_title(name) for name in cloud.groups]
    return pd.DataFrame(
        {
            "task": [names[int(group)] for group in pairs[0]],
            "class": [
                "" if class_task is None else class_name(cloud.task(class_task), int(label)) for label in pairs[1]
            ],
            "tokens": counts,
        }
    )
