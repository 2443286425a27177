"""What one pass gives back: predictions, trace, and what made them."""

import platform
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from mtlviz.checkpoints import ModelCard
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.errors import CapabilityError, OptionError
from mtlviz.predictions import Prediction, predict_at_source
from mtlviz.trace import FeatureTrace, Trace


@dataclass(frozen=True)
class Provenance:
    """What made a result: enough to make it again."""

    model: str
    weights_sha256: str
    trained: str
    image: str
    image_sha256: str
    input_size: tuple[int, int]
    device: str
    dtype: str
    seed: int
    edit: dict[str, Any]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def stamp(self) -> str:
        """One line for a figure or a file."""
        edits = ", ".join(f"{key}={value}" for key, value in self.edit.items())
        return (
            f"mtlviz {self.versions['mtlviz']} | {self.model} ({self.trained}, weights {self.weights_sha256[:12]}) | "
            f"{self.image} ({self.image_sha256[:12]}) at {self.input_size[0]}x{self.input_size[1]} | "
            f"{self.device} {self.dtype} | torch {self.versions['torch']}" + (f" | edit {edits}" if edits else "")
        )


@dataclass(frozen=True, eq=False)
class Run:
    """One image through one network.

    Attributes:
        sample: the image as it was given.
        card: of the network.
        outputs: by task ``(C, H, W)`` float32 at model resolution: logits, metres or unit vectors.
        letterbox: how the image was fitted into the model's input.
        trace: what was recorded, as CPU arrays.
        seconds: of the forward pass alone.
        notes: what a user should know about this run, e.g. that it fell back to the CPU.
        provenance: what made it.
    """

    sample: Sample
    card: ModelCard
    outputs: dict[str, Float[np.ndarray, "C H W"]]
    letterbox: Letterbox
    trace: Trace
    seconds: float
    notes: tuple[str, ...]
    provenance: Provenance
    _predictions: dict[str, Prediction] = field(default_factory=dict, init=False, repr=False)

    @property
    def features(self) -> FeatureTrace:
        """What was recorded of the features.

        Raises:
            CapabilityError: if the model records none.
            ValueError: if they were not asked for.
        """
        if self.trace.features is not None:
            return self.trace.features
        if self.card.capabilities is not None and not self.card.capabilities.features:
            raise CapabilityError(
                f"{self.card.title} does not record its features, as its card says; choose another model in its place."
            )
        raise ValueError("the run recorded no features; run the engine with Capture(features=True)")

    def prediction(self, task: str) -> Prediction:
        """What the network says about one task, at the image's own resolution.

        Raises:
            OptionError: if the model does not predict the task.
        """
        if task not in self.outputs:
            raise OptionError(f"Model {self.card.name!r} does not predict {task!r}; it has {', '.join(self.outputs)}.")
        if task not in self._predictions:
            self._predictions[task] = predict_at_source(self.card.task(task), self.outputs[task], self.letterbox)
        return self._predictions[task]


@cache
def library_versions() -> dict[str, str]:
    """Versions of what takes part in a result."""
    from mtlviz import __version__

    return {"mtlviz": __version__, "python": platform.python_version(), "torch": torch.__version__,
            "numpy": version("numpy"), "pillow": version("pillow")}  # fmt: skip
