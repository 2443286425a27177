"""One side of the ETF page: a model at a place, with the classes of one image or of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.class_cloud import ClassCloud, Clouds, run_clouds
from mtlviz.analysis.class_pool import ClassPool
from mtlviz.analysis.etf_chance import Chance, chance
from mtlviz.analysis.etf_geometry import ClassGeometry, Vertices, class_geometry, fitted_vertices, frame_vertices
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Engine, Provenance, Run
from mtlviz.plots.etf import Named
from mtlviz.tasks import Task
from mtlviz.trace import Capture, EtfTrace, SlotTrace
from mtlviz.ui import state

FEATURES = Capture(features=True)


@dataclass(frozen=True)
class View:
    """What a side looks at.

    Attributes:
        key: ``a`` or ``b``, unique on the page.
        title: short name, unlike the other side's.
        task: whose classes.
        place: of ``PLACES``.
    """

    key: str
    title: str
    task: str
    place: str


@dataclass(frozen=True)
class Side:
    """One model at one place: its classes and what they look like from their centre.

    Attributes:
        view: what it looks at.
        card: of the model.
        cloud: features by class.
        blocks: its sums in parts of a few images each, for the spread; empty for one image.
        frame: ``(E, C)`` vertices of all classes of the task, where the model has them at this place.
        provenance: of the runs behind it.
        own: take the model's own frame where there is one.
    """

    view: View
    card: ModelCard
    cloud: ClassCloud
    blocks: tuple[ClassCloud, ...]
    frame: Float[np.ndarray, "E C"] | None
    provenance: tuple[Provenance, ...]
    own: bool = True

    @property
    def title(self) -> str:
        """Short name, unlike the other side's."""
        return self.view.title

    @property
    def task(self) -> Task:
        """Whose classes."""
        return self.card.task(self.view.task)

    @cached_property
    def shown(self) -> Named:
        """The present classes as they are drawn."""
        return Named.of(self.task.class_names, self.task.palette, self.cloud.present.tolist())

    @cached_property
    def geometry(self) -> ClassGeometry | None:
        """Their means from their centre; None where there are fewer than two."""
        return class_geometry(self.cloud.means) if len(self.cloud.present) > 1 else None

    @cached_property
    def vertices(self) -> Vertices | None:
        """The vertex of each present class; None where equal angles do not fit."""
        if self.geometry is None:
            return None
        if self.own and self.frame is not None:
            return frame_vertices(self.frame, self.cloud.present)
        return fitted_vertices(self.geometry.centred)

    @cached_property
    def vertex_angles(self) -> Float[np.ndarray, " K"] | None:
        """Degrees between each present class and its vertex; None where there is no vertex."""
        if self.geometry is None or self.vertices is None:
            return None
        return self.vertices.angles(self.geometry.centred)

    @property
    def width(self) -> int:
        """E, the dimensions of the features."""
        return int(self.cloud.sums.shape[1])

    @property
    def chance(self) -> Chance:
        """What random class means would give for as many classes and dimensions."""
        return _chance(len(self.cloud.present), self.width)


def image_side(engine: Engine, view: View) -> Side | None:
    """A model at a place on the current image; None if it does not predict the task."""
    run = state.run(engine, capture=FEATURES)
    if view.task not in run.outputs:
        return None
    labels = ",".join(sorted(run.sample.labels))
    clouds = _image_clouds(run, (engine.card.weights_sha256, run.provenance.image_sha256, run.sample.name, labels))
    return Side(
        view, engine.card, clouds[view.task, view.place], (), own_frame(engine, view.task, view.place),
        (run.provenance,),
    )  # fmt: skip


def pooled_side(engine: Engine, view: View, pool: ClassPool, provenance: Sequence[Provenance]) -> Side:
    """A model at a place over many images.

    Args:
        engine: the model.
        view: what to look at.
        pool: of at least one image.
        provenance: one an image.
    """
    whole, groups = pool.at(view.task, view.place)
    return Side(view, engine.card, whole, groups, own_frame(engine, view.task, view.place), tuple(provenance))


def projection(engine: Engine) -> EtfTrace | None:
    """The frame that a model projects onto, and its tokens on the current image; None for other models."""
    trace = state.run(engine, capture=FEATURES).trace.interaction
    return trace.projection if isinstance(trace, SlotTrace) else None


def own_frame(engine: Engine, task: str, place: str) -> Float[np.ndarray, "E C"] | None:
    """Vertices of all classes of a task, where a model has them: in the space that its interaction compares in."""
    found = projection(engine) if place == "interaction_input" else None
    if found is None or task not in found.frame_tasks:
        return None
    index = found.frame_tasks.index(task)
    start = sum(found.frame_sizes[:index])
    return np.asarray(found.vertices)[:, start : start + found.frame_sizes[index]]


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=32, show_spinner=False)
def _image_clouds(_run: Run, key: tuple[str, ...]) -> Clouds:
    return run_clouds(_run)


@st.cache_data(max_entries=128, show_spinner=False)
def _chance(classes: int, width: int) -> Chance:
    return chance(classes, width)
