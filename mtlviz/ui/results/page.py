"""The stored comparison of all systems: which one is shown, its regime, and the part of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz import results
from mtlviz.analysis.system_leads import Lead, gain_column, lead, task_column
from mtlviz.analysis.system_record import KIND, Comparison, Regime, System
from mtlviz.analysis.systems import Row, Spread, counted, read_comparison, table
from mtlviz.engine import Provenance
from mtlviz.errors import DataError
from mtlviz.ui import linked, panels
from mtlviz.ui.stored_results import stored

QUESTION = "What does each way of sharing gain, and what does it cost?"
TABLE, GAIN, TASKS, COST, TRAINING = "table", "gain", "by task", "cost", "training"
SWEEP, PUBLISHED = "slots and picks", "published"
PARTS = (TABLE, GAIN, TASKS, COST, TRAINING, SWEEP, PUBLISHED)
OF_REGIME = PARTS[:5]
"""Parts that show one regime of the comparison."""
FILE = "comparison.json"
"""Where the command's result is kept among the stored ones."""
LIGHT = "light"
"""First word of the tier in which the encoder stays as it is."""
REFERENCE = "none"
"""The system that shares nothing but the encoder."""


@dataclass(frozen=True)
class View:
    """What the controls say.

    Attributes:
        comparison: the stored result.
        name: of the regime.
        rows: its systems.
    """

    comparison: Comparison
    name: str
    rows: tuple[Row, ...]

    @property
    def regime(self) -> Regime:
        """What all systems were trained and scored on."""
        return self.comparison.regimes[self.name]

    @property
    def light(self) -> bool:
        """Whether the encoder was not trained."""
        return self.comparison.tier.split(":")[0].strip().lower() == LIGHT

    @cached_property
    def systems(self) -> dict[str, System]:
        """Those of the regime with the trainings that are counted."""
        return counted(self.regime)

    def row(self, name: str) -> Row | None:
        """A system; None where the regime has no such one."""
        return next((row for row in self.rows if row.name == name), None)

    def title(self, name: str) -> str:
        """Of a system, with its name where another has the same."""
        own = next(row.title for row in self.rows if row.name == name)
        return f"{own} ({name})" if sum(row.title == own for row in self.rows) > 1 else own

    @cached_property
    def gain_lead(self) -> Lead | None:
        """Who gains most over each task alone."""
        return lead(gain_column(self.comparison, self.name))

    @cached_property
    def task_leads(self) -> dict[str, Lead]:
        """By task who is best in it; each task alone takes part."""
        lower = self.comparison.lower_is_better
        found = {
            task: lead(task_column(self.comparison, self.name, task), lower_is_better=lower[task])
            for task in self.comparison.headlines
        }
        return {task: one for task, one in found.items() if one is not None}

    def best_gain(self) -> tuple[Row, Spread] | None:
        """The system with the largest gain, and that gain."""
        held = [(row, row.gain) for row in self.rows if row.gain is not None and row.gain.mean == row.gain.mean]
        return max(held, key=lambda one: one[1].mean, default=None)


@dataclass(frozen=True)
class Trained(Provenance):
    """What made one training's numbers."""

    setting: str = ""

    def stamp(self) -> str:
        """One line for a file."""
        versions = f"mtlviz {self.versions.get('mtlviz', '?')}, torch {self.versions.get('torch', '?')}"
        return (
            f"{self.model} ({self.trained}, weights {self.weights_sha256[:12]}) | scored on {self.image} | "
            f"{self.setting} | {versions}" + (f" | times on {self.device}" if self.device else "")
        )


def controls() -> tuple[View | None, str, DeltaGenerator]:
    """The page's controls in one row.

    Returns:
        What they say, None without a stored comparison; the part that is asked for; and the row, where a part may put
        what concerns it alone.
    """
    found = comparisons()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        part = linked.buttons("Show", PARTS, "results_part")
        if not found:
            return None, part, row
        chosen = found[0]
        if len(found) > 1:
            names = _names(found)
            chosen = found[names.index(linked.select("Comparison", names, "results_of", width=190))]
        regimes = list(chosen.regimes)
        name = regimes[0]
        if part in OF_REGIME:
            hint = " ".join(f"{key}: {panels.plain(one.summary)}." for key, one in chosen.regimes.items())
            name = linked.buttons("Regime", regimes, "results_regime", hint=hint)
    return View(chosen, name, tuple(table(chosen, name))), part, row


def comparisons() -> list[Comparison]:
    """All stored comparisons that can be shown; treated as read-only."""
    return stored(KIND, _read)


def nothing() -> None:
    """Why there is nothing to show, and what makes it."""
    problem = _problem()
    panels.empty(
        f"**The stored comparison cannot be shown.** {panels.plain(problem)}" if problem
        else "**No comparison is stored yet,** so nothing measured can be shown here.",
        "`python -m mtlviz comparison configs/comparison.yaml --out runs/comparison` trains and scores every system; "
        f"put its {FILE} into results/, no restart is needed. What others have published is in the part “{PUBLISHED}”.",
    )  # fmt: skip


def provenance(view: View) -> list[Trained]:
    """What made the numbers of a regime: one stamp a network."""
    regime, versions = view.regime, view.comparison.versions
    return [
        Trained(
            model=" ".join(filter(None, (name, network, f"seed {training.seed}"))), weights_sha256=sha256,
            trained=regime.summary, image=f"{regime.scored} held-out images", image_sha256="", input_size=(0, 0),
            device=view.comparison.device, dtype="float32", seed=training.seed, edit={}, versions=versions,
            setting=f"tier {view.comparison.tier}",
        )
        for name, system in view.systems.items()
        for training in system.trainings
        for network, sha256 in training.weights_sha256.items()
    ]  # fmt: skip


def _read(content: Mapping[str, Any]) -> Comparison:
    """A comparison whose tables can be made.

    Raises:
        DataError: if something is missing.
    """
    found = read_comparison(content)
    if not found.regimes or not all(regime.systems for regime in found.regimes.values()):
        raise DataError(f"{FILE} holds no systems yet; let the command go on until it has trained some.")
    return found


def _problem() -> str:
    """What is wrong with the file that is there; empty where none is."""
    path = results.FOLDER / FILE
    if not path.exists():
        return ""
    try:
        _read(results.read_result(path, KIND))
    except DataError as error:
        return str(error)
    return ""


def _names(found: list[Comparison]) -> list[str]:
    """Short names of several comparisons, different from one another."""
    return [f"{number} · {one.tier.split(':')[0].strip() or 'unnamed'}" for number, one in enumerate(found, 1)]
