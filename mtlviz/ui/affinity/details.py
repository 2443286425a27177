"""The affinity page's details on the whole image: overview, agreement between tasks, what the fusion learned."""

import numpy as np
import pandas as pd
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.affinity.agreement import (
    cka_by_chance,
    entries_of_pairs,
    linear_cka,
    sampled_pairs,
)
from mtlviz.analysis.affinity.fusion import fusion_weights
from mtlviz.analysis.affinity.overview import (
    Blocks,
    blocks_by_position,
    blocks_by_segment,
    pooled_affinity,
    pooled_fused,
)
from mtlviz.analysis.controls import map_correlation
from mtlviz.analysis.rank_correlation import rank_correlations
from mtlviz.analysis.token_labels import token_classes
from mtlviz.plots.affinity import QUANTITIES, fusion_panels, largest
from mtlviz.plots.affinity_matrices import Segments, agreement_figure, block_names, overview_figure
from mtlviz.plots.style import task_title
from mtlviz.tasks import Task
from mtlviz.ui import negative_controls, panels, state
from mtlviz.ui.affinity import words
from mtlviz.ui.affinity.page import SOURCE, View
from mtlviz.ui.linked import LINKED

PATTERNS = {
    "segment": "Blue squares on the diagonal: segments whose pixels are alike.",
    "position": "Stripes beside the diagonal: places one above the other that are alike.",
}
ORDERS = {"segment": "By segment", "position": "By position"}
CKA = (
    r"\mathrm{CKA}(s,t)=\frac{\lVert X_s^\top X_t\rVert_F^2}{\lVert X_s^\top X_s\rVert_F\,\lVert X_t^\top X_t\rVert_F},"
    r"\quad X_t=\hat F_t-\tfrac1n 11^\top\hat F_t"
)
FUSED = r"G[i,j]=b_i+\sum_t\sum_{d\in 3\times3}w[i,t,d]\,A_t[i,j+d]"


def overview(view: View) -> None:
    """Every task's affinity and G at a readable size, three a row."""
    classes = next((task for task in view.run.card.tasks if task.kind == "classes"), None)
    options = ORDERS if classes is not None else {"position": ORDERS["position"]}
    state.check_query("affinity_order", options)
    order = st.segmented_control(
        "Order of the pixels", list(options), default=next(iter(options)), required=True,
        format_func=options.__getitem__, key="affinity_order", **LINKED,
    )  # fmt: skip
    segments, blocks, from_where = None, blocks_by_position(view.trace), "rectangles of the grid, row by row"
    if order == "segment" and classes is not None:
        segments, blocks, from_where = _by_segment(view, classes)
    about = str(order), from_where, str(view.control)  # blocks may be those of a control's prediction
    pooled = _pooled(view, view.group, blocks, (*view.key, *about))
    own = None if view.real is None else _pooled(view.real, view.group, blocks, (*view.real.key, *about))
    names = block_names(blocks, view.trace.layout.grid, segments)
    _matrices(view, pooled, blocks, names, segments, own)
    count = len(blocks.segments)
    panels.maps(
        (), view.run, "affinity_overview", clickable=False,
        how_to_read=f"Rows and columns are the same {count} blocks of pixels ({from_where}; "
        f"{blocks.sizes.min()} to {blocks.sizes.max()} pixels each). A cell is the mean over all pairs between two "
        f"blocks; hovering reads it. {PATTERNS[str(order)]} The tasks share one scale, G has its own. The value of a "
        "single pair is in the maps above.",
        formula=r"P[a,b]=\frac1{|a||b|}\sum_{i\in a}\sum_{j\in b}A_t[i,j],"
        r"\qquad\text{for plain cosines }\bar f_a\cdot\bar f_b", source=SOURCE,
        data={**pooled, "block_of_pixel": blocks.member, "segment_of_block": blocks.segments,
              "block_names": np.array(names)},
    )  # fmt: skip


def agreement(view: View) -> None:
    """How alike the tasks compare the whole image, two ways."""
    cka, chance, ranks, pairs = _agreement(view, view.group, view.key)
    tasks = [task_title(task) for task in view.trace.layout.tasks]
    st.markdown(words.agreement(cka, view.trace.layout))
    left, right = st.columns(2, gap="medium")
    with left:
        panels.figure(
            agreement_figure(cka, tasks, "Linear CKA", signed=False), "affinity_cka",
            how_to_read="1: two tasks find the same pixels alike, whatever features they use for it."
            + (f" Shuffled pixels would reach {_range(chance)} here." if len(tasks) > 1 else ""),
            alt=words.agreement(cka, view.trace.layout), formula=CKA,
            source="Kornblith et al. (2019); the cosine between the two centred n × n matrices, computed from C × C "
            "ones.", data=pd.DataFrame(cka, tasks, tasks).rename_axis("task").reset_index(),
            provenance=(view.run.provenance,),
        )  # fmt: skip
    with right:
        sides = [*tasks, "G" if view.group == 0 else f"G of {tasks[view.group]}"]
        panels.figure(
            agreement_figure(ranks, sides, "Rank correlation", signed=True), "affinity_ranks",
            how_to_read="1: two matrices put the pairs of pixels in the same order, −1: in the opposite one. The last "
            f"row says whom the fused matrix follows. Over {pairs}.",
            alt=f"Spearman's rank correlation between {', '.join(sides)}",
            formula=r"\rho=\mathrm{corr}\big(\mathrm{rank}\,A_s[i,j],\ \mathrm{rank}\,A_t[i,j]\big)_{i\ne j}",
            source="Spearman; ties share their mean rank.",
            data=pd.DataFrame(ranks, sides, sides).rename_axis("matrix").reset_index(),
            provenance=(view.run.provenance,),
        )  # fmt: skip


