"""What the picked token reads, with the tokens that are relevant to it outlined, and what leaks past them."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.plots.attention import weight_panels, weight_scale
from mtlviz.plots.maps import Panel
from mtlviz.plots.noise_maps import outlined
from mtlviz.ui import linked, panels
from mtlviz.ui.heads import head_note
from mtlviz.ui.noise import columns, words
from mtlviz.ui.noise.page import Side, View
from mtlviz.ui.noise.reading import ReaderNoise, reader
from mtlviz.ui.noise.words import share, times

SCALES = ("logarithmic", "linear")


def draw(view: View, row: DeltaGenerator) -> None:
    """Maps, then the numbers beside them.

    Args:
        view: what the controls say.
        row: of the page's controls, which this part adds to.
    """
    if view.reading:
        with row, st.popover("Colours", icon=":material/palette:"):
            scale = linked.buttons("Scale of the maps", SCALES, "noise_scale")
        found = {side.model.letter: reader(side, view.oracle) for side in view.reading}
        _maps(view, found, logarithmic=scale != "linear")
        if view.oracle is None:
            words.without_labels()
        else:
            for side in view.reading:
                _numbers(view, side, found[side.model.letter])
    words.without_rows(view)


def _maps(view: View, found: dict[str, ReaderNoise], *, logarithmic: bool) -> None:
    drawn = _panels(view, found, logarithmic)
    own = None
    if view.real is not None:
        real = {side.model.letter: reader(side, view.oracle) for side in view.real.reading}
        own = _panels(view.real, real, logarithmic)
    columns.draw(view, "noise_reads", drawn, own)
    _explain(view, found)


def _panels(view: View, found: dict[str, ReaderNoise], logarithmic: bool) -> dict[str, list[Panel]]:
    """By side's letter one map a task, on one scale."""
    shared, drawn = weight_scale([one.row for one in found.values()], logarithmic=logarithmic), {}
    for side in view.reading:
        one = found[side.model.letter]
        maps = weight_panels(one.row, one.readable, side.layout, shared, model=side.title, opacity=0.85,
                             reading_task=view.picked.task)  # fmt: skip
        drawn[side.model.letter] = outlined(maps, one.row, one.relevant, _labelled(side, view.oracle), side.layout)
    return drawn


def _explain(view: View, found: dict[str, ReaderNoise]) -> None:
    outlines = f" The outline encloses tokens of its own {view.what}: what is coloured outside leaks."
    first = view.reading[0]
    panels.maps(
        [], first.run, "noise_reads",
        how_to_read="Colour is the share of all its reading that the marked token takes from a token, on one scale for "
        "all maps; hatched tokens cannot be read by this model, pale ones could be and have weight 0."
        f"{outlines if view.oracle else ''} Click a token of any map to make it the reader.",
        formula=rf"{words.NOISE}\qquad {words.CHANCE}",
        source=words.SOURCE,
        data={f"{letter}_{name}": np.asarray(getattr(one, name)) for letter, one in found.items()
              for name in ("row", "relevant", "mass", "chance", "half_range", "floor")},
    )  # fmt: skip
    for side in view.reading:
        if note := head_note(side.card, side.model.head):
            st.caption(f"{panels.plain(side.title)}: {note}")


def _numbers(view: View, side: Side, found: ReaderNoise) -> None:
    """The leaked mass of the picked token beside chance and floor."""
    st.markdown(f"**{panels.plain(side.title)}** reads {words.reads_over_all(side)}.")
    if found.own == UNKNOWN:
        st.caption(f"The picked token belongs to no {view.what}.")
        return
    relevant = int((found.relevant & found.readable.candidates).sum())
    floor = (
        "The least mass that a softmax with the measured logits can leave on irrelevant tokens"
        + (
            f": half the range of this row's is B = {found.half_range:.2f} nats. "
            if np.isfinite(found.half_range)
            else ", here that of the slots that this token reads. "
        )
        + "A lower bound, not an estimate."
        if np.isfinite(found.floor)
        else "None: some of this model's weights are exactly 0, so nothing forces it to read irrelevant tokens."
    )
    panels.numbers(
        (
            ("Leaked mass", share(found.mass), f"Share of the labelled mass that lies on tokens of another "
             f"{view.what}."),
            ("At chance", share(found.chance), f"The same for a row that reads all its candidates alike: {relevant:,} "
             f"of the {found.candidates:,} labelled tokens that it could read are relevant."),
            ("Leaked over chance", times(found.mass / found.chance if found.chance > 0 else np.nan),
             "1 is no choice at all, 0 is perfect."),
            ("Floor of softmax", share(found.floor) if np.isfinite(found.floor) else "none", floor),
        )
    )  # fmt: skip


def _labelled(side: Side, oracle: str | None) -> np.ndarray:
    layout = side.layout
    if oracle is None:
        return np.zeros(layout.tokens, bool)
    return np.tile(side.labels[oracle] != UNKNOWN, len(layout.tasks))
