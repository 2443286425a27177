"""CTAL on the Compare page: who moves what, and the signed row with which a token spreads its own task's values."""

from dataclasses import replace

import numpy as np
import streamlit as st

from mtlviz.analysis.affinity.fusion import part_shares, positive_share, size_participation
from mtlviz.analysis.affinity.rows import PixelRows, group_of, pixel_rows, valid_mask
from mtlviz.models.interactions import interaction_class
from mtlviz.plots.affinity import fused_panels
from mtlviz.plots.maps import Panel
from mtlviz.plots.style import task_title
from mtlviz.trace import AffinityTrace
from mtlviz.ui import panels, pick
from mtlviz.ui.compare import Pair, Side

NOTHING = "moves nothing: after the encoder its tasks go their own ways"
WEIGHTS = (
    "moves **weights**: the affinities of all tasks decide together from where a token reads, and what it reads stays "
    "its own task's"
)
SLOTS = "moves **values**: what tokens of all tasks wrote into its slots is read back by every task"
ATTENTION = "moves **values**: a token reads what the tokens of the other tasks say"
SIGNED = (
    "its weights are signed, do not sum to 1 and reach its own task's tokens only, so that shares, entropy and noise "
    "do not exist for them"
)
FORMULA = r"Y_t(i)=\sum_jG[i,j]\,V_t(j),\qquad G[i,j]=b_i+\sum_s\sum_{d\in 3\times3}w[i,s,d]\,A_s[i,j+d]"
SOURCE = "Cross-task affinity learning, CTAL (Sinodinos and Armanfard, 2025): maps from all tasks, values from one."


def who_moves_what(pair: Pair) -> str:
    """What crosses from task to task in each model."""
    sides = pair.sides[:1] if pair.itself else pair.sides
    said = [f"{panels.plain(side.title)} {_moves(side.run.card.architecture.interaction)}" for side in sides]
    return f"{'. '.join(said)}."


def affinity_of(side: Side) -> AffinityTrace | None:
    """The trace of a side whose tasks share affinities, else None."""
    trace = side.run.trace.interaction
    return trace if isinstance(trace, AffinityTrace) else None


def spreads(side: Side, pair: Pair, picked: pick.Token) -> str:
    """What the picked token reads in a model whose tasks share affinities, for the sentence of all sides."""
    rows, trace = _rows(side, pair, picked)
    return (
        f"all **{int(valid_mask(trace).sum()):,}** tokens of its own task, with signed weights, in "
        f"{panels.plain(side.title)} (**{positive_share(rows.fused):.0%}** of their size positive)"
    )


def draw(side: Side, pair: Pair, picked: pick.Token, opacity: float = 0.85) -> None:
    """The picked token's row of G, and what every task adds to it."""
    rows, trace = _rows(side, pair, picked)
    shares, layout = part_shares(rows.parts), trace.layout
    st.markdown(
        f"**{panels.plain(side.title)}** spreads {task_title(picked.task)}'s values along one row of G, as widely as "
        f"**{size_participation(rows.fused):.0f}** tokens of equal size would; {SIGNED}."
    )
    panels.maps(
        fused_panels(rows, layout, picked.task, side.title, shares.tolist(), opacity=opacity),
        side.run,
        f"compare_fused_{side.letter}",
        picked=divmod(rows.position, layout.grid[1]),
        how_to_read="Blue adds what a pixel holds, red subtracts it, white leaves it out. The first map is the sum of "
        f"the others and of the row's bias ({rows.bias:+.3f}); all share one scale, which is not that of the shares "
        "that other models read with. The Affinity page shows what the parts are made of.",
        formula=FORMULA,
        source=SOURCE,
        data={"fused_row": rows.fused, "parts": rows.parts, "bias": np.array(rows.bias), "shares": shares},
        real=_own_panels(side, pair, picked),
    )


def _own_panels(side: Side, pair: Pair, picked: pick.Token) -> tuple[Panel, ...] | None:
    """The maps of the model itself, where the side is that of a negative control."""
    if side.real is None:
        return None
    rows, trace = _rows(replace(side, run=side.real), pair, picked)
    return fused_panels(rows, trace.layout, picked.task, side.title, part_shares(rows.parts).tolist())


def _moves(interaction: str) -> str:
    if interaction in ("none", "ctal"):
        return NOTHING if interaction == "none" else WEIGHTS
    return SLOTS if "slots" in interaction_class(interaction).Config.model_fields else ATTENTION


def _rows(side: Side, pair: Pair, picked: pick.Token) -> tuple[PixelRows, AffinityTrace]:
    """Rows of the picked place in a side, whose grid may differ from the first side's, and the side's trace."""
    trace = affinity_of(side)
    if trace is None:
        raise TypeError(f"{side.title} shares no affinities")
    x, y = pair.first.geometry.centre(picked.row, picked.column)
    row, column = side.geometry.token_at(float(x), float(y))
    return pixel_rows(trace, row * trace.layout.grid[1] + column, group_of(trace, picked.task)), trace
