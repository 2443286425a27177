"""What ``comparison`` and ``results`` say to a person."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType

from mtlviz.cli.answers import table

if TYPE_CHECKING:
    from mtlviz.analysis.systems import Comparison, Row, Spread


def texts(comparison: "Comparison") -> list[RenderableType]:
    """Tier, and a table a regime."""
    from mtlviz.analysis.systems import table as rows_of

    said: list[RenderableType] = [f"Tier {comparison.tier}."]
    for name, regime in comparison.regimes.items():
        columns = ["system", *(_column(task, metric) for task, metric in comparison.headlines.items())]
        columns += ["Delta_m %", "off %", "parameters", "GMAC", "ms", "peak MB", "seeds"]
        rows = [_cells(row, list(comparison.headlines)) for row in rows_of(comparison, name)]
        said += ["", f"{name}: {regime.summary}; scored on {regime.scored} images", table(columns, rows)]
    return [*said, "", _spread(comparison)]


def _column(task: str, metric: str) -> str:
    return f"{task} {metric}"


def _cells(row: "Row", tasks: Sequence[str]) -> list[object]:
    cost = row.cost
    costs = [None] * 4 if cost is None else [
        f"{cost.parameters['total']:,}", cost.operations["total"] / 1e9, cost.milliseconds, cost.peak_bytes / 2**20
    ]  # fmt: skip
    gains = ["" if row.gain is None else _signed(row.gain), None if row.gain_off is None else f"{row.gain_off:+.2f}"]
    return [row.title, *(_plain(row.scores[task]) for task in tasks), *gains, *costs, row.seeds]


def _plain(value: "Spread") -> str:
    return f"{value.mean:.4g}" if value.deviation is None else f"{value.mean:.4g} ±{value.deviation:.2g}"


def _signed(value: "Spread") -> str:
    return f"{value.mean:+.2f}" if value.deviation is None else f"{value.mean:+.2f} ±{value.deviation:.2f}"


def _spread(comparison: "Comparison") -> str:
    over = {
        one.over
        for name in comparison.regimes
        for row in _rows(comparison, name)
        for one in row.scores.values()
        if one.over
    }
    if over == {"seeds"}:
        return "±: standard deviation over seeds."
    if over == {"images"}:
        return "±: standard error over groups of held-out images; one seed only, so that of trainings is not in it."
    return "±: standard deviation over seeds, or the standard error over groups of images where there is one seed."


def _rows(comparison: "Comparison", regime: str) -> "list[Row]":
    from mtlviz.analysis.systems import table as rows_of

    return rows_of(comparison, regime)
