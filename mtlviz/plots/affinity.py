"""Affinities of one position as maps, and the other maps of CTAL: fusion weights, random walks, diffusion."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.affinity.effect import DiffusionEffect
from mtlviz.analysis.affinity.fusion import FusionWeights
from mtlviz.analysis.affinity.rows import PixelRows
from mtlviz.plots.attention import percent
from mtlviz.plots.maps import Hover, Layer, Panel, Scale, cells
from mtlviz.plots.style import DIVERGING, SEQUENTIAL, SEQUENTIAL_ALTERNATIVE, task_title
from mtlviz.trace import TokenLayout

QUANTITIES = {
    "sum": "sum of the 3×3 weights",
    "centre": "centre weight",
    "share": "share of all |weights|",
}
"""What a fusion map shows, by field of ``FusionWeights``."""
FEWEST_FOLD = 0.05
"""Least end of the scale of walks, in doublings: a walk at rest is drawn at rest, and not as rounding errors."""
FINE = 0.02
"""Below it the fused row is written with more digits: a softmax over many pixels makes small numbers."""
CHANGE_END = 99
"""Percentile of the changes at which their scale ends: the few pixels with tiny features would darken all others."""


def row_panels(
    rows: PixelRows, layout: TokenLayout, *, similarity: str = "cosine", centred: bool = False, opacity: float = 0.9
) -> tuple[Panel, ...]:
    """One map a task, the fused row, and where the tasks disagree if there are several.

    The tasks share one scale, centred at 0; that of the fused row, which is signed and unbounded, is its own.

    Args:
        rows: of the picked position.
        layout: of the tokens.
        similarity: what an affinity is; a cosine's scale goes from -1 to 1.
        centred: subtract the mean over the image from every row.
        opacity: of the cells over the image.
    """
    tasks, fused = rows.tasks, rows.fused
    if centred:
        tasks, fused = (one - np.nanmean(one, -1, keepdims=True) for one in (tasks, fused))
    what, less = ("cosine" if similarity == "cosine" else "affinity"), " less its mean" if centred else ""
    limit = 1.0 if similarity == "cosine" and not centred else largest(tasks)
    scale = Scale(-limit, limit, f"{what} with the outlined pixel{less}", DIVERGING)
    drawn = [
        _signed(one, layout, scale, task_title(task), opacity, task=task, note=_minus(f"mean {np.nanmean(row):+.2f}"))
        for task, one, row in zip(layout.tasks, tasks, rows.tasks, strict=True)
    ]
    end = largest(fused)
    own = Scale(-end, end, f"G, no unit{less}", DIVERGING)
    title = "Fused row G" + (f" of {task_title(layout.tasks[rows.group])}" if rows.group else "")
    small = end < FINE
    note = _extent(rows.fused, "{:+.4f}" if small else "{:+.2f}")
    together = _map(fused, layout, own, title, "{:+.5f}" if small else "{:+.3f}", opacity, note=note)
    several = len(layout.tasks) > 1
    return (*drawn, together, *((_disagreement(rows, layout, opacity),) if several else ()))


def fused_panels(
    rows: PixelRows,
    layout: TokenLayout,
    task: str,
    model: str,
    shares: Sequence[float],
    *,
    softmax: bool = False,
    opacity: float = 0.9,
) -> tuple[Panel, ...]:
    """The row of G with which a position spreads its own task's values, and what every source adds to it.

    They share one scale, unless a softmax lies between them.

    Args:
        rows: of the picked position.
        layout: of the tokens.
        task: whose values are spread.
        model: name shown with the first map.
        shares: of each source, see ``part_shares``.
        softmax: the row of G is the softmax of what its sources add up to.
        opacity: of the cells over the image.
    """
    limit = largest(rows.parts) if softmax else max(largest(rows.fused), largest(rows.parts))
    scale = Scale(-limit, limit, "before the softmax, no unit" if softmax else "weight in G, no unit", DIVERGING)
    end = largest(rows.fused)
    own = Scale(0, end, "weight in G, no unit", SEQUENTIAL) if softmax else scale
    written = "{:.4f}" if softmax else "{:+.3f}"
    note = f"over {task_title(task)}'s own pixels; {_extent(rows.fused, written)}"
    whole = _map(rows.fused, layout, own, f"{model}: row of G", written, opacity, note=note)
    parts = [
        _map(
            part,
            layout,
            scale,
            f"Part of {task_title(source)}",
            "{:+.3f}",
            opacity,
            note=f"{share:.0%} of the variation",
        )
        for source, part, share in zip(layout.tasks, rows.parts, shares, strict=True)
    ]
    return (whole, *parts)


def fusion_panels(
    weights: FusionWeights, layout: TokenLayout, quantity: str, *, opacity: float = 0.9
) -> tuple[Panel, ...]:
    """How much G listens to each source at every query position, one map a source on one scale, and the bias.

    Args:
        weights: of one G.
        layout: of the tokens.
        quantity: a key of ``QUANTITIES``.
        opacity: of the cells over the image.
    """
    values = {"sum": weights.total, "centre": weights.centre, "share": weights.share}[quantity]
    if quantity == "share":
        scale = Scale(0, float(values.max()) or 1.0, QUANTITIES[quantity], SEQUENTIAL)
    else:
        limit = largest(values)
        scale = Scale(-limit, limit, QUANTITIES[quantity], DIVERGING)
    written = "{:.1%}" if quantity == "share" else "{:+.3f}"
    panels = [
        _map(one, layout, scale, task_title(task), written, opacity, task=task,
             note=_minus(f"mean {written.format(float(one.mean()))}"))
        for task, one in zip(layout.tasks, values, strict=True)
    ]  # fmt: skip
    end = largest(weights.bias)
    own = Scale(-end, end, "bias, no unit", DIVERGING)
    note = _minus(f"mean {weights.bias.mean():+.3f}")
    return (*panels, _map(weights.bias, layout, own, "Bias", "{:+.3f}", opacity, note=note))


def walk_panels(
    spreads: Sequence[Float[np.ndarray, " n"]],
    notes: Sequence[str],
    layout: TokenLayout,
    rests: Sequence[Float[np.ndarray, " n"]] | None = None,
    *,
    opacity: float = 0.9,
) -> tuple[Panel, ...]:
    """Where a walker is after some steps, one map a task on one scale.

    Args:
        spreads: probabilities to be at every position, NaN at padding.
        notes: under the titles.
        layout: of the tokens.
        rests: of the same walks after endless steps; with them, a map shows how many times likelier a place is than
            then, in doublings, centred at no difference.
        opacity: of the cells over the image.
    """
    if rests is None:
        shown = [spread * np.isfinite(spread).sum() for spread in spreads]
        top = float(np.nanmax(shown))
        scale = Scale(0, top, "times an even share", SEQUENTIAL)
    else:
        shown = [_doublings(spread, rest) for spread, rest in zip(spreads, rests, strict=True)]
        sizes = np.abs(shown)
        scale = _fold_scale(max(float(np.percentile(sizes[np.isfinite(sizes)], 99)), FEWEST_FOLD))
    panels = []
    for task, values, spread, note in zip(layout.tasks, shown, spreads, notes, strict=True):
        texts = np.array(
            [_chance(*pair, rests is not None) for pair in zip(spread.tolist(), values.tolist(), strict=True)]
        )
        drawn = np.maximum(values, scale.low)  # nobody is there: a log of 0
        panels.append(_drawn(drawn, layout, scale, task_title(task), texts, opacity, task=task, note=note))
    return tuple(panels)


def effect_panels(
    effect: DiffusionEffect, layout: TokenLayout, task: str, gamma: float, *, opacity: float = 1.0
) -> tuple[Panel, Panel, Panel]:
    """Features of a task before and after diffusion in three shared colours, and how far each moved.

    Args:
        effect: of one task.
        layout: of the tokens.
        task: its name.
        gamma: in force.
        opacity: of the cells over the image.
    """
    pair = [
        Panel(title, (_coloured(picture, layout, opacity),), task=task, note=note)
        for title, picture, note in (
            (f"{task_title(task)} before: F", effect.before, "three directions as red, green, blue"),
            (f"{task_title(task)} after: Z", effect.after, f"{effect.shown:.0%} of the variance is shown"),
        )
    ]
    top = float(np.nanpercentile(effect.change, CHANGE_END)) or 1.0
    scale = Scale(0, top, "change over length, |Z − F| / |F|", SEQUENTIAL_ALTERNATIVE)
    note = f"γ = {gamma:g}, mean {np.nanmean(effect.change):.2f}"
    return (*pair, _map(effect.change, layout, scale, "Change", "{:.3f}", opacity, task=task, note=note))  # type: ignore[return-value]


def largest(values: Float[np.ndarray, "*shape"]) -> float:
    """End of a scale that is centred at 0; 1 where everything is 0."""
    return float(np.nanmax(np.abs(values))) or 1.0


def _extent(values: Float[np.ndarray, " n"], written: str = "{:+.2f}") -> str:
    """From the smallest to the largest value."""
    return _minus(f"{written.format(np.nanmin(values))} to {written.format(np.nanmax(values))}")


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _disagreement(rows: PixelRows, layout: TokenLayout, opacity: float) -> Panel:
    scale = Scale(0, float(np.nanmax(rows.disagreement)) or 1.0, "standard deviation over the tasks", SEQUENTIAL)
    texts = []
    for values, spread in zip(rows.tasks.T, rows.disagreement, strict=True):
        each = "<br>".join(f"{task_title(task)} {value:+.2f}" for task, value in zip(layout.tasks, values, strict=True))
        texts.append(f"{each}<br>deviation {spread:.2f}")
    note = f"mean {np.nanmean(rows.disagreement):.2f}"
    return _drawn(rows.disagreement, layout, scale, "Disagreement", np.array(texts), opacity, note=note)


def _signed(
    values: Float[np.ndarray, " n"],
    layout: TokenLayout,
    scale: Scale,
    title: str,
    opacity: float,
    *,
    task: str | None = None,
    note: str = "",
) -> Panel:
    return _map(values, layout, scale, title, "{:+.3f}", opacity, task=task, note=note)


def _map(
    values: Float[np.ndarray, " n"],
    layout: TokenLayout,
    scale: Scale,
    title: str,
    written: str,
    opacity: float,
    *,
    task: str | None = None,
    note: str = "",
) -> Panel:
    texts = np.array([written.format(value) for value in values.tolist()])
    return _drawn(values, layout, scale, title, texts, opacity, task=task, note=note)


def _drawn(
    values: Float[np.ndarray, " n"],
    layout: TokenLayout,
    scale: Scale,
    title: str,
    texts: np.ndarray,
    opacity: float,
    *,
    task: str | None = None,
    note: str = "",
) -> Panel:
    grid = values.reshape(layout.grid)
    layer = cells(grid, scale.low, scale.high, scale=scale.colours, alpha=np.full(grid.shape, opacity))
    return Panel(title, (layer,), scale=scale, hover=Hover(texts.reshape(layout.grid)), task=task, note=note)


def _coloured(picture: Float[np.ndarray, "n 3"], layout: TokenLayout, opacity: float) -> Layer:
    known = np.isfinite(picture).all(1, keepdims=True)
    rgba = np.concatenate([np.nan_to_num(picture), known * opacity], 1)
    return Layer((rgba * 255).round().astype(np.uint8).reshape(*layout.grid, 4), "grid")


def _doublings(spread: Float[np.ndarray, " n"], rest: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """log2 of a probability over that at rest; -inf where nobody is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log2(spread / rest)  # type: ignore[no-any-return]


def _chance(probability: float, value: float, folds: bool) -> str:
    if not np.isfinite(probability):
        return "padding"
    times = f"{2.0**value:.2f} times the rest" if folds else f"{value:.2f} times even"
    return f"probability {percent(probability)}, {times}"


def _fold_scale(limit: float) -> Scale:
    step = max(1, int(limit) // 2)
    powers = range(-2 * step, 2 * step + 1, step) if limit >= 1 else (-limit, 0, limit)
    ticks = tuple((float(power), _times(power)) for power in powers if abs(power) <= limit)
    return Scale(-limit, limit, "times as likely as at rest (log)", DIVERGING, ticks=ticks)


def _times(power: float) -> str:
    """A factor of so many doublings."""
    return f"1/{2.0**-power:g}×" if power <= -1 else f"{2.0**power:.3g}×"
