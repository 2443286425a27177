"""Disturbances of the current image: what every model's other tasks make of them."""

from collections.abc import Collection, Sequence

import streamlit as st
from threadpoolctl import threadpool_limits

from mtlviz.analysis.noise.doses import (
    FEATURES,
    RECORDED,
    Dose,
    Material,
    Row,
    can_apply,
    dose_effects,
    dose_grid,
    features_of,
    task_features,
)
from mtlviz.analysis.noise.oracles import Labels
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Run
from mtlviz.errors import DataError
from mtlviz.ui import state
from mtlviz.ui.noise.page import Side
from mtlviz.ui.sources import photograph, room

LARGEST_SEED = 999
NOT_LIVE = ("oracle", "repeated")
"""Kinds that are no disturbance, or that take several passes for one number."""


def other_image() -> Sample:
    """The image whose features are swapped in: room 0, for that room itself room 1; a photograph without rooms."""
    try:
        first = room(0)
        return room(1) if state.image().name == first.name else first
    except DataError:
        return photograph("flower" if state.image().name != "flower" else "china")


def doses_of(side: Side, tasks: Collection[str]) -> tuple[Dose, ...]:
    """The disturbances that a model can be given: of the features of these tasks, and of none in particular."""
    grid = dose_grid(side.card.tasks)
    return tuple(dose for dose in grid if dose.kind not in NOT_LIVE and dose.task in ("", *tasks) and _can(side, dose))


def oracles_of(side: Side) -> tuple[Dose, ...]:
    """The experiments that restrict reading to relevant tokens, as far as model and image allow them."""
    grid = dose_grid(side.card.tasks)
    return tuple(dose for dose in grid if dose.kind == "oracle" and side.labels and _can(side, dose))


def effects(side: Side, doses: Sequence[Dose], seed: int) -> dict[str, Row]:
    """By experiment, what it did to the tasks that were not disturbed.

    Args:
        side: the model on the current image.
        doses: that it can be given.
        seed: of the draws.
    """
    if not doses:
        return {}
    engine, other = side.model.engine, other_image()
    clean, beside = state.run(engine, capture=RECORDED), state.run(engine, other, capture=FEATURES)
    made = clean.provenance  # of the model itself: a negative control is not disturbed
    found: dict[str, Row] = {}
    for task in dict.fromkeys(dose.task for dose in doses):  # a task more costs its own experiments alone
        own = tuple(dose for dose in doses if dose.task == task)
        key = (made.weights_sha256, made.image_sha256, made.image, other.name, str(seed), *side.known,
               *(dose.key for dose in own))  # fmt: skip
        found |= _effects(engine, clean, beside, own, side.labels, seed, key)
    return found


def _can(side: Side, dose: Dose) -> bool:
    return can_apply(side.model.engine, dose)


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=64, show_spinner="Disturbing the features; this usually takes about a second.")
def _effects(
    _engine: Engine,
    _clean: Run,
    _beside: Run,
    _doses: tuple[Dose, ...],
    _labels: Labels,
    seed: int,
    key: tuple[str, ...],
) -> dict[str, Row]:
    others = task_features(features_of(_beside))
    material = Material(seed, features_of(_clean).layout.tokens, others, _labels)
    with threadpool_limits(1, user_api="blas"):
        return dose_effects(_engine, _clean, _doses, material)
