"""Random walks from the picked pixel, one a task."""

import numpy as np
import streamlit as st

from mtlviz.analysis.affinity.walk import LARGEST, Walk, participation, random_walk
from mtlviz.plots.affinity import walk_panels
from mtlviz.plots.maps import Panel
from mtlviz.ui import panels, state
from mtlviz.ui.affinity.page import SOURCE, View
from mtlviz.ui.linked import LINKED

MOST_STEPS = 20
SHOWS = {"place": "Where the walker is", "memory": "What is left of its start"}
WALK = (
    r"P=D^{-1}\max(A_t,0),\qquad p_k=e_i^\top P^k,\qquad \pi_j=\frac{d_j}{\sum_l d_l},\quad d_j=\sum_l\max(A_t,0)[j,l]"
)


def draw(view: View) -> None:
    """Where a walker is after some steps, in every task's own affinity."""
    positions = int(view.trace.layout.valid_tokens()[: view.trace.layout.tokens_per_task].sum())
    if positions > LARGEST:
        panels.empty(
            f"**A random walk over {positions:,} pixels needs an n × n matrix;** it is left out above {LARGEST:,}.",
            "Choose a model with a smaller grid; the rows above need no matrix.",
        )
        return
    state.check_query_number("affinity_steps", 1, MOST_STEPS)
    state.check_query("affinity_walk", SHOWS)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        show = st.segmented_control(
            "Show", list(SHOWS), default="place", required=True, format_func=SHOWS.__getitem__, key="affinity_walk",
            **LINKED,
        )  # fmt: skip
        steps = st.slider("Steps", 1, MOST_STEPS, 1, key="affinity_steps", width=320, **LINKED)
    walks = _walks(view)
    spreads = [walk.spread(view.position, steps) for walk in walks]
    notes = [
        f"as wide as {participation(spread):.0f} pixels; {walk.left(spread):.0%} from rest"
        for walk, spread in zip(walks, spreads, strict=True)
    ]
    rests = [_everywhere(walk) for walk in walks] if show == "memory" else None

    def own_panels(own: View) -> tuple[Panel, ...]:
        there = _walks(own)
        rest = [_everywhere(walk) for walk in there] if show == "memory" else None
        return walk_panels([walk.spread(own.position, steps) for walk in there], notes, own.trace.layout, rest)

    panels.maps(
        walk_panels(spreads, notes, view.trace.layout, rests, opacity=view.opacity), view.run, "affinity_walk_maps",
        how_to_read=f"A walker starts at the outlined pixel and makes {steps} step{'s' if steps > 1 else ''}; it goes "
        "to a pixel in proportion to their affinity in that task, never to one with a negative affinity, and may "
        + ("stay where it is. Bright is where it probably is." if show == "place" else
           "stay. Blue is where it is likelier to be than a walker that has forgotten its start, red where less; white "
           "everywhere: it has forgotten.")
        + " These are probabilities, other than the affinities themselves. Nobody walks on the "
        f"fused matrix, which {'no single task made' if view.trace.softmax else 'is signed and unbounded'}.",
        formula=WALK, source=SOURCE,
        data={task: spread for task, spread in zip(view.trace.layout.tasks, spreads, strict=True)},
        real=view.own(own_panels),
    )  # fmt: skip


def _walks(view: View) -> list[Walk]:
    return [_walk(view, task, view.key) for task in range(len(view.trace.layout.tasks))]


def _everywhere(walk: Walk) -> np.ndarray:
    rest = np.full(len(walk.valid), np.nan, np.float32)
    rest[walk.valid] = walk.rest
    return rest


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=12, show_spinner=False)
def _walk(_view: View, task: int, key: tuple[str, ...]) -> Walk:
    return random_walk(_view.trace, task)