def fusion(view: View) -> None:
    """How much the fusion listens to each task, for every query position."""
    state.check_query("affinity_weight", QUANTITIES)
    quantity = st.segmented_control(
        "Weight of each source", list(QUANTITIES), default="sum", required=True, format_func=QUANTITIES.__getitem__,
        key="affinity_weight", **LINKED,
    )  # fmt: skip
    found, options = fusion_weights(view.trace, view.group), view.run.card.architecture.options
    st.markdown(words.fusion(found, view.trace.layout))
    if options.get("fusion") == "mean":
        st.caption("This model's fusion is the plain mean of the affinities: there is nothing that it learned.")
    if not view.trace.interleaved:
        st.caption(f"{words.END_TO_END} A map below is that of a place in the fusion's groups, not of a task.")
    if options.get("tied"):
        st.caption("This model has one kernel for all positions, so every map has one colour.")
    panels.maps(
        fusion_panels(found, view.trace.layout, str(quantity), opacity=view.opacity), view.run, "affinity_fusion",
        how_to_read="A cell is a query pixel, its colour how much its row of G takes from the task's "
        "affinity: blue adds it, red subtracts it. The bias is added to every pair of that row. These weights belong "
        "to the model: they are the same for every image, and they cannot follow an object that moves.",
        formula=FUSED, source=SOURCE,
        data={"sum": found.total, "centre": found.centre, "share": found.share, "bias": found.bias},
        real=view.own(lambda own: fusion_panels(
            fusion_weights(own.trace, own.group), own.trace.layout, str(quantity), opacity=own.opacity)),
    )  # fmt: skip


def _by_segment(view: View, task: Task) -> tuple[Segments, Blocks, str]:
    """Names of the segments, the blocks they are cut into, and where the segments come from."""
    run, layout = view.run, view.trace.layout
    true = task.name in run.sample.labels
    labels = run.sample.labels[task.name] if true else run.prediction(task.name).values
    stride = run.card.input_size[0] // layout.grid[0]
    found = token_classes(labels, run.letterbox.box, layout.grid, stride)
    colours = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in task.palette]
    from_where = f"parts of one {'true' if true else 'predicted'} class"
    return Segments(task.class_names, colours), blocks_by_segment(view.trace, found), from_where


def _matrices(
    view: View,
    pooled: dict[str, np.ndarray],
    blocks: Blocks,
    names: list[str],
    segments: Segments | None,
    own: dict[str, np.ndarray] | None,
) -> None:
    cosine = view.trace.similarity == "cosine"
    limit = 1.0 if cosine else max(largest(pooled[task]) for task in view.trace.layout.tasks)
    sides = [(task, task_title(task), "mean cosine" if cosine else "mean affinity", limit)
             for task in view.trace.layout.tasks]  # fmt: skip
    sides.append(("fused", "Fused matrix G", "mean of G", largest(pooled["fused"])))
    for start in range(0, len(sides), 3):
        for column, (key, title, what, end) in zip(st.columns(3), sides[start:], strict=False):
            fig = overview_figure(pooled[key], blocks, names, title, limit=end, what=what, segments=segments)
            mean = blocks.weighted_mean(pooled[key])
            with column:
                panels.figure(
                    fig, f"affinity_overview_{key}", how_to_read="",
                    alt=f"{title}, {what} between {len(names)} blocks; mean {mean:+.2f}",
                )  # fmt: skip
                if own is not None:
                    negative_controls.say(map_correlation(pooled[key], own[key]))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner="Pooling the affinities; this takes a fraction of a second.")
def _pooled(_view: View, group: int, _blocks: Blocks, key: tuple[str, ...]) -> dict[str, Float[np.ndarray, "k k"]]:
    trace = _view.trace
    found = {task: pooled_affinity(trace, index, _blocks) for index, task in enumerate(trace.layout.tasks)}
    return {**found, "fused": pooled_fused(trace, group, _blocks)}


@st.cache_resource(max_entries=16, show_spinner="Ranking pairs of pixels; this takes about a second.")
def _agreement(_view: View, group: int, key: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    pairs = sampled_pairs(_view.trace)
    positions = int(_view.trace.layout.valid_tokens()[: _view.trace.layout.tokens_per_task].sum())
    every = positions * (positions - 1)
    said = f"all {every:,} pairs of two pixels" if pairs.shape[1] == every else (
        f"{pairs.shape[1]:,} of {every:,} pairs of two pixels, drawn from seed 0")  # fmt: skip
    trace = _view.trace
    return linear_cka(trace), cka_by_chance(trace), rank_correlations(entries_of_pairs(trace, pairs, group)), said


def _range(matrix: Float[np.ndarray, "T T"]) -> str:
    """Smallest and largest value beside the diagonal."""
    values = matrix[~np.eye(len(matrix), dtype=bool)]
    known = values[np.isfinite(values)]
    low, high = (f"{end:.2f}" for end in (known.min(), known.max())) if known.size else ("nothing", "nothing")
    return low if low == high else f"{low} to {high}"
