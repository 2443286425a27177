"""What the Attribution page explains: a target on the image, a method, and the models that are asked."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from mtlviz.analysis.attribution.baselines import BASELINES
from mtlviz.analysis.attribution.explain import check_method, possible_features
from mtlviz.analysis.attribution.request import (
    GRAD_CAM,
    INTEGRATED,
    METHODS,
    NODES,
    OCCLUSION,
    OF_METHOD,
    PIXELS,
    SALIENCY,
    SHAPLEY,
    SLOTS,
    START,
    SUPERPIXELS,
    TASKS,
    Request,
)
from mtlviz.analysis.attribution.targets import AXES, WHERES, Target, predicted_classes, scalar, scene_task
from mtlviz.engine import Engine, Run
from mtlviz.errors import OptionError
from mtlviz.ui import negative_controls, pick, state
from mtlviz.ui.linked import LINKED

QUESTION = "Which pixels, slots or tasks is this prediction owed to?"
PREDICTED = "predicted"
"""Every pixel's logit is that of the class predicted there."""
CONTROLS = ("random weights",)
LONGEST_BOX = 12


@dataclass(frozen=True, eq=False)
class Side:
    """One model that is asked.

    Attributes:
        index: 0 for A, 1 for B.
        title: unlike the other side's.
        engine: the model, or its negative control.
        run: its pass over the image.
        request: what is asked of it.
        why: a sentence, where it cannot answer.
        real: the model itself, where ``engine`` is a negative control.
    """

    index: int
    title: str
    engine: Engine
    run: Run
    request: Request
    why: str = ""
    real: Engine | None = None


@dataclass(frozen=True)
class View:
    """What the controls say.

    Attributes:
        sides: the models.
        picked: the token.
        by_pixel: show single pixels instead of tokens.
        opacity: of the strongest colour.
    """

    sides: tuple[Side, ...]
    picked: pick.Token
    by_pixel: bool
    opacity: float

    @property
    def request(self) -> Request:
        """What is asked of the first model."""
        return self.sides[0].request


