"""Chosen classes in three dimensions: the controls, the view of every side, and what it keeps."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from mtlviz.analysis.class_cloud import fair_sample
from mtlviz.analysis.etf_space import EXACT, Space, mean_space, vertex_space
from mtlviz.plots.etf import Named
from mtlviz.plots.etf_space import LOOKS, Cloud, space_extent, space_figure
from mtlviz.tasks import Task
from mtlviz.ui import panels, state
from mtlviz.ui.etf.side import Side
from mtlviz.ui.linked import LINKED

MOST_TOKENS = 1500
"""Drawn a view."""


def draw(sides: Sequence[Side]) -> None:
    """The whole section."""
    labels, look = _choose(sides)
    views = [(one, *_view(one, labels)) for one in sides if len(set(labels) & set(one.cloud.present)) > 1]
    if not views:
        panels.empty("Fewer than two of the chosen classes are present.", "Choose other classes above.")
        return
    extent = max(space_extent(cloud) for _, _, cloud in views)
    for (one, space, cloud), column in zip(views, st.columns(len(views)), strict=True):
        with column:
            panels.figure(
                space_figure(cloud, one.title, look=look, extent=extent), f"etf_space_{one.view.key}",
                how_to_read=_how(space, cloud),
                alt=f"{len(cloud.shown.names)} classes of {one.title} in three dimensions",
                formula=r"x=\frac{B\,(h-\bar m-s\bar v)}{s\,|v_c-\bar v|},\quad B=\text{orthonormal axes of }"
                r"\operatorname{span}(v_c-\bar v)" if space.exact else r"x=B\,(h-\bar\mu)/s,\quad "
                r"B=\text{first three principal axes of the class means}",
                source="s is the mean length of the chosen classes' centred means: a class mean that sits on its "
                "vertex is exactly where the frame has it.",
                data=_arrays(space, cloud), provenance=one.provenance,
            )  # fmt: skip


def _choose(sides: Sequence[Side]) -> tuple[list[int], str]:
    """Labels of the classes to show, and where to look from."""
    first, task = sides[0], sides[0].task
    names, key = list(task.class_names), f"etf_show_{task.name}"
    state.check_query(key, names)
    state.check_query("etf_look", list(LOOKS))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Classes in the view", names, key=key, placeholder="the four most frequent", width=520, **LINKED,
            help="Up to four keep all their angles; more are seen along the three directions that keep most.",
        )  # fmt: skip
        look = st.segmented_control("Look", list(LOOKS), default=next(iter(LOOKS)), required=True, key="etf_look",
                                    help="Drag the view to turn it, scroll to zoom.", **LINKED)  # fmt: skip
    present = first.cloud.present
    labels = [names.index(name) for name in chosen]
    missing = [names[label] for label in labels if label not in present]
    if missing:
        st.caption(f"Not here: {', '.join(missing)}.")
    labels = [label for label in labels if label in present]
    if not chosen:
        order = np.argsort(-first.cloud.tokens[present], kind="stable")[:EXACT]
        labels = sorted(int(present[index]) for index in order)
    return labels, str(look or next(iter(LOOKS)))


def _view(one: Side, labels: Sequence[int]) -> tuple[Space, Cloud]:
    """The view of some classes of a side, and what is drawn in it."""
    if one.geometry is None:
        raise ValueError(f"{one.title} has fewer than two classes; a view needs two")
    cloud = one.cloud
    rows = [index for index, label in enumerate(cloud.present) if label in labels]
    chosen = cloud.present[rows]
    kept = fair_sample(cloud, chosen, MOST_TOKENS)
    tokens, means = cloud.features[kept].astype(np.float64), cloud.means[rows]
    vertices = None if one.vertices is None else one.vertices.directions[rows]
    if vertices is not None and len(rows) <= EXACT:
        space = vertex_space(vertices, means, one.geometry.centre, tokens)
    else:
        space = mean_space(means, one.geometry.centre)
    drawn = Cloud(
        _named(one.task, chosen.tolist()),
        None if vertices is None else space.place_vertices(vertices),
        space.place(means),
        space.place(tokens),
        np.searchsorted(chosen, cloud.classes[kept]),
        cloud.tokens[chosen],
    )
    return space, drawn


def _how(space: Space, cloud: Cloud) -> str:
    """How to read the view, and what it leaves out."""
    count, drawn = len(cloud.shown.names), len(cloud.tokens)
    marks = f"Small dots are tokens ({drawn:,} of {int(cloud.counts.sum()):,}), large ones class means"
    if cloud.vertices is not None:
        marks += ", diamonds the vertices; a dotted line leads from every mean to its vertex"
    if space.exact:
        shape = {2: "a line", 3: "an equilateral triangle", 4: "a regular tetrahedron"}[count]
        kept = f"The {count} vertices form {shape}, drawn without distortion"
        if count < EXACT:
            kept += "; the axes that it leaves free show what else varies most"
        return f"{marks}. {kept}. The view keeps {space.share:.0%} of the differences between these means."
    why = f"{count} vertices do not fit into three dimensions" if cloud.vertices is not None else "No vertices here"
    return (
        f"{marks}. {why}, so these are the three principal directions of the class means, which keep "
        f"{space.share:.0%} of the differences between them."
    )


def _named(task: Task, labels: Sequence[int]) -> Named:
    return Named.of(task.class_names, task.palette, labels)


def _arrays(space: Space, cloud: Cloud) -> dict[str, np.ndarray]:
    arrays = {
        "classes": np.array(cloud.shown.names), "means": cloud.means, "tokens": cloud.tokens,
        "token_class": cloud.classes, "axes": space.basis, "origin": space.origin, "unit": np.array(space.unit),
    }  # fmt: skip
    return arrays if cloud.vertices is None else {**arrays, "vertices": cloud.vertices}
