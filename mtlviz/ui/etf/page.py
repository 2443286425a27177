"""The ETF page's controls, and what it says where there is nothing to draw."""

from dataclasses import dataclass, replace

import streamlit as st

from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Engine
from mtlviz.plots.style import PLACE_TITLES
from mtlviz.tasks import Task
from mtlviz.ui import linked, panels, state
from mtlviz.ui.etf.side import Side, View, image_side, own_frame

PLACE_OF = {title: place for place, title in PLACE_TITLES.items()}
PLACE_HELP = (
    "encoder: shared by all tasks. task encoder: before the projection. interaction input: as the interaction "
    "compares them, after its own norms and projections. interaction output: what the decoder receives. decoder: "
    "input of its last linear layer."
)
THIS, SET = IMAGES = ("this image", "a set")
NOTHING, SECOND, PLACE = BESIDE = ("nothing", "second model", "another place")
OWN, TURNED = VERTICES = ("the model's own", "best rotation")
VERTICES_HELP = (
    "The model's own frame, to which its training pulls the classes, or an ideal frame turned to lie as near to the "
    "class means as it can."
)
MOST_ROOMS = 300


@dataclass(frozen=True)
class Choice:
    """What the page's controls say.

    Attributes:
        task: whose classes.
        place: of ``PLACES``.
        rooms: held-out rooms that are pooled; 0 for the current image alone.
        beside: of ``BESIDE``.
        other: the place that stands beside the first one, if any.
        own: vertices are the model's own where it has some.
    """

    task: str
    place: str
    rooms: int
    beside: str
    other: str
    own: bool = True

    def views(self) -> list[tuple[Engine, View]]:
        """The sides that are asked for, as models and what to look at in each."""
        first, second = state.engine("a"), state.engine("b")
        if self.beside == SECOND:
            names = _apart(first.card, second.card)
            return [(engine, View(key, name, self.task, self.place))
                    for engine, key, name in zip((first, second), "ab", names, strict=True)]  # fmt: skip
        if self.beside == PLACE:
            return [(first, View(key, f"{first.card.title}, {PLACE_TITLES[place]}", self.task, place))
                    for key, place in (("a", self.place), ("b", self.other))]  # fmt: skip
        return [(first, View("a", first.card.title, self.task, self.place))]


def class_tasks(card: ModelCard) -> list[Task]:
    """The tasks of a model that have classes."""
    return [task for task in card.tasks if task.kind == "classes"]


def choose(card: ModelCard) -> Choice:
    """The controls of the page, in one row.

    Args:
        card: of the first model; it has a task with classes.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        task = linked.buttons("Task", [task.name for task in class_tasks(card)], "etf_task")
        place = PLACE_OF[
            linked.select("Place", list(PLACE_OF), "etf_place", start="interaction input", hint=PLACE_HELP)
        ]
        images = linked.buttons("Classes of", IMAGES, "etf_images", hint="A set: held-out rooms, pooled.")
        rooms = 0
        if images == SET:
            state.check_query_number("etf_rooms", 2, MOST_ROOMS)
            rooms = int(st.number_input(f"Rooms (2 to {MOST_ROOMS})", 2, MOST_ROOMS, 50, key="etf_rooms", width=120,
                                        **linked.LINKED))  # fmt: skip
        beside = linked.select("Beside it", BESIDE, "etf_beside", width=150)
        other = ""
        if beside == PLACE:
            start = PLACE_TITLES["interaction_input" if place == "task_encoder" else "task_encoder"]
            other = PLACE_OF[linked.select("Other place", [one for one in PLACE_OF if PLACE_OF[one] != place],
                                           "etf_other", start=start)]  # fmt: skip
        choice = Choice(task, place, rooms, beside, other)
        if any(own_frame(engine, task, view.place) is not None for engine, view in choice.views()):
            chosen = linked.select("Vertices", VERTICES, "etf_vertices", hint=VERTICES_HELP, width=150)
            choice = replace(choice, own=chosen == OWN)
    return choice


def image_sides(choice: Choice) -> list[Side]:
    """The sides of a choice for the current image."""
    found = [image_side(engine, view) for engine, view in choice.views()]
    return [replace(side, own=choice.own) for side in found if side is not None]


def remarks(choice: Choice) -> None:
    """What the controls ask for and the models do not have."""
    engines = {engine.card.name: engine for engine, _ in choice.views()}
    for engine in engines.values():
        card = engine.card
        if choice.task not in [task.name for task in card.tasks]:
            st.info(
                f"{panels.plain(card.title)} does not predict {choice.task.replace('_', ' ')}; choose another second "
                "model in the sidebar.", icon=":material/info:",
            )  # fmt: skip
        if card.architecture.interaction == "none" and choice.place.startswith("interaction"):
            st.caption(
                f"{panels.plain(card.title)} has no interaction: its input and output are the task encoder's output."
            )


def without_classes(card: ModelCard) -> None:
    """Why the page is empty for a model without classes, and a way out."""
    panels.empty(
        f"{panels.plain(card.title)} predicts {', '.join(task.title.lower() for task in card.tasks)}: none of them "
        "has classes, and a frame of equal angles is about classes.",
        "Choose a model with a segmentation task; the image stays.",
    )
    others = [name for name in state.model_names() if class_tasks(state.card(name))]
    for name in others[:3]:
        st.button(f"Use {state.card(name).title}", key=f"etf_use_{name}", on_click=_use, args=(name,),
                  icon=":material/change_history:")  # fmt: skip


def too_few(side: Side, on_set: bool) -> None:
    """Why a side is empty that has fewer than two classes, and what would fill it."""
    names = [side.task.class_names[label] for label in side.cloud.present]
    found = f"only one class, {names[0]}" if names else "no class"
    where = f"These {side.cloud.images} rooms hold" if on_set else "This image holds"
    panels.empty(
        f"**{where} {found}** of {side.task.title.lower()} that fills a token, and an angle needs two classes.",
        "Pool more rooms." if on_set else "Choose another image, or pool held-out rooms, which hold all classes.",
    )
    if not on_set:
        st.button("Pool held-out rooms", key="etf_pool", on_click=_pool, type="primary", icon=":material/stacks:")


def _pool() -> None:
    st.session_state["etf_images"] = SET


def _use(name: str) -> None:
    st.session_state[state.MODEL_KEYS["a"]] = name


def _apart(first: ModelCard, second: ModelCard) -> tuple[str, str]:
    """Names of two models that differ."""
    if first.name == second.name:
        return f"{first.title} (A)", f"{second.title} (B)"
    return (first.title, second.title) if first.title != second.title else (first.name, second.name)
