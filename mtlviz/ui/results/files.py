"""The table of a regime as files: all numbers as a data frame or JSON, and a booktabs table for a paper."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from mtlviz.analysis.system_leads import Lead
from mtlviz.analysis.system_record import SINGLE
from mtlviz.analysis.systems import Row
from mtlviz.engine import Provenance
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import gain_text, metric_label, metric_unit, percent_text, spread_text
from mtlviz.ui.results import words as results_words
from mtlviz.ui.results.page import View

_SPECIAL = {letter: f"\\{letter}" for letter in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "−": "$-$",
    "°": r"$^\circ$", "Δ": r"$\Delta$", "×": r"$\times$", "–": "--", "γ": r"$\gamma$",
}  # fmt: skip
END = r" \\"


def numbers_table(rows: Sequence[Row], headlines: Mapping[str, str]) -> pd.DataFrame:
    """Every number of the table with its spread, one row a system."""
    return pd.DataFrame([_flat(row, headlines) for row in rows])


def json_bytes(view: View, made: Sequence[Provenance]) -> bytes:
    """The rows with what they are over and what made them, as strict JSON."""
    said = {
        "regime": view.name,
        "summary": view.regime.summary,
        "tier": view.comparison.tier,
        "command": view.comparison.command,
        "images": view.regime.images,
        "scored": view.regime.scored,
        "headlines": view.comparison.headlines,
        "lower_is_better": view.comparison.lower_is_better,
        "protocols": view.regime.protocols,
        "rows": [asdict(row) for row in view.rows],
        "provenance": [one.as_dict() for one in made],
    }
    return json.dumps(_strict(said), indent=1, allow_nan=False).encode()


def latex_table(view: View, stamps: Sequence[str]) -> str:
    """A table environment for the package booktabs; the best of a column is bold where its lead exceeds chance.

    Args:
        view: the regime.
        stamps: of what made the numbers, as comments above.
    """
    tasks = view.comparison.headlines
    heads = [_head(task, metric, view.comparison.lower_is_better[task]) for task, metric in tasks.items()]
    heads += [r"$\Delta_m$ (\%) $\uparrow$", r"off (\%) $\uparrow$", "Params (M)", "GMAC"]
    lines = [f"% {_comment(stamp)}" for stamp in stamps]
    lines += [r"\begin{table}", r"\centering", rf"\caption{{{_caption(view)}}}",
              rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule", _joined(["System", *heads]),
              r"\midrule"]  # fmt: skip
    for row in view.rows:
        cells = [
            _marked(_escaped(spread_text(metric, row.scores[task])), _leads(view.task_leads.get(task), row))
            for task, metric in tasks.items()
        ]
        cells.append("0" if row.name == SINGLE else _marked(_escaped(gain_text(row.gain)), _leads(view.gain_lead, row)))
        cells += [_escaped(percent_text(row.gain_off)), *_costs(row)]
        lines.append(_joined([_escaped(row.title), *cells]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"


def _flat(row: Row, headlines: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"system": row.name, "title": row.title, "seeds": row.seeds}
    for task, metric in headlines.items():
        one, name = row.scores[task], f"{task}_{metric}"
        found |= {name: one.mean, f"{name}_deviation": one.deviation, f"{name}_off": row.off.get(task)}
        found["deviation_over"] = one.over
    gain = row.gain
    found |= {
        "delta_m_percent": None if gain is None else gain.mean,
        "delta_m_deviation": None if gain is None else gain.deviation,
        "delta_m_off_percent": row.gain_off,
    }
    cost = row.cost
    if cost is not None:
        found |= {
            "parameters": cost.parameters["total"], "operations": cost.operations["total"],
            "milliseconds": cost.milliseconds, "time_over_none": cost.over_none, "peak_bytes": cost.peak_bytes,
        }  # fmt: skip
    return found


def _strict(value: Any) -> Any:  # noqa: ANN401
    """Plain data without numbers that JSON does not know."""
    if isinstance(value, Mapping):
        return {str(key): _strict(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _head(task: str, metric: str, lower: bool) -> str:
    unit = metric_unit(metric)
    words = _escaped(f"{task_title(task)} {metric_label(metric)}{f' ({unit})' if unit else ''}")
    return words + (r" $\downarrow$" if lower else r" $\uparrow$")


def _caption(view: View) -> str:
    said = (
        f"{view.regime.summary}; scored on {view.regime.scored} held-out images. Tier {view.comparison.tier}. "
        f"{results_words.spread(view)} Bold: best, and ahead of every other by more than chance."
        f"{results_words.chance(view)}"
    )
    return _escaped(said[0].upper() + said[1:])


def _costs(row: Row) -> list[str]:
    if row.cost is None:
        return ["--", "--"]
    return [f"{row.cost.parameters['total'] / 1e6:.3f}", f"{row.cost.operations['total'] / 1e9:.3f}"]


def _leads(ahead: Lead | None, row: Row) -> bool:
    return ahead is not None and ahead.clear and ahead.best == row.name


def _marked(cell: str, best: bool) -> str:
    return rf"\textbf{{{cell}}}" if best else cell


def _joined(cells: Sequence[str]) -> str:
    return " & ".join(cells) + END


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)


def _comment(stamp: str) -> str:
    return " ".join(stamp.split())
