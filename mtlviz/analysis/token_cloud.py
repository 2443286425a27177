"""Tokens of one image or many at one place in the network: their features, and everything known about each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Int, Shaped

from mtlviz.analysis.token_errors import token_errors
from mtlviz.analysis.token_labels import UNKNOWN, token_classes
from mtlviz.analysis.token_sample import least_a_stratum, stratified_sample, token_priorities
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample, valid_pixels
from mtlviz.engine import Run
from mtlviz.tasks import IGNORE, TASKS, Task
from mtlviz.trace import PLACES, FeatureTrace, InteractionTrace, SlotTrace

SHARED = "shared"
"""Stands for the task of tokens that belong to all of them."""
SEED = 0
"""Of the sample."""


@dataclass(frozen=True, eq=False)
class TokenCloud:
    """Tokens at one place.

    Attributes:
        place: one of ``PLACES``.
        groups: whose tokens there are: the tasks in token order, or ``SHARED`` alone.
        grid: (rows, columns) of the tokens of one task.
        images: names.
        total: tokens that these were drawn from, padding left out.
        slots: L of the model; 0 where it has none or tokens do not read them.
        features: ``(n, E)``.
        columns: by name one value a token: ``image``, ``group``, ``row`` and ``column``; ``priority`` in the sample;
            ``slot`` that it reads most (-1 without slots), ``weight`` with which it does, ``picked``, the slot that
            took it in most strongly (-1 for none); ``truth TASK`` and ``said TASK``, its class (-1 for none);
            ``error TASK``, NaN without ground truth.
        tasks: what the classes and errors mean; built-in tasks stand in for those that are not here.
    """

    place: str
    groups: tuple[str, ...]
    grid: tuple[int, int]
    images: tuple[str, ...]
    total: int
    slots: int
    features: Float32[np.ndarray, "n E"]
    columns: Mapping[str, Shaped[np.ndarray, " n"]]
    tasks: tuple[Task, ...] = ()

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.features)

    def __getitem__(self, name: str) -> Shaped[np.ndarray, " n"]:
        """One of ``columns``."""
        return self.columns[name]

    @property
    def shared(self) -> bool:
        """Whether tokens belong to no task of their own."""
        return self.groups == (SHARED,)

    @property
    def class_tasks(self) -> tuple[str, ...]:
        """Classification tasks whose classes some tokens have."""
        names = [name.removeprefix("said ") for name in self.columns if name.startswith("said ")]
        return tuple(name for name in names if (self.classes(name)[0] != UNKNOWN).any())

    @property
    def error_tasks(self) -> tuple[str, ...]:
        """Tasks whose errors some tokens have."""
        names = [name for name in self.columns if name.startswith("error ")]
        return tuple(name.removeprefix("error ") for name in names if np.isfinite(self[name]).any())

    def task(self, name: str) -> Task:
        """What the classes or errors of this name mean; ``KeyError`` if nobody knows."""
        return next((task for task in self.tasks if task.name == name), None) or TASKS[name]

    def classes(self, task: str) -> tuple[Int[np.ndarray, " n"], bool]:
        """The class of every token, and whether it is ground truth: predictions stand in where no token has one."""
        truth = self[f"truth {task}"]
        return (truth, True) if (truth != UNKNOWN).any() else (self[f"said {task}"], False)

    def take(self, chosen: Int[np.ndarray, " m"] | Bool[np.ndarray, " n"]) -> "TokenCloud":
        """Some of the tokens."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return replace(self, features=self.features[chosen], columns=columns)

    def of_task(self, task: str) -> "TokenCloud":
        """The tokens of one task; all where tasks share them."""
        if self.shared:
            return self
        chosen = self["group"] == self.groups.index(task)
        return replace(self.take(chosen), total=self.total // len(self.groups))

    def sample(self, most: int) -> "TokenCloud":
        """At most so many of the tokens, stratified by task and class."""
        strata, count = self._strata()
        return self.take(stratified_sample(self["priority"], strata, most, least_a_stratum(most, count)))

    def _strata(self) -> tuple[Int[np.ndarray, " n"], int]:
        """The stratum of every token, and how many there may be."""
        code, count = self["group"].astype(np.int64), len(self.groups)
        for task in self.class_tasks:
            classes = self.task(task).channels + 1
            code, count = code * classes + self.classes(task)[0] + 1, count * classes
        return code, count


def image_clouds(run: Run, seed: int = SEED) -> dict[str, TokenCloud]:
    """By place all tokens of one image, padding left out.

    Args:
        run: with its features recorded (``Capture(features=True)``).
        seed: of the numbers by which a sample is drawn.

    Raises:
        CapabilityError: if the model records no features.
        ValueError: if they were not asked for.
    """
    trace = run.features
    known = {grid: _known(run, grid) for grid in set(trace.grids.values())}
    return {place: _at_place(run, trace, place, known[trace.grids[place]], seed) for place in PLACES}


def merged(clouds: Sequence[TokenCloud]) -> TokenCloud:
    """The tokens of several sets of images as one; their images are counted on.

    Raises:
        ValueError: if they come from different places or models.
    """
    first = clouds[0]
    alike = {(cloud.place, cloud.groups, cloud.features.shape[1], cloud.grid) for cloud in clouds}
    if len(alike) > 1:
        raise ValueError(f"tokens of {len(alike)} different places or models cannot be put into one cloud")
    names = [name for name in first.columns if all(name in cloud.columns for cloud in clouds)]
    columns = {name: np.concatenate([cloud[name] for cloud in clouds]) for name in names}
    starts = np.cumsum([0, *(len(cloud.images) for cloud in clouds)])
    columns["image"] = np.concatenate(
        [cloud["image"] + start for cloud, start in zip(clouds, starts, strict=False)]
    ).astype(np.int32)
    return replace(
        first,
        images=tuple(name for cloud in clouds for name in cloud.images),
        total=sum(cloud.total for cloud in clouds),
        features=np.concatenate([cloud.features for cloud in clouds]),
        columns=columns,
    )


def own_error(cloud: TokenCloud) -> Float32[np.ndarray, " n"]:
    """The error of every token's own task, in that task's unit; NaN where it has none."""
    found = np.full(len(cloud), np.nan, np.float32)
    for index, task in enumerate(cloud.groups):
        if f"error {task}" in cloud.columns:
            found = np.where(cloud["group"] == index, cloud[f"error {task}"], found)
    return found


def own_rank(cloud: TokenCloud) -> Float32[np.ndarray, " n"]:
    """Where the error of every token's own task stands among the tokens of that task: 0 the best, 1 the worst."""
    from scipy.stats import rankdata

    errors, ranks = own_error(cloud), np.full(len(cloud), np.nan, np.float32)
    for index in range(len(cloud.groups)):
        members = np.flatnonzero((cloud["group"] == index) & np.isfinite(errors))
        if len(members) > 1:
            ranks[members] = (rankdata(errors[members]) - 1) / (len(members) - 1)
    return ranks


def _at_place(run: Run, trace: FeatureTrace, place: str, known: Mapping[str, np.ndarray], seed: int) -> TokenCloud:
    features = np.asarray(trace.places[place], np.float32)  # (G, n, E)
    tasks, grid = trace.layout.tasks, trace.grids[place]
    groups = (SHARED,) if place == "encoder" else tasks
    inside = np.flatnonzero(_inside(run.letterbox, grid))
    repeated = np.tile(inside, len(groups))
    group = np.repeat(np.arange(len(groups)), len(inside))
    columns: dict[str, np.ndarray] = {
        "image": np.zeros(len(group), np.int32),
        "group": group.astype(np.int16),
        "row": (repeated // grid[1]).astype(np.int16),
        "column": (repeated % grid[1]).astype(np.int16),
        "priority": token_priorities(len(group), seed, run.provenance.image_sha256),
        **{name: values[repeated] for name, values in known.items()},
    }
    read = run.trace.interaction if place != "encoder" else None
    slots = len(read.picks) if isinstance(read, SlotTrace) else 0
    columns.update(_slots(read, columns, grid))
    rows = features[:, inside].reshape(len(group), -1)
    return TokenCloud(place, groups, grid, (run.sample.name,), len(group), slots, rows, columns, run.card.tasks)


def _known(run: Run, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """What is known about every cell of a grid, whatever the task of its token."""
    found: dict[str, np.ndarray] = {}
    stride, box = run.card.input_size[0] // grid[0], run.letterbox.box
    nothing = np.full(grid[0] * grid[1], UNKNOWN, np.int16)
    for name, task in _class_tasks(run).items():
        labels = None
        if name in run.sample.labels:
            labels = np.where(valid_pixels(run.sample, task), run.sample.labels[name], np.uint8(IGNORE))
        said = run.prediction(name).values if name in run.outputs else None
        found[f"truth {name}"] = nothing if labels is None else token_classes(labels, box, grid, stride)
        found[f"said {name}"] = nothing if said is None else token_classes(said, box, grid, stride)
    errors = {f"error {name}": values for name, values in token_errors(run, grid).items()}
    return {**found, **errors}


def _class_tasks(run: Run) -> dict[str, Task]:
    """Classification tasks of the model, else the built-in ones that the image has labels of."""
    predicted = {task.name: task for task in run.card.tasks if task.kind == "classes"}
    return predicted or {name: TASKS[name] for name in run.sample.labels if _built_in(run.sample, name)}


def _built_in(sample: Sample, name: str) -> bool:
    """Whether labels can be classes of the built-in task of their name; those of other data sets may have more."""
    task = TASKS.get(name)
    if task is None or task.kind != "classes":
        return False
    known = sample.labels[name][valid_pixels(sample, task)]
    return bool((known < task.channels).all())


def _slots(
    trace: InteractionTrace | None, columns: Mapping[str, np.ndarray], grid: tuple[int, int]
) -> dict[str, np.ndarray]:
    """The slot that every token reads most and the slot that took it in; finer cells have that of their token."""
    count = len(columns["row"])
    if not isinstance(trace, SlotTrace):
        nothing = np.full(count, UNKNOWN, np.int16)
        return {"slot": nothing, "weight": np.full(count, np.nan, np.float32), "picked": nothing}
    layout = trace.layout
    row = columns["row"].astype(np.int64) * layout.grid[0] // grid[0]
    column = columns["column"].astype(np.int64) * layout.grid[1] // grid[1]
    token = columns["group"] * layout.tokens_per_task + row * layout.grid[1] + column
    write, picks, weights = (np.asarray(part) for part in (trace.write, trace.picks, trace.weights))
    picked, strongest = np.full(layout.tokens, UNKNOWN, np.int16), np.full(layout.tokens, -1.0)
    for slot, rank in np.argwhere(picks >= 0):
        if weights[slot, rank] > strongest[picks[slot, rank]]:
            strongest[picks[slot, rank]], picked[picks[slot, rank]] = weights[slot, rank], slot
    return {
        "slot": write.argmax(1).astype(np.int16)[token],
        "weight": write.max(1).astype(np.float32)[token],
        "picked": picked[token],
    }


def _inside(letterbox: Letterbox, grid: tuple[int, int]) -> Bool[np.ndarray, " N"]:
    """Cells that cover at least one pixel of the image."""
    rows, columns = grid
    blocks = letterbox.inside.reshape(rows, letterbox.target[0] // rows, columns, letterbox.target[1] // columns)
    covered: Bool[np.ndarray, " N"] = blocks.any((1, 3)).ravel()
    return covered
