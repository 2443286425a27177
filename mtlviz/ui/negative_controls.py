"""The switch of negative controls: one choice for every page that shows a map of a model's inside."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import streamlit as st

from mtlviz.analysis.controls import (
    BLOCK,
    CONTROLS,
    RANDOM,
    THE_MODEL,
    control_edit,
    control_sample,
    offered,
    stamped,
)
from mtlviz.checkpoints import ModelCard
from mtlviz.edits import Edit
from mtlviz.engine import Engine, Run
from mtlviz.plots.control_maps import map_values, panel_correlation
from mtlviz.plots.maps import Panel
from mtlviz.trace import INTERACTION, Capture
from mtlviz.ui import state
from mtlviz.ui.linked import LINKED

KEY, SEED_KEY = "control", "control_seed"
LARGEST_SEED = 99
HELP = (
    "The same maps where there is nothing to know. A map that looks the same under a control never depended on what "
    "the control took away; ρ is the rank correlation of its cells with those of the model's own map."
)


@dataclass(frozen=True)
class Choice:
    """What the switch says.

    Attributes:
        key: of ``CONTROLS``, or ``THE_MODEL``.
        seed: of what is drawn.
    """

    key: str = THE_MODEL
    seed: int = 0

    @property
    def on(self) -> bool:
        """Whether a control takes the model's place."""
        return self.key != THE_MODEL


MODEL_ITSELF = Choice()


def current(*cards: ModelCard, only: Collection[str] = tuple(CONTROLS)) -> Choice:
    """What the switch says, without drawing it; the model itself where the choice does not exist here.

    Args:
        cards: of the models on the page; a control must exist for all of them.
        only: controls that make sense on the page.
    """
    key = str(st.session_state.get(KEY) or st.query_params.get(KEY, THE_MODEL))
    if key not in _options(cards, only):
        return MODEL_ITSELF
    seed = str(st.session_state.get(SEED_KEY, st.query_params.get(SEED_KEY, "0")))
    known = seed.isdecimal() and len(seed) <= len(str(LARGEST_SEED))  # a link may hold any number of digits
    return Choice(key, int(seed) if known else 0)


def choose(*cards: ModelCard, only: Collection[str] = tuple(CONTROLS)) -> Choice:
    """Draw the switch, for a page's row of controls, and the banner at the top of the page while it is on.

    Args:
        cards: as for ``current``.
        only: as for ``current``.
    """
    options = _options(cards, only)
    state.check_query(KEY, options)
    if st.session_state.get(KEY, THE_MODEL) not in options:  # chosen on another page or with another model
        st.session_state[KEY] = THE_MODEL
    st.selectbox("Maps of", options, key=KEY, width=170, help=HELP, **LINKED)
    choice = current(*cards, only=only)
    if choice.on and CONTROLS[choice.key].seeded:
        state.check_query_number(SEED_KEY, 0, LARGEST_SEED)
        st.number_input(
            f"Seed (0 to {LARGEST_SEED})", 0, LARGEST_SEED, key=SEED_KEY, width=130,
            help="Of the control's random draw.", **LINKED,
        )  # fmt: skip
    if choice.on:
        _banner(choice)
    return choice


def engine(engine: Engine, choice: Choice) -> Engine:
    """The model, or its copy with random weights."""
    return _random(engine, choice.seed, engine.card.weights_sha256) if choice.key == RANDOM else engine


def run(engine_: Engine, choice: Choice, *, capture: Capture | None = INTERACTION, edit: Edit | None = None) -> Run:
    """The current image through the model or its control; cached as ``state.run`` is.

    Args:
        engine_: the model itself.
        choice: what the switch says.
        capture: what to record.
        edit: intervention on top of the control's own.
    """
    sample = control_sample(choice.key, state.image())
    made = state.run(
        engine(engine_, choice),
        None if sample is state.image() else sample,
        capture=capture,
        edit=control_edit(choice.key, engine_.card, choice.seed, edit),
    )
    if not choice.on:
        return made
    labels = ",".join(sorted(made.sample.labels))
    stamp = made.provenance
    weights = (engine_.card.weights_sha256, stamp.weights_sha256, stamp.device)
    return _stamped(made, choice, (*weights, stamp.image_sha256, stamp.image, labels, repr(capture), repr(stamp.edit)))


