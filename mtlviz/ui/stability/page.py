"""The two models of the Stability page on the image, before and after the change that its controls name."""

from dataclasses import dataclass

import streamlit as st

from mtlviz.analysis.stability.comparison import Clean, Comparison, change_view, compare, read_clean
from mtlviz.analysis.stability.perturbations import KINDS, Kind, Perturbation, as_seen
from mtlviz.analysis.stability.selection import RECORDED, has_slots
from mtlviz.engine import Engine, Run
from mtlviz.models.interactions.base import OWN, interaction_config
from mtlviz.ui import negative_controls, panels, state
from mtlviz.ui.linked import LINKED
from mtlviz.ui.panels import plain

QUESTION = "Does the selection survive a small change?"
FAVOURITES = ("skem", "kem")
"""Models that take the place of a second model without slots, in this order."""
ALL_TASKS = "all"
LARGEST_SEED = 999
CONTROLS = ("random weights",)
"""Slots that were shuffled, tokens that were permuted and an empty image have no selection of their own to keep."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the models.

    Attributes:
        index: 0 for A, 1 for B.
        title: unlike the other side's.
        engine: the model.
        clean: it on the image as it is.
    """

    index: int
    title: str
    engine: Engine
    clean: Clean

    @property
    def run(self) -> Run:
        """Its pass over the image as it is."""
        return self.clean.run


@dataclass(frozen=True)
class Choice:
    """What the controls say.

    Attributes:
        perturbation: kind and strength.
        seed: of the draw.
        task: whose picks the maps show; None for all tasks.
    """

    perturbation: Perturbation
    seed: int
    task: str | None


def control() -> negative_controls.Choice:
    """What is drawn in the models' place, before the switch itself is drawn."""
    return negative_controls.current(state.card(state.model_name("a")), only=CONTROLS)


def sides(control: negative_controls.Choice = negative_controls.MODEL_ITSELF) -> tuple[Side, ...]:
    """The models that are compared: A and, if there is another one with slots, B; none if A has no slots.

    Args:
        control: what is drawn in their place.
    """
    first, second = state.model_name("a"), state.model_name("b")
    if not slotted(first):
        return ()
    partner = second if slotted(second) and second != first else _partner(first)
    names = [first] if partner is None else [first, partner]
    if partner is not None and partner != second:
        _say_replaced(first, second, partner)
    titles = [state.card(name).title for name in names]
    if len(set(titles)) < len(titles):
        titles = names
    return tuple(_side(index, name, titles[index], control) for index, name in enumerate(names))


def own_sides(sides: tuple[Side, ...]) -> tuple[Side, ...]:
    """The models themselves, where the sides are those of a negative control."""
    return tuple(_side(side.index, side.engine.card.name, side.title, negative_controls.MODEL_ITSELF) for side in sides)


SHARES = {
    "none": "share only the encoder",
    "ctal": "share affinities and keep their own content",
    OWN: "share in a way of their own",
}
"""How tasks of a model without slots share, where they do not read one another."""


def slotted(name: str) -> bool:
    """Whether a checkpoint has memory slots that select some of the tokens."""
    return has_slots(state.card(name).architecture.interaction) and not _takes_all(name)


def _takes_all(name: str) -> bool:
    """Whether its slots take in every token, so that there is no selection."""
    return has_slots(state.card(name).architecture.interaction) and _picks(name) is None


def _picks(name: str) -> int | None:
    """How many tokens its slots or readers pick; None for all, 0 where it picks in no way."""
    architecture = state.card(name).architecture
    return getattr(interaction_config(architecture.interaction, architecture.options), "picks", 0)


def without_slots() -> None:
    """Why the page is empty for a model without slots, and a way out."""
    card = state.card(state.model_name("a"))
    reads = SHARES.get(card.architecture.interaction, "read one another directly")
    if _takes_all(card.name):
        why = "takes every token into each of its slots, so there is no selection that could change"
    elif picks := _picks(card.name):
        why = (
            f"picks {picks} tokens for every token that reads, each for itself. It has no memory slots, and this page "
            "follows what slots pick"
        )
    else:
        why = f"has no memory slots: its tasks {reads}, so there is no selection that could change"
    panels.empty(
        f"{plain(card.title)} {why}.",
        "Choose a model that shares through slots; the image stays.",
    )
    others = sorted(filter(slotted, state.model_names()), key=lambda name: name not in FAVOURITES)
    if not others:
        st.info("No checkpoint here has slots; train one with the interaction “kem”.", icon=":material/info:")
    for name in others[:3]:
        st.button(
            f"Use {state.card(name).title}", key=f"stability_use_{name}", on_click=_use, args=("a", name),
            icon=":material/hub:", type="primary" if name == others[0] else "secondary",
        )  # fmt: skip


