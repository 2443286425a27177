"""The leaked mass of all tokens of the image: how it is spread, where the readers are, and between which tasks."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.plots.maps import Panel
from mtlviz.plots.noise import Spread, pair_figure, spread_figure
from mtlviz.plots.noise_maps import reader_panels
from mtlviz.tasks import TASKS
from mtlviz.ui import linked, panels
from mtlviz.ui.noise import columns, reading, words
from mtlviz.ui.noise.page import Side, View
from mtlviz.ui.noise.reading import AllReaders

MASS, OVER = "leaked mass", "above or below chance"
SHOWN = (MASS, OVER)


def draw(view: View, _row: DeltaGenerator) -> None:
    """The whole part."""
    if view.oracle is None and view.reading:
        words.without_labels()
    elif view.oracle is not None and view.reading:
        found = {side.index: reading.all_readers(side, view.oracle) for side in view.reading}
        st.markdown(_sentence(view, found))
        _spread(view, found)
        st.subheader("Which readers let most through", anchor="readers")
        _maps(view, found)
        st.subheader("Between which tasks", anchor="pairs")
        _pairs(view, view.oracle)
    words.without_rows(view)


def _sentence(view: View, found: dict[int, AllReaders]) -> str:
    parts = []
    for side in view.reading:
        one = found[side.index]
        known = np.isfinite(one.mass)
        if not known.any():
            parts.append(f"in {panels.plain(side.title)} no token has a {view.what}")
            continue
        mass, chance = float(one.mass[known].mean()), float(one.chance[known].mean())
        better = float((one.mass[known] < one.chance[known]).mean())
        parts.append(
            f"**{mass:.0%}** leaks in {panels.plain(side.title)} (chance {chance:.0%}; **{better:.0%}** of the tokens "
            "stay below their own chance)"
        )
    return f"Over all tokens of the image, {', '.join(parts)}."


def _spread(view: View, found: dict[int, AllReaders]) -> None:
    spreads = [Spread(side.title, side.index, found[side.index].mass, found[side.index].chance)
               for side in view.reading]  # fmt: skip
    panels.figure(
        spread_figure(spreads), "noise_spread",
        alt=f"Histogram of the mass that leaks to tokens of another {view.what}, over the tokens of the image",
        how_to_read="A token that reads only what is relevant stands at 0%, one that reads only what is irrelevant at "
        "100%. Full lines are the means, dotted ones the mean of reading everything alike: a model that chooses well "
        "lies left of its dotted line.",
        formula=words.NOISE,
        source=words.SOURCE,
        data={f"{side.model.letter}_{name}": getattr(found[side.index], name) for side in view.reading
              for name in ("tokens", "mass", "chance", "half_range", "floor")},
        provenance=[side.run.provenance for side in view.reading],
    )  # fmt: skip


def _maps(view: View, found: dict[int, AllReaders]) -> None:
    shown = linked.buttons("Colour", SHOWN, "noise_shown")
    drawn = _panels(view, found, shown == MASS)
    own = None
    if view.real is not None:
        real = {side.index: reading.all_readers(side, view.oracle or "") for side in view.real.reading}
        own = _panels(view.real, real, shown == MASS)
    columns.draw(view, "noise_readers", drawn, own)
    panels.maps(
        [], view.reading[0].run, "noise_readers",
        how_to_read="Every cell is a reader, in the task whose token it is; its colour says how much of what it reads "
        f"is of another {view.what}"
        + (": rare things stand in yellow, since almost everything is irrelevant to them."
           if shown == MASS else ", less what reading everything alike would give: blue chose well, red worse than "
           "at random.") + " Click a cell to make it the picked token.",
    )  # fmt: skip


def _panels(view: View, found: dict[int, AllReaders], mass: bool) -> dict[str, tuple[Panel, ...]]:
    """By side's letter one map a task of the leaked mass, or of what it is above chance."""
    over = {index: one.mass - one.chance for index, one in found.items()}
    sizes = np.concatenate([np.abs(values[np.isfinite(values)]) for values in over.values()])
    limit = max(float(np.percentile(sizes, 98)), 0.01) if sizes.size else 0.01
    return {
        side.model.letter: reader_panels(
            one.mass if mass else over[side.index], one.tokens, side.layout, model=side.title, opacity=0.85,
            texts=_texts(side, one, view.oracle or ""), limit=None if mass else limit,
        )
        for side in view.reading if (one := found[side.index]) is not None
    }  # fmt: skip


def _pairs(view: View, oracle: str) -> None:
    matrices = {}
    for side, column in zip(view.reading, st.columns(2), strict=False):
        values = matrices[f"{side.model.letter}_pairs"] = reading.pairs(side, oracle)
        with column:
            panels.figure(
                pair_figure(values, side.layout.tasks, side.title), f"noise_pairs_{side.model.letter}",
                alt=f"{side.title}: leaked mass by the reader's task and the task it reads from", how_to_read="",
            )  # fmt: skip
    panels.maps(
        [], view.reading[0].run, "noise_pairs",
        how_to_read="A row is a reading task, a column the task that is read; the number is the share of that reading "
        f"that lies on another {view.what}. Attention leaves out the reader's own task, so its diagonal is empty. Both "
        "matrices run from 0 to 100%.",
        data=matrices,
    )  # fmt: skip


def _texts(side: Side, found: AllReaders, oracle: str) -> list[str]:
    labels = side.labels[oracle][found.tokens % len(side.labels[oracle])]
    names = TASKS["semseg"].class_names if oracle == "classes" else ()
    said = []
    for label, mass, chance in zip(labels.tolist(), found.mass.tolist(), found.chance.tolist(), strict=True):
        if label == UNKNOWN or mass != mass:
            said.append("no label")
            continue
        name = f"{names[label]}: " if label < len(names) else ""
        said.append(f"{name}{mass:.1%} leaks, {chance:.1%} at chance")
    return said
