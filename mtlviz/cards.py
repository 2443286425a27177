"""Cards: everything there is to know about a network apart from its weights."""

from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtlviz.edits import Edit
from mtlviz.models.interactions import OWN
from mtlviz.models.multitask import NetworkConfig
from mtlviz.tasks import Task

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

NAME_PATTERN = r"^(?!manifest$)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""Names of checkpoints, which become file names."""

MOST_TASKS = 64
Side = Annotated[int, Field(ge=1, le=8192)]
"""Pixels or tokens of a side; more would fill the memory with a single image."""

Part = Literal["network", "encoder"]
_EDITS = frozenset(field.name for field in fields(Edit))


class OwnArchitecture(BaseModel):
    """What stands in the place of a configuration on the card of a network that is not ours.

    Attributes:
        network: what it is, in a few words, e.g. the name of its class.
        interaction: always ``own``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    interaction: Literal["own"] = "own"

    @property
    def options(self) -> dict[str, Any]:
        """None that anything here could read."""
        return {}


class Capabilities(BaseModel):
    """What a network that is not ours can show and take; ours say it by their interaction.

    Attributes:
        trace: what its interaction records: ``slots`` (SlotTrace), ``attention`` (AttentionTrace), ``affinity``
            (AffinityTrace), or empty for nothing.
        features: it records its features at every place of ``mtlviz.trace.PLACES``.
        gradients: gradients reach the image, which the attribution methods that use them need.
        edits: fields of ``mtlviz.edits.Edit`` that it can apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trace: Literal["", "slots", "attention", "affinity"] = ""
    features: bool = False
    gradients: bool = False
    edits: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_edits(self) -> "Capabilities":
        if strange := sorted(set(self.edits) - _EDITS):
            raise ValueError(f"there is no edit {strange[0]!r}; name fields of mtlviz.edits.Edit")
        return self


class ModelCard(BaseModel):
    """Everything there is to know about a checkpoint apart from its weights.

    Attributes:
        name: file stem of the checkpoint.
        title: name shown to a person.
        summary: one sentence on what it is.
        part: a whole ``network``, or an ``encoder`` that networks start from.
        trained: on ``synthetic`` scenes, on ``real`` data, or not at all (``random``).
        architecture: the network's configuration, or what stands in its place for a network that is not ours.
        capabilities: what a network that is not ours can show and take; None for ours.
        tasks: what it predicts, in order.
        input_size: (H, W) in pixels.
        token_grid: (rows, columns) of one task's tokens.
        mean: of the RGB normalisation, on [0, 1].
        std: of the RGB normalisation.
        training: how it was trained, as the training configuration states it.
        data: what it was trained on.
        provenance: where the weights come from, for those that were not trained here.
        metrics: results by data set, as ``evaluate`` writes them.
        parameters: counts by part.
        operations: multiply-accumulates of one image by part.
        computation: which of several computations of its interaction runs; empty if there is one only.
        seed: of the training.
        versions: of the libraries it was trained with.
        licence: of the weights.
        weights_sha256: of the safetensors file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: str
    summary: str
    part: Part = "network"
    trained: Literal["synthetic", "real", "random"]
    architecture: NetworkConfig | OwnArchitecture
    capabilities: Capabilities | None = None
    tasks: Annotated[tuple[Task, ...], Field(max_length=MOST_TASKS)]
    input_size: tuple[Side, Side]
    token_grid: tuple[Side, Side]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    training: dict[str, Any] = {}
    data: str = ""
    provenance: str = ""
    metrics: dict[str, Any] = {}
    parameters: dict[str, int] = {}
    operations: dict[str, int] = {}
    computation: str = ""
    seed: int = 0
    versions: dict[str, str] = {}
    licence: str = "MIT"
    weights_sha256: str = ""

    @property
    def token_stride(self) -> int:
        """Pixels of the input between neighbouring tokens."""
        return self.input_size[0] // self.token_grid[0]

    @model_validator(mode="after")
    def _complete(self) -> "ModelCard":
        own = self.architecture.interaction == OWN
        if own != isinstance(self.architecture, OwnArchitecture) or own != (self.capabilities is not None):
            raise ValueError("an OwnArchitecture and capabilities belong together, and our own networks have neither")
        return self

    def task(self, name: str) -> Task:
        """The task of this name; ``KeyError`` if the model has none."""
        return {task.name: task for task in self.tasks}[name]
