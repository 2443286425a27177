"""The embedding page's controls, and the tokens and colours that they ask for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import get_args

import streamlit as st

from mtlviz.analysis.controls import PAIRS, RANDOM, likeness_of_spaces
from mtlviz.analysis.token_cloud import TokenCloud, image_clouds
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Provenance, Run
from mtlviz.plots.embedding import Drag
from mtlviz.plots.maps import Geometry
from mtlviz.plots.token_colours import OWN, By, Colouring, by_class, by_error, by_slot, by_task
from mtlviz.trace import PLACES
from mtlviz.ui import linked, negative_controls, panels
from mtlviz.ui.embedding import image_set

THIS, SET = "this image", "a set"
CONTROLS = (RANDOM,)
"""Other slots, other places or no image leave nothing of which the colours on the map would still be true."""
ALL = "all"
BYS: tuple[By, ...] = get_args(By)
DRAGS: tuple[Drag, ...] = get_args(Drag)
DRAG_HELP = (
    "A click picks one token of the image; dragging a box or a lasso selects many, and a box can be drawn on the image "
    "too."
)
METHODS = ("PCA", "UMAP")
AXES = {"2-D": 2, "3-D": 3}
MOST = (2000, 5000, 10000, image_set.POOL)
"""How many tokens a map may draw."""
Key = tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """What the controls say.

    Attributes:
        tokens: of this image or of a set.
        place: in the network.
        task: whose tokens, or ``ALL``.
        by: what colours say.
        method: PCA or UMAP.
        axes: 2 or 3.
        drag: what dragging over the map does.
    """

    tokens: str
    place: str
    task: str
    by: By
    method: str
    axes: int
    drag: Drag


@dataclass(frozen=True, eq=False)
class Gathered:
    """The tokens of an image or a set at every place.

    Attributes:
        names: of the model's weights, with the labels of a single image, and of every image.
        clouds: by place all tokens that there are.
        run: of the image, where there is only one.
        read: an image by its index.
        input_size: of the model.
        provenance: one an image.
        real: the clouds of the model itself, where ``run`` is that of a negative control.
    """

    names: Key
    clouds: Mapping[str, TokenCloud]
    run: Run | None
    read: Callable[[int], Sample]
    input_size: tuple[int, int]
    provenance: tuple[Provenance, ...]
    real: Mapping[str, TokenCloud] | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """The tokens on the page.

    Attributes:
        key: names the tokens.
        cloud: the tokens.
        most: there may be.
        source: where they come from.
    """

    key: Key
    cloud: TokenCloud
    most: int
    source: Gathered

    @property
    def of(self) -> str:
        """Names the images."""
        return " ".join(self.source.names[1:])

    def geometry(self, sample: Sample) -> Geometry:
        """Where the tokens lie on an image."""
        return Geometry.of(Letterbox(sample.size, self.source.input_size), self.cloud.grid)


def choose(engine: Engine) -> Choice:
    """The controls of the page, to be drawn in one row."""
    tasks = [ALL, *(task.name for task in engine.card.tasks)]
    tokens = linked.buttons("Tokens of", (THIS, SET), "embedding_tokens", start=THIS)
    place = linked.select("Place in the network", PLACES, "embedding_place", start="interaction_output", width=190)
    task = linked.select("Task", tasks, "embedding_task", start=ALL, width=130)
    by = linked.buttons("Colour", BYS, "embedding_colour", start="class")
    method = linked.buttons("Map", METHODS, "embedding_map", start="PCA")
    axes = linked.buttons("Axes", tuple(AXES), "embedding_axes", start="2-D")
    drag = linked.buttons("Select by", DRAGS, "embedding_drag", start="click", hint=DRAG_HELP)
    return Choice(tokens, place, task, by, method, AXES[axes], drag)  # type: ignore[arg-type]


def gathered(engine: Engine, choice: Choice, control: negative_controls.Choice) -> Gathered | None:
    """The tokens of what the controls ask for; None as long as no set was run.

    Args:
        engine: the model.
        choice: what the controls say.
        control: what takes the model's place on a single image.
    """
    size = engine.card.input_size
    if choice.tokens == SET:
        negative_controls.not_of_sets(control)
        job = image_set.SECTION.done(engine)
        if job is None or job.kept is None:
            return None
        st.caption(job.said)
        used, read = job.used, job.images.read
        names = (engine.card.weights_sha256, job.images.what, *(stamp.image_sha256 for stamp in job.provenance))
        return Gathered(names, job.kept, None, lambda image: read(used[image]), size, job.provenance)
    run, real = negative_controls.run_beside(engine, control, image_set.FEATURES)
    own = None if real is None else _clouds(real, (*_names(real), real.provenance.device))
    clouds = _clouds(run, (*_names(run), run.provenance.device))
    return Gathered(_names(run), clouds, run, lambda _: run.sample, size, (run.provenance,), own)


def beside(source: Gathered, choice: Choice) -> None:
    """How much a negative control's space of features resembles the model's own; nothing for the model itself."""
    if source.real is not None:
        clouds = [one[choice.place] for one in (source.clouds, source.real)]
        first, second = (cloud if choice.task == ALL else cloud.of_task(choice.task) for cloud in clouds)
        negative_controls.say(_likeness(first, second, (*source.names, choice.place, choice.task)),
                              f"distances of {PAIRS:,} pairs of tokens in all features at this place")  # fmt: skip


def _names(run: Run) -> Key:
    stamp = run.provenance
    return f"{stamp.weights_sha256} {','.join(sorted(run.sample.labels))}", stamp.image_sha256, run.sample.name


def shown(source: Gathered, choice: Choice) -> Shown:
    """The tokens of the chosen place and task; how many is asked for where there are more than fit."""
    cloud, most = source.clouds[choice.place], MOST[-1]
    if cloud.total > MOST[0]:
        counts = [str(count) for count in MOST]
        most = int(linked.select("Most tokens", counts, "embedding_most", start="5000", width=120))
    key = (*source.names, choice.place, choice.task, str(most))
    return Shown(key, _drawn(cloud, choice.task, most, key), most, source)


def colouring(cloud: TokenCloud, by: By, class_task: str | None, error: str | None) -> Colouring:
    """The colours asked for; where they do not exist, a panel says why, and tokens have those of their tasks.

    Args:
        cloud: the tokens.
        by: what colours say.
        class_task: whose classes; None without any.
        error: whose errors; None without any.
    """
    if by == "class" and class_task is not None:
        return by_class(cloud, class_task)
    if by == "slot" and cloud.slots:
        return by_slot(cloud)
    if by == "error" and error is not None:
        return by_error(cloud, error)
    if by != "task":
        panels.empty(*_missing(cloud, by))
    return by_task(cloud)


def choose_classes(cloud: TokenCloud) -> str | None:
    """The task whose classes are meant, asked for where there are several; None where there are no classes."""
    names = cloud.class_tasks
    if len(names) < 2:
        return names[0] if names else None
    return linked.select("Classes of", names, "embedding_classes", start=names[0], width=170)


def choose_error(cloud: TokenCloud, by: By) -> str | None:
    """The task whose error colours show, asked for if they do; None where errors are unknown."""
    if by != "error" or not cloud.error_tasks:
        return None
    options = [*([] if cloud.shared else [OWN]), *cloud.error_tasks]
    return linked.select("Error of", options, "embedding_error", start=options[0], width=170)


def _missing(cloud: TokenCloud, by: By) -> tuple[str, str]:
    if by == "class":
        return ("There are no classes: the model predicts none, and the images carry none.",
                "Tokens have the colour of their task; a model with segmentation, or a room, fills this.")  # fmt: skip
    if by == "error":
        return ("Errors are unknown: these images have no ground truth.",
                "Tokens have the colour of their task; choose a held-out room to see errors.")  # fmt: skip
    if cloud.shared:
        return ("At the encoder all tasks share their features, and no slot is read yet.",
                "Choose a later place to see which slot every token reads most.")  # fmt: skip
    return ("This model has no memory slots.",
            "Tokens have the colour of their task; choose a model of the KEM family to see slots.")  # fmt: skip


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=8, show_spinner=False)
def _clouds(_run: Run, key: Key) -> dict[str, TokenCloud]:
    return image_clouds(_run)


@st.cache_data(max_entries=64, show_spinner=False)
def _likeness(_first: TokenCloud, _second: TokenCloud, key: Key) -> float:
    return likeness_of_spaces(_first.features, _second.features)


@st.cache_resource(max_entries=16, show_spinner=False)
def _drawn(_cloud: TokenCloud, task: str, most: int, key: Key) -> TokenCloud:
    return (_cloud if task == ALL else _cloud.of_task(task)).sample(most)
