"""What ``comparison`` and ``results`` say to a person, and the tables that they add for a program."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from mtlviz.cli.answers import table

if TYPE_CHECKING:
    from mtlviz.analysis.system_record import Comparison
    from mtlviz.analysis.systems import Row, Spread


def tables(comparison: "Comparison") -> dict[str, list[dict[str, Any]]]:
    """By regime the rows of its table: means with their spread, Delta_m, and costs."""
    from mtlviz.analysis.systems import table as rows_of

    return {name: [asdict(row) for row in rows_of(comparison, name)] for name in comparison.regimes}


def texts(comparison: "Comparison") -> list[RenderableType]:
    """Tier, and a table a regime with what its ± is over."""
    from mtlviz.analysis.system_words import left_out_sentence, spread_sentence
    from mtlviz.analysis.systems import table as rows_of

    said: list[RenderableType] = [f"Tier {comparison.tier}."]
    for name, regime in comparison.regimes.items():
        columns = ["system", *(f"{task} {metric}" for task, metric in comparison.headlines.items())]
        columns += ["Δm %", "off %", "parameters", "GMAC", "ms", "peak MiB", "seeds"]
        found = rows_of(comparison, name)
        rows = [_cells(row, list(comparison.headlines)) for row in found]
        said += ["", f"{name}: {regime.summary}; scored on {regime.scored} images", table(columns, rows)]
        said += [*filter(None, (spread_sentence(found), left_out_sentence(regime)))]
    if comparison.device:
        said += ["", f"Times are of one image on {comparison.device}; each task alone counts all its networks."]
    return said


def _cells(row: "Row", tasks: Sequence[str]) -> list[object]:
    from mtlviz.analysis.systems import Spread

    cost = row.cost
    costs = [None] * 4 if cost is None else [
        f"{cost.parameters['total']:,}", cost.operations["total"] / 1e9, cost.milliseconds, cost.peak_bytes / 2**20
    ]  # fmt: skip
    gains = [_said(row.gain, "+.2f", ".2f"), _said(None if row.gain_off is None else Spread(row.gain_off), "+.2f")]
    return [row.title, *(_said(row.scores[task], ".4g") for task in tasks), *gains, *costs, row.seeds]


def _said(value: "Spread | None", form: str, form_of_deviation: str = ".2g") -> str:
    """A value with its spread; nothing where it has none."""
    if value is None or not math.isfinite(value.mean):
        return ""
    deviation = "" if value.deviation is None else f" ±{value.deviation:{form_of_deviation}}"
    return f"{value.mean:{form}}{deviation}"
