"""The bench as a person reads it, and as a program does."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mtlviz.bench.catalogue import ENTRIES
from mtlviz.bench.measurement import Measurement

_ENTRIES = {entry.key: entry for entry in ENTRIES}
_VERDICT = {True: ("pass", "green"), False: ("FAIL", "bold red"), None: ("", "")}


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Everything by key, as plain data."""
    return {measurement.key: measurement.as_dict() for measurement in measurements}


def table(measurements: Sequence[Measurement]) -> RenderableType:
    """Tables for a terminal: every figure with its bar, verdict and both sides, and KEM beside attention by size.

    Args:
        measurements: of one run of the bench.
    """
    tables: list[RenderableType] = []
    plain = [m for m in measurements if not _ENTRIES[m.key].tokens or m.bar is not None]
    series = [m for m in measurements if _ENTRIES[m.key].tokens]
    if plain:
        tables.append(_figures(plain))
    if series:
        tables.append(_by_size(series))
    tables += [Text(f"{m.key}: {m.detail.get('missing', '')}") for m in measurements if m.value is None]
    return Group(*tables)


def _figures(measurements: Sequence[Measurement]) -> Table:
    made = Table(title="mtlviz bench")
    for heading in ("figure", "value", "bar", "", "what it is", "made of"):
        made.add_column(heading, justify="right" if heading == "value" else "left")
    for measurement in measurements:
        word, style = _VERDICT[measurement.holds]
        bar = "" if measurement.bar is None else str(measurement.bar)
        value = f"{_number(measurement.value)} {measurement.unit}"
        meaning = _ENTRIES[measurement.key].meaning
        made.add_row(measurement.key, value, bar, Text(word, style), meaning, _sides(measurement))
    return made


def _sides(measurement: Measurement) -> str:
    """What was measured on each side of a ratio."""
    for name, unit, scale in (("ms", "ms", 1), ("ms_per_image", "ms an image", 1), ("peak_bytes", "MB", 1e-6)):
        if sides := measurement.detail.get(name):
            return ", ".join(f"{side} {_number(scale * value)}" for side, value in sides.items()) + f" {unit}"
    return ""


def _by_size(measurements: Sequence[Measurement]) -> Table:
    """One row a series, one column a number of tokens; each cell with what is behind its ratio."""
    sizes = sorted({_ENTRIES[m.key].tokens for m in measurements})
    rows: dict[str, dict[int, Measurement]] = {}
    for measurement in measurements:
        entry = _ENTRIES[measurement.key]
        rows.setdefault(entry.series, {})[entry.tokens] = measurement
    made = Table(title="KEM beside attention over all tokens (d = 256, fp32, batch 1)", show_lines=True)
    made.add_column("other / KEM")
    for size in sizes:
        made.add_column(f"S = {size}", justify="right")
    for name, by_size in rows.items():
        meaning = _ENTRIES[next(iter(by_size.values())).key].meaning
        made.add_row(f"{name.removesuffix('_sS')}\n{meaning}", *(_cell(by_size.get(size)) for size in sizes))
    return made


def _cell(measurement: Measurement | None) -> Text:
    if measurement is None:
        return Text("")
    _, style = _VERDICT[measurement.holds]
    return Text(f"{_number(measurement.value)} x", style).append(_behind(measurement), "dim")


def _behind(measurement: Measurement) -> str:
    rival = _ENTRIES[measurement.key].rival
    sides: Mapping[str, float]
    if sides := measurement.detail.get("ms", {}):
        return f"\n{_number(sides[rival])} / {_number(sides['kem'])} ms"
    if sides := measurement.detail.get("peak_bytes", {}):
        return f"\n{_number(sides[rival] / 1e6)} / {_number(sides['kem'] / 1e6)} MB"
    return ""


def _number(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
