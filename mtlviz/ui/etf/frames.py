"""A model's own frame: what it is, how exact it is, and whether the frames of its tasks are orthogonal."""

import numpy as np
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.etf_geometry import frame_faults, gram
from mtlviz.engine import Engine
from mtlviz.plots.etf import gram_figure
from mtlviz.plots.etf_frames import frame_names
from mtlviz.plots.style import task_title
from mtlviz.trace import EtfTrace
from mtlviz.ui import panels, state
from mtlviz.ui.etf.side import FEATURES, projection

FORMULA = (
    r"W^*=\sqrt{\tfrac{K}{K-1}}\,U\left(I_K-\tfrac1K 11^\top\right),\quad U^\top U=I,\qquad "
    r"W_s^{*\top}W_t^*=0\ (s\ne t)"
)
EXACT = 1e-4
"""Deviation from a simplex ETF up to which a frame counts as exact: float32 and no more."""
RUNGS = {
    "literal": "F' = F W*: tokens are multiplied with the frame and nothing else; a control, since the layers behind "
    "it can undo it",
    "normalised": "tokens are normalised and written as coordinates, one a vertex",
    "learnable": "as normalised, with a frame that starts exact and is trained",
    "collapse": "every class of every segmentation task owns a vertex, and a loss pulls its tokens there",
}


def draw(engine: Engine) -> None:
    """The section; nothing for a model without a frame."""
    found = projection(engine)
    if found is None:
        return
    st.subheader("The model's own frame", anchor="frame")
    st.markdown(_sentence(engine, found))
    card = engine.card
    owners = [card.task(name) for name in found.frame_tasks]
    frame = np.asarray(found.frame)
    if len(owners) == 1 and found.rung == "collapse":
        return  # the same picture as the frame above
    left, _ = st.columns([3, 2])
    with left:
        panels.figure(
            gram_figure(gram(frame.T), frame_names(owners, frame.shape[1]), "Cosines between the vertices"),
            "etf_own",
            how_to_read="One row and column a vertex. White blocks between two tasks are right angles: the frame of "
            "one task says nothing about the classes of the other."
            if len(owners) > 1
            else "One row and column a vertex; an exact frame has one colour beside the diagonal.",
            alt=f"Gram matrix of a frame of {frame.shape[1]} vertices in {frame.shape[0]} dimensions",
            formula=FORMULA,
            source="Simplex equiangular tight frame; rungs of stable KEM: " + "; ".join(
                f"{rung}: {meaning}" for rung, meaning in RUNGS.items()) + ".",
            data={"frame": frame},
            provenance=(state.run(engine, capture=FEATURES).provenance,),
        )  # fmt: skip


def _exactness(vertices: Float[np.ndarray, "K E"]) -> str:
    """Whether vertices are a simplex ETF as they stand, and what is wrong with them if not."""
    faults = frame_faults(vertices)
    said = (
        (faults.cosines, "cosines off by at most {:.2g}"),
        (faults.lengths, "lengths by at most {:.2g} of their mean"),
        (faults.centre, "centre {:.2g} of a length from the origin"),
    )
    return ", ".join(text.format(value) for value, text in said if not value < EXACT) or "exact"


def _sentence(engine: Engine, found: EtfTrace) -> str:
    frame, start = np.asarray(found.frame, np.float64), 0
    said = []
    parts = list(zip(found.frame_tasks or ("",), found.frame_sizes, strict=True))
    for task, size in parts:
        exact = _exactness(frame[:, start : start + size].T)
        said.append(f"**{size}** vertices{f' for {task_title(task)}' if task else ''} ({exact})")
        start += size
    text = f"{panels.plain(engine.card.title)} stands on the rung **{found.rung}**: {RUNGS.get(found.rung, '')}. "
    text += f"Its frame has {' and '.join(said)} in {frame.shape[0]} dimensions."
    if not found.frame_tasks:
        text += " No vertex belongs to a class, so distances above are to the best rotation of an ideal frame."
    if len(parts) > 1:
        first = found.frame_sizes[0]
        cross = float(np.abs(gram(frame.T)[:first, first:]).max())
        text += f" Vertices of different tasks meet at right angles (largest cosine {cross:.1g})."
    return text
