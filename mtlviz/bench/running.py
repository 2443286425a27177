"""Run the parts of the bench that were asked for."""

import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from mtlviz.bench.catalogue import Entry, chosen_entries
from mtlviz.bench.measurement import Finding, Measurement, Say

Part = Callable[[Sequence[Entry], Path | None, Say], Iterator[Finding]]


def run(
    only: Sequence[str] | None = None, progress: Say | None = None, *, checkpoints: Path | None = None
) -> list[Measurement]:
    """Measure.

    Args:
        only: keys or parts (``mtlviz.bench.KEYS``, ``PARTS``); None for everything.
        progress: told in one sentence what is being measured.
        checkpoints: folder of the checkpoints to measure with; by default the shipped ones.

    Returns:
        One measurement a key, in the order of the catalogue.

    Raises:
        OptionError: if a name in ``only`` is neither a key nor a part; nothing is measured then.
    """
    entries = chosen_entries(only)
    say: Say = progress or (lambda sentence: None)
    findings: dict[str, Finding] = {}
    loads: dict[str, float] = {}
    for part in dict.fromkeys(entry.part for entry in entries):
        loads[part] = _load()
        measure: Part = import_module(f"mtlviz.bench.{part}").measure
        asked = [entry for entry in entries if entry.part == part]
        findings |= {finding.key: finding for finding in measure(asked, checkpoints, say)}
    return [_measurement(entry, findings[entry.key], loads[entry.part]) for entry in entries]


def _measurement(entry: Entry, finding: Finding, load: float) -> Measurement:
    detail = {"meaning": entry.meaning, **finding.detail, "load_before": load}
    return Measurement(entry.key, finding.value, entry.unit, entry.bar, detail)


def _load() -> float:
    """Processes that wanted a core during the last minute: where high, only ratios count."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")
