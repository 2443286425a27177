"""What CTAL did with one image, as statistics and figures."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import UInt8

from mtlviz.analysis.affinity.agreement import (
    cka_by_chance,
    entries_of_pairs,
    linear_cka,
    sampled_pairs,
)
from mtlviz.analysis.affinity.effect import diffusion_effect
from mtlviz.analysis.affinity.fusion import fusion_weights, part_shares, positive_share, size_participation
from mtlviz.analysis.affinity.rows import PixelRows, group_of, pixel_rows, valid_mask
from mtlviz.analysis.diffusion import diffusion_ratio
from mtlviz.analysis.rank_correlation import rank_correlations
from mtlviz.plots.affinity import effect_panels, fusion_panels, row_panels
from mtlviz.plots.affinity_matrices import agreement_figure
from mtlviz.plots.maps import Geometry, board
from mtlviz.plots.style import task_title
from mtlviz.trace import AffinityTrace


@dataclass(frozen=True, eq=False)
class AffinityReading:
    """What one token sees, beside what the whole image shows.

    Attributes:
        trace: of CTAL.
        token: index of the token that is looked at.
        rows: of its position, and of the G that spreads its task's values.
        cka: ``(T, T)`` agreement of the tasks' affinities.
        chance: ``(T, T)`` what shuffled positions would reach.
        ranks: ``(T + 1, T + 1)`` rank correlations of the affinities and, last, of G.
        ratio: RMS(gamma Y) / RMS((1 - gamma) F).
    """

    trace: AffinityTrace
    token: int
    rows: PixelRows
    cka: np.ndarray
    chance: np.ndarray
    ranks: np.ndarray
    ratio: float


def read_affinity(trace: AffinityTrace, token: int) -> AffinityReading:
    """Everything that is written about a token and its image."""
    task, position = divmod(token, trace.layout.tokens_per_task)
    group = group_of(trace, trace.layout.tasks[task])
    entries = entries_of_pairs(trace, sampled_pairs(trace), group)
    return AffinityReading(
        trace=trace,
        token=token,
        rows=pixel_rows(trace, position, group),
        cka=linear_cka(trace),
        chance=cka_by_chance(trace),
        ranks=rank_correlations(entries),
        ratio=diffusion_ratio(trace),
    )


def affinity_statistics(reading: AffinityReading) -> dict[str, Any]:
    """One token and the whole image, as plain data; NaN, where nothing is defined, as None."""
    trace, rows, layout = reading.trace, reading.rows, reading.trace.layout
    task, row, column = layout.place(reading.token)
    return {
        "tasks": list(layout.tasks),
        "grid": list(layout.grid),
        "positions": int(valid_mask(trace).sum()),
        "gamma": trace.gamma,
        "token": {"task": task, "row": row, "column": column, "index": reading.token},
        "numbers": [
            {"name": name, "token": token, "image": image, "definition": definition}
            for name, token, image, definition in _numbers(reading)
        ],
        "fused_row_follows": dict(zip(layout.tasks, part_shares(rows.parts).tolist(), strict=True)),
        "cka": _by_name(reading.cka, layout.tasks),
        "cka_by_chance": _by_name(reading.chance, layout.tasks),
        "rank_correlation": _by_name(reading.ranks, (*layout.tasks, "fused")),
    }


def affinity_figures(
    reading: AffinityReading, geometry: Geometry, image: UInt8[np.ndarray, "h w 3"]
) -> dict[str, go.Figure]:
    """The figures of the page, by file name."""
    trace, rows, layout = reading.trace, reading.rows, reading.trace.layout
    task, row, column = layout.place(reading.token)
    names = [task_title(one) for one in layout.tasks]
    effect = diffusion_effect(trace, layout.tasks.index(task))
    boards = {
        "affinity": row_panels(rows, layout, similarity=trace.similarity),
        "fusion": fusion_panels(fusion_weights(trace, rows.group), layout, "sum"),
        "diffusion": effect_panels(effect, layout, task, trace.gamma),
    }
    figures = {
        name: board(panels, geometry, image=image, picked=(row, column), columns=3) for name, panels in boards.items()
    }
    return {
        **figures,
        "agreement": agreement_figure(reading.cka, names, "Linear CKA", signed=False),
        "ranks": agreement_figure(reading.ranks, [*names, "G"], "Rank correlation", signed=True),
    }


def _numbers(reading: AffinityReading) -> list[tuple[str, float | None, float | None, str]]:
    """(name, of the token's row, of the image, definition)."""
    rows, nothing = reading.rows, None
    off = reading.cka[~np.eye(len(reading.cka), dtype=bool)]
    return [
        ("Disagreement", float(np.nanmean(rows.disagreement)), nothing,
         "Standard deviation over the tasks of their affinities to the token's pixel, mean over the image."),
        ("Positive share of G", positive_share(rows.fused), nothing,
         "Sum of the positive entries of the token's row of G over the sum of their sizes."),
        ("Spread of G", size_participation(rows.fused), nothing,
         "(Σ|g|)² / Σg²: pixels that equal sizes would need to be as spread."),
        ("Mean CKA between tasks", nothing, float(off.mean()) if off.size and np.isfinite(off).all() else nothing,
         "Linear CKA of the unit features of two tasks, mean over all pairs."),
        ("Diffused over kept", nothing, reading.ratio,
         "RMS(γY) / RMS((1 − γ)F) over the image; read it together with γ and the number of pixels."),
    ]  # fmt: skip


def _by_name(matrix: np.ndarray, names: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    rows = ([value if np.isfinite(value) else None for value in row] for row in matrix.tolist())
    return {name: dict(zip(names, row, strict=True)) for name, row in zip(names, rows, strict=True)}