def choose() -> View:
    """The page's controls."""
    first = state.run(state.engine("a"))
    picked = pick.token(first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        target = _target(first, picked)
        method = _one_of("attribution_method", "Method", METHODS, 180)
        features = _one_of("attribution_features", "Owed to", OF_METHOD[method], 125)
        instead = _baseline(method, features)
        cards = {name: state.card(name) for name in _names()}
        control = negative_controls.choose(*cards.values(), only=CONTROLS)
        with st.popover("Options", icon=":material/tune:"):
            request = _request(target, method, features, instead)
            by_pixel, opacity = _looks(features)
    titles = [card.title for card in cards.values()]
    titles = titles if len(set(titles)) == len(titles) else list(cards)
    sides = [
        _side(index, title, state.engine_named(name), control, request)
        for index, (name, title) in enumerate(zip(cards, titles, strict=True))
    ]
    return View(tuple(sides), picked, by_pixel, opacity)


def _names() -> list[str]:
    return list(dict.fromkeys([state.model_name("a"), state.model_name("b")]))


def _side(index: int, title: str, own: Engine, control: negative_controls.Choice, request: Request) -> Side:
    engine = negative_controls.engine(own, control)
    run, why = state.run(engine), ""
    can = possible_features(engine)
    if request.features not in can:
        why = {
            SLOTS: f"{title} has no memory slots, so nothing can be owed to them.",
            TASKS: f"In {title} no task reads another one, so nothing can be owed to other tasks.",
        }[request.features]
    else:
        try:
            check_method(engine.card, request.method)
            scalar(request.target, engine.card, run.outputs, run.letterbox)
        except OptionError as error:
            why = str(error)
    return Side(index, title, engine, run, request, why, own if control.on else None)


def _target(run: Run, picked: pick.Token) -> Target:
    """Where, and which number there."""
    card = run.card
    scene = scene_task(card, picked.task)
    wheres = [where for where in WHERES if where != "class" or scene is not None]
    where = _one_of("attribution_where", "Target", wheres, 95)
    label, channel, axis, box = None, None, AXES[2], None
    if where == "box":
        side = _number("attribution_box", "Box side (tokens)", 1, LONGEST_BOX, 5, width=150)
        box = _box(run, picked, side)
    if where == "class" and scene is not None:
        found = predicted_classes(card, picked.task, run.outputs, run.letterbox)
        names = {scene.class_names[one]: one for one in found}
        label = names[_one_of("attribution_region", "Region predicted as", list(names), 150)]
    task = card.task(picked.task)
    if task.kind == "classes" and where != "class":
        asked = _one_of("attribution_logit", "Logit of", (PREDICTED, *task.class_names), 120)
        channel = None if asked == PREDICTED else task.class_names.index(asked)
    if task.kind == "normals":
        axis = _one_of("attribution_axis", "Leaning towards", (AXES[2], *AXES[:2]), 130)
    return Target(picked.task, where, picked.place, box, label, channel, axis)


def _box(run: Run, picked: pick.Token, side: int) -> tuple[int, int, int, int]:
    """Source pixels of a square of tokens around the picked one, cut at the border of the image."""
    geometry, edges = state.geometry(run), []
    for axis, index in enumerate(picked.place):
        low = geometry.origin[axis] + (index - (side - 1) // 2) * geometry.cell[axis]
        edges.append((max(0, round(low)), min(geometry.size[axis], round(low + side * geometry.cell[axis]))))
    return edges[0][0], edges[1][0], edges[0][1], edges[1][1]


def _baseline(method: str, features: str) -> str:
    """What takes the place of what is taken away; slots and tasks are switched off instead."""
    if features in (SLOTS, TASKS):
        return next(iter(BASELINES))
    said = " ".join(f"**{name}**: {what}." for name, what in BASELINES.items())
    said = f"What takes the place of what is taken away. {said}"
    only = "" if method not in (SALIENCY, GRAD_CAM) else " This method needs none; its test below does."
    return _one_of("attribution_baseline", "Baseline", list(BASELINES), 110, said + only)


def _request(target: Target, method: str, features: str, instead: str) -> Request:
    """The method's own options."""
    options: dict[str, Any] = {}
    if method == INTEGRATED:
        options["steps"] = _number(
            "attribution_steps", "Steps on the path", NODES * START, 1024, 256,
            "At most so many gradients; fewer where the sum is right sooner.",
        )  # fmt: skip
    if method == SHAPLEY and features != TASKS:
        options["samples"] = _number("attribution_samples", "Random orders", 2, 100, 12)
    if features == SUPERPIXELS:
        options["parts"] = _number("attribution_parts", "Superpixels", 4, 200, 40)
    if method == OCCLUSION:
        options["window"] = _number("attribution_window", "Covered square (tokens)", 1, 8, 2)
    if method == GRAD_CAM:
        options["layer"] = _one_of("attribution_layer", "Layer", ("encoder", "task encoder"), None)
    options["seed"] = _number("attribution_seed", "Seed", 0, 999, 0, "Of noise and of random orders.")
    return Request(target, method, features, instead, **options)


def _looks(features: str) -> tuple[bool, float]:
    """How the map is drawn."""
    if features not in (PIXELS, SUPERPIXELS):
        return False, 0.95
    shown = "tokens"
    if features == PIXELS:
        shown = _one_of("attribution_show", "Colours", ("tokens", "single pixels"), None)
    state.check_query_number("attribution_opacity", 0.3, 1.0)
    opacity = st.slider("Opacity of the map", 0.3, 1.0, 0.95, 0.05, key="attribution_opacity", **LINKED)
    return shown != "tokens", float(opacity)


def _one_of(key: str, label: str, options: list[str] | tuple[str, ...], width: int | None, explained: str = "") -> str:
    state.check_query(key, options)
    if st.session_state.get(key, options[0]) not in options:  # of another method, task or model
        st.session_state[key] = options[0]
    chosen = st.selectbox(label, options, key=key, width=width or "stretch", help=explained or None, **LINKED)
    return chosen if chosen in options else options[0]


def _number(
    key: str, label: str, low: int, high: int, start: int, explained: str = "", width: int | None = None
) -> int:  # fmt: skip
    state.check_query_number(key, low, high)
    return int(
        st.number_input(f"{label} ({low} to {high})", low, high, start, key=key, help=explained or None,
                        width=width or "stretch", **LINKED)
    )  # fmt: skip