def controls(sides: tuple[Side, ...]) -> Choice:
    """The row of controls."""
    tasks = [ALL_TASKS, *sides[0].run.outputs]
    state.check_query("stability_kind", list(KINDS))
    state.check_query("stability_task", tasks)
    state.check_query_number("stability_seed", 0, LARGEST_SEED)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("What changes", list(KINDS), key="stability_kind", width=170, **LINKED)
        strength = _strength(KINDS[kind or "noise"])
        seed = st.number_input("Seed", 0, LARGEST_SEED, key="stability_seed", width=120,
                               help="Draws the noise, the colours, the direction, the window.", **LINKED)  # fmt: skip
        if st.session_state.get("stability_task", ALL_TASKS) not in tasks:  # of a model with other tasks
            st.session_state["stability_task"] = ALL_TASKS
        task = st.selectbox("Picks of task", tasks, key="stability_task", width=170, **LINKED)
        negative_controls.choose(sides[0].run.card, only=CONTROLS)
    return Choice(Perturbation(kind or "noise", strength), int(seed), None if task in (None, ALL_TASKS) else task)


def compared(side: Side, choice: Choice) -> Comparison:
    """A model before and after the change; runs are cached by weights and pixels."""
    sample, window = change_view(side.clean, choice.perturbation, choice.seed)
    engine = changed_engine(side.engine, choice.perturbation, choice.seed)
    return compare(side.clean, state.run(engine, sample, capture=RECORDED), window)


def changed_engine(engine: Engine, perturbation: Perturbation, seed: int) -> Engine:
    """The model itself, or its noisy copy."""
    if not perturbation.about.weights or perturbation.nothing:
        return engine
    return _noisy(engine, perturbation.strength, seed, engine.card.weights_sha256)


def _strength(kind: Kind) -> float:
    key = f"stability_{kind.key}"
    state.check_query_number(key, kind.low, kind.high)
    numbers = (kind.low, kind.high, kind.start, kind.step)
    low, high, start, step = (int(n) if isinstance(kind.step, int) else float(n) for n in numbers)
    return float(
        st.slider(f"{kind.title.capitalize()}: {kind.quantity}", low, high, start, step, key=key, width=330,
                  help=kind.explanation, **LINKED)
    )  # fmt: skip


def _side(index: int, name: str, title: str, control: negative_controls.Choice) -> Side:
    engine = negative_controls.engine(state.engine_named(name), control)
    seen = as_seen(state.image(), engine.card.input_size)
    return Side(index, title, engine, read_clean(state.run(engine, seen, capture=RECORDED)))


def _partner(first: str) -> str | None:
    """The model beside A where the sidebar's second one has no slots."""
    names = [name for name in state.model_names() if name != first and slotted(name)]
    return next((name for name in FAVOURITES if name in names), names[0] if names else None)


def _say_replaced(first: str, second: str, partner: str) -> None:
    same = first == second
    why = "is the first one again" if same else "has no slots that select"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The sidebar's second model, {plain(state.card(second).title)}, {why}; "
            f"{plain(state.card(partner).title)} stands beside {plain(state.card(first).title)} here.",
            width="content",
        )
        st.button("Make it the second model", key="stability_second", type="tertiary", on_click=_use,
                  args=("b", partner))  # fmt: skip


def _use(which: state.Which, name: str) -> None:
    st.session_state[state.MODEL_KEYS[which]] = name


# Shared between sessions and never changed.
@st.cache_resource(max_entries=6, show_spinner="Making a copy of the model with noise on its weights.")
def _noisy(_engine: Engine, strength: float, seed: int, weights: str) -> Engine:
    return _engine.with_noise(strength, seed)