def run_beside(engine_: Engine, choice: Choice, capture: Capture | None = INTERACTION) -> tuple[Run, Run | None]:
    """What the page draws, and while a control is on the run of the model itself to compare it with."""
    made = run(engine_, choice, capture=capture)
    return made, state.run(engine_, capture=capture) if choice.on else None


def not_of_sets(choice: Choice) -> None:
    """What the banner would otherwise say of results over a set: they are those of the model itself."""
    if choice.on:
        st.caption(":material/science: This part is always that of the model itself, also while a control is on.")


def beside(panel: Panel, real: Panel | None, *, numbered: bool = True) -> None:
    """How much a control's map resembles the model's own, below it; nothing where there is nothing to compare.

    Args:
        panel: of the control.
        real: the same map of the model; None draws nothing.
        numbered: a slot of the control is the model's slot of the same number.
    """
    if real is None:
        return
    found, values = panel_correlation(panel, real, numbered=numbered), map_values(panel)
    if found is None or values is None:
        return
    if values.ndim == 2:
        say(found)
    elif numbered:
        say(found, "cells and slots of both maps, slot by slot")
    else:
        say(found, f"blocks of {BLOCK[0]} × {BLOCK[1]} tokens, all slots together, since slots of other weights have "
            "nothing but their numbers in common")  # fmt: skip


def one_slot_beside(run: Run) -> bool:
    """Whether a single slot's map can be compared with the model's; says why not."""
    if not numbered(run):
        st.caption(":material/science: With random weights the slots are others, so one of them has no model's slot to "
                   "be compared with.")  # fmt: skip
    return numbered(run)


def numbered(run: Run) -> bool:
    """Whether the slots of a run are those of the model by their numbers: with random weights they are others."""
    return "random_weights" not in run.provenance.edit


def say(correlation: float, over: str = "cells of both maps") -> None:
    """A control's correlation with the model's own map, below the map it belongs to; NaN where one is constant.

    Args:
        correlation: of ranks.
        over: what is compared.
    """
    if np.isnan(correlation):
        st.markdown(":gray-badge[:material/science: no ρ: constant map]",
                    help="The map of the control, or that of the model, is the same everywhere.")  # fmt: skip
        return
    alike = correlation > ALIKE
    signed = f"{correlation:+.2f}".replace("-", "−") if abs(correlation) >= 0.005 else "0.00"
    st.markdown(
        f":{'red' if alike else 'gray'}-badge[:material/science: ρ {signed} to the model]",
        help=f"Spearman's rank correlation over the {over}: 1 puts them in the same order, 0 is unrelated."
        + (" So high, the map hardly depends on what this control took away." if alike else ""),
    )


ALIKE = 0.8
"""Above it a control's map is called like the model's own."""


def _options(cards: Collection[ModelCard], only: Collection[str]) -> list[str]:
    return [THE_MODEL, *(key for key in CONTROLS if key in only and all(key in offered(card) for card in cards))]


def _banner(choice: Choice) -> None:
    """At the top of the page, where sentences about the link stand too."""
    control = CONTROLS[choice.key]
    seed = f" (seed {choice.seed})" if control.seeded else ""
    box = st.session_state.get("_notices")
    with st.container() if box is None else box:
        words, back = st.columns([5, 1], vertical_alignment="center")
        words.warning(
            f"**Negative control: {control.key}{seed}, not the model.** {control.what} Maps, numbers and sentences "
            f"below are those of the control. A map that is still the same showed {control.left}.",
            icon=":material/science:",
        )
        back.button("Switch off", key="control_off", on_click=_off, icon=":material/undo:")


def _off() -> None:
    st.session_state[KEY] = THE_MODEL


# Kept, so that what a run works out once (its predictions at full size) outlives a rerun of the page.
@st.cache_resource(max_entries=16, show_spinner=False)
def _stamped(_run: Run, choice: Choice, key: tuple[str, ...]) -> Run:
    return stamped(_run, choice.key, choice.seed)


# Shared between sessions and never changed.
@st.cache_resource(max_entries=6, show_spinner="Making a copy of the model with random weights.")
def _random(_engine: Engine, seed: int, weights: str) -> Engine:
    return _engine.with_random_weights(seed)
