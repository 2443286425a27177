"""CTAL on the Compare page: who moves what, and the signed row with which a token spreads its own task's values."""

from dataclasses import replace

import numpy as np
import streamlit as st

from mtlviz.analysis.affinity.fusion import part_shares, positive_share, size_participation
from mtlviz.analysis.affinity.rows import PixelRows, group_of, pixel_rows, valid_mask
from mtlviz.plots.affinity import fused_panels
from mtlviz.plots.maps import Panel
from mtlviz.plots.style import task_title
from mtlviz.trace import AffinityTrace, SlotTrace
from mtlviz.ui import panels, pick
from mtlviz.ui.compare.page import Pair, Side

NOTHING = "moves nothing: after the encoder its tasks go their own ways"
ALONE = "moves nothing: every token reads along its own task's affinities alone"
UNKNOWN = "shares in a way of its own, of which nothing is recorded"
WEIGHTS = (
    "moves **weights**: the affinities of all tasks decide together from where a token reads, and what it reads stays "
    "its own task's"
)
SLOTS = "moves **values**: what tokens of all tasks wrote into its slots is read back by every task"
ATTENTION = "moves **values**: a token reads what the tokens of the other tasks say"
NORMALISED = "its weights reach its own task's tokens only, so that shares of tasks and noise do not exist for them"
SIGNED = (
    "its weights are signed, do not sum to 1 and reach its own task's tokens only, so that shares, entropy and noise "
    "do not exist for them"
)
FORMULA = r"Y_t(i)=\sum_jG[i,j]\,V_t(j),\qquad G[i,j]=b_i+\sum_s\sum_{d\in 3\times3}w[i,s,d]\,A_s[i,j+d]"
SOURCE = "Cross-task affinity learning, CTAL (Sinodinos and Armanfard, 2025): maps from all tasks, values from one."


def who_moves_what(pair: Pair) -> str:
    """What crosses from task to task in each model."""
    sides = pair.sides[:1] if pair.itself else pair.sides
    said = [f"{panels.plain(side.title)} {_moves(side)}" for side in sides]
    return f"{'. '.join(said)}."


def affinity_of(side: Side) -> AffinityTrace | None:
    """The trace of a side whose tasks share affinities, else None."""
    trace = side.run.trace.interaction
    return trace if isinstance(trace, AffinityTrace) else None


def spreads(side: Side, pair: Pair, picked: pick.Token) -> str:
    """What the picked token reads in a model whose tasks share affinities, for the sentence of all sides."""
    rows, trace = _rows(side, pair, picked)
    return f"all **{int(valid_mask(trace).sum()):,}** tokens of its own task, with " + (
        f"weights that sum to 1, in {panels.plain(side.title)}"
        if trace.softmax
        else f"signed weights, in {panels.plain(side.title)} (**{positive_share(rows.fused):.0%}** of their size "
        "positive)"
    )


def draw(side: Side, pair: Pair, picked: pick.Token, opacity: float = 0.85) -> None:
    """The picked token's row of G, and what every task adds to it."""
    rows, trace = _rows(side, pair, picked)
    shares, layout = part_shares(rows.parts), trace.layout
    st.markdown(
        f"**{panels.plain(side.title)}** spreads {task_title(picked.task)}'s values along one row of G, as widely as "
        f"**{size_participation(rows.fused):,.0f}** tokens of equal size would; {_no_shares(trace)}."
    )
    panels.maps(
        fused_panels(rows, layout, picked.task, side.title, shares.tolist(), softmax=trace.softmax, opacity=opacity),
        side.run,
        f"compare_fused_{side.letter}",
        picked=divmod(rows.position, layout.grid[1]),
        how_to_read=f"{_sum(rows, trace)} The Affinity page shows what the parts are made of.",
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
    shares = part_shares(rows.parts).tolist()
    return fused_panels(rows, trace.layout, picked.task, side.title, shares, softmax=trace.softmax)


def why_no_shares(side: Side) -> str:
    """Why a model's tokens read nothing in shares that could be mapped or counted."""
    if not side.interacts:
        return "its tasks share the encoder and then go their own ways, so no token reads another"
    trace = affinity_of(side)
    return "it records no weights between tokens" if trace is None else _no_shares(trace)


def _no_shares(trace: AffinityTrace) -> str:
    return NORMALISED if trace.softmax else SIGNED


def _sum(rows: PixelRows, trace: AffinityTrace) -> str:
    """How the maps of a row of G and of its parts belong together."""
    bias = f"{rows.bias:+.3f}".replace("-", "−")
    if trace.softmax:
        return (
            "The first map is the softmax of what the others add up to, where blue adds and red subtracts; it has a "
            "scale of its own."
        )
    return (
        "Blue adds what a pixel holds, red subtracts it, white leaves it out. The first map is the sum of the others "
        f"and of the row's bias ({bias}); all share one scale, which is not that of the shares that other models read "
        "with."
    )


def _moves(side: Side) -> str:
    architecture = side.run.card.architecture
    if affinity_of(side) is not None:
        return ALONE if architecture.options.get("own_task") else WEIGHTS
    if architecture.interaction == "none":
        return NOTHING
    if side.trace is None:
        return UNKNOWN
    return SLOTS if isinstance(side.trace, SlotTrace) else ATTENTION


def _rows(side: Side, pair: Pair, picked: pick.Token) -> tuple[PixelRows, AffinityTrace]:
    """Rows of the picked place in a side, whose grid may differ from the first side's, and the side's trace."""
    trace = affinity_of(side)
    if trace is None:
        raise TypeError(f"{side.title} shares no affinities")
    x, y = pair.first.geometry.centre(picked.row, picked.column)
    row, column = side.geometry.token_at(float(x), float(y))
    return pixel_rows(trace, row * trace.layout.grid[1] + column, group_of(trace, picked.task)), trace
