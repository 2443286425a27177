"""The Models page: which checkpoints and adapters are here, filtered, as cards side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from mtlviz.checkpoints import ModelCard, checkpoint_names
from mtlviz.errors import MtlvizError
from mtlviz.plots.style import task_title
from mtlviz.tasks import TASKS
from mtlviz.ui import linked, panels, state
from mtlviz.ui.frame import Entry
from mtlviz.ui.linked import LINKED
from mtlviz.ui.models import card as models_card

QUESTION = "Which models are here, and what can each of them show?"
ANY = "any"
TASKS_KEY, INTERACTION_KEY, PAIR_KEY = "models_tasks", "models_interaction", "models_pair"
NARROWEST = 285
"""Pixels of a card."""


@dataclass(frozen=True)
class Found:
    """One model that is listed.

    Attributes:
        name: of the checkpoint or adapter.
        card: None where it cannot be read.
        problem: why it cannot; empty otherwise.
    """

    name: str
    card: ModelCard | None
    problem: str = ""


@dataclass(frozen=True)
class Choice:
    """What the controls say.

    Attributes:
        tasks: that a model must have.
        interaction: that it must have; empty for any.
        pair: two cards to put beside each other; None unless two are chosen.
    """

    tasks: tuple[str, ...]
    interaction: str
    pair: tuple[ModelCard, ModelCard] | None

    def takes(self, one: Found) -> bool:
        """Whether a model is shown; one that cannot be read always is, so that it is not overlooked."""
        if one.card is None:
            return True
        names = {task.name for task in one.card.tasks}
        return set(self.tasks) <= names and self.interaction in ("", one.card.architecture.interaction)


def entries() -> list[Found]:
    """Every network that can be chosen, then the encoders that networks start from."""
    return [_found(name) for name in (*state.model_names(), *checkpoint_names(state.folder(), "encoder"))]


def headline(every: Sequence[Found]) -> str:
    """What is here, in one sentence."""
    cards = [one.card for one in every if one.card is not None and one.card.part == "network"]
    if not cards:
        return "No model here can be read; each card below says why."
    counts = [len(card.tasks) for card in cards]
    tasks = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])
    sizes = [card.parameters.get("total", 0) / 1e6 for card in cards]
    learned = [card for card in cards if card.trained != "random"] or cards
    trained = " and ".join(dict.fromkeys(card.data or models_card.TRAINED[card.trained] for card in learned))
    untrained = f", {len(cards) - len(learned)} of them not at all" if len(learned) < len(cards) else ""
    return (
        f"**{len(cards)} model{'s' * (len(cards) > 1)}** of {tasks} tasks and {min(sizes):.2f} to {max(sizes):.2f} "
        f"million parameters, trained on {panels.plain(trained)}{untrained}."
    )


def controls(every: Sequence[Found]) -> Choice:
    """The page's controls in one row: filters, and two models to compare."""
    cards = {one.name: one.card for one in every if one.card is not None and one.card.part == "network"}
    known = {task.name for card in cards.values() for task in card.tasks}
    tasks = [*(name for name in TASKS if name in known), *sorted(known - set(TASKS))]
    interactions = list(dict.fromkeys(card.architecture.interaction for card in cards.values()))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _forget(TASKS_KEY, tasks)
        chosen = st.multiselect("Predicts", tasks, key=TASKS_KEY, placeholder="any task", width=250, **LINKED)
        interaction = linked.select("Shares by", [ANY, *interactions], INTERACTION_KEY)
        _forget(PAIR_KEY, list(cards))
        pair = st.multiselect(
            "Compare two", list(cards), max_selections=2, key=PAIR_KEY, placeholder="choose two models", width=280,
            **LINKED,
        )  # fmt: skip
    both = (cards[pair[0]], cards[pair[1]]) if len(pair) == 2 else None
    return Choice(tuple(chosen), "" if interaction == ANY else interaction, both)


def grid(every: Sequence[Found], choice: Choice, pages: Mapping[str, tuple[Entry, "st.Page"]]) -> None:
    """The cards of the chosen models, as many side by side as there is room for.

    Args:
        every: all models.
        choice: which of them.
        pages: by address what links to a page.
    """
    models_card.follow(pages)
    shown = [one for one in every if choice.takes(one)]
    networks = [one for one in shown if one.card is None or one.card.part == "network"]
    if not networks:
        asked = " and ".join(filter(None, (", ".join(map(task_title, choice.tasks)), choice.interaction)))
        panels.empty(f"**No model here has {panels.plain(asked)}.**", "Take a filter away.")
    _cards(networks, pages)
    encoders = [one for one in shown if one not in networks]
    if encoders:
        st.subheader("Encoders that networks start from", anchor="encoders")
        _cards(encoders, {})


def linked_pages(links: Iterable[tuple[Entry, "st.Page"]]) -> Iterator[tuple[str, tuple[Entry, "st.Page"]]]:
    """By address the pages of the app."""
    for entry, page in links:
        yield entry.url, (entry, page)


def toggle_pair(name: str) -> None:
    """Put a model among the two that are compared, or take it out; the older of two gives way. A callback."""
    pair = list(st.session_state.get(PAIR_KEY) or ())
    st.session_state[PAIR_KEY] = [one for one in pair if one != name] if name in pair else [*pair[-1:], name]


def _cards(shown: Sequence[Found], pages: Mapping[str, tuple[Entry, "st.Page"]]) -> None:
    with st.grid("auto", min_column_width=NARROWEST):
        for one in shown:
            with st.container(border=True, height="stretch"):
                if one.card is None:
                    st.markdown(f"**{panels.plain(one.name)}**")
                    st.error(panels.plain(one.problem), icon=":material/error:")
                else:
                    models_card.draw(one.card, pages, toggle_pair, one.name in (st.session_state.get(PAIR_KEY) or ()))


def _found(name: str) -> Found:
    try:
        return Found(name, state.card(name))
    except MtlvizError as error:
        return Found(name, None, str(error))


def _forget(key: str, options: Sequence[str]) -> None:
    """Choices that do not exist here give way; a link that asks for one is told so."""
    if any(one not in options for one in st.session_state.get(key) or ()):
        del st.session_state[key]
    state.check_query(key, options)
