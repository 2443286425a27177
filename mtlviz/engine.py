"""One loaded network, shared safely by any number of callers."""

import math
import platform
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from mtlviz.checkpoints import DEFAULT_FOLDER, ModelCard, load_checkpoint
from mtlviz.data.images import image_sha256
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import OptionError
from mtlviz.models.multitask import MultiTaskNetwork, token_mask
from mtlviz.models.weight_noise import noisy_copy, parameters_sha256
from mtlviz.predictions import Prediction, predict_at_source
from mtlviz.trace import INTERACTION, Capture, Trace, to_arrays

DEVICES = ("cuda", "mps", "cpu")


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


class Engine:
    """A verified network on a device, behind one lock."""

    def __init__(self, network: MultiTaskNetwork, card: ModelCard, device: str = "cpu") -> None:
        self.card = card
        self.device = device
        self._network = network
        self._lock = threading.RLock()
        self._noise: dict[str, Any] = {}

    def run(self, sample: Sample, *, capture: Capture | None = INTERACTION, edit: Edit | None = None) -> Run:
        """Predict every task of an image, and record what ``capture`` asks for.

        Args:
            sample: the image; its labels are not looked at.
            capture: what to record, by default the interaction's own trace; None records nothing.
            edit: intervention to apply.
        """
        letterbox = Letterbox(sample.size, self.card.input_size)
        image, mask = self._prepare(sample, letterbox)
        device, done = self.device, None
        notes: tuple[str, ...] = ()
        with self._lock:
            try:
                done = self._forward(image, mask, capture, edit, device)
            except RuntimeError as error:  # Apple's devices have no exception of their own for it
                if not isinstance(error, torch.OutOfMemoryError) and "out of memory" not in str(error):
                    raise
            if done is None:  # outside the handler, which would keep the failed pass's tensors alive
                device, notes = "cpu", (f"{self.device} ran out of memory; this run used the CPU.",)
                done = self._forward_on_cpu(image, mask, capture, edit)
        outputs, trace, seconds = done
        provenance = self._provenance(sample, device, edit)
        return Run(sample, self.card, outputs, letterbox, trace, seconds, notes, provenance)

    def effects(self, sample: Sample, edits: Sequence[Edit], *, full: bool = True) -> list[Run]:
        """One image under several edits, without traces; costs far less than a run an edit.

        Args:
            sample: the image; its labels are not looked at.
            edits: what to change, one run each.
            full: outputs at model resolution; False leaves them at stride 2, which is cheaper and enough to
                measure an effect, but not to call ``Run.prediction``.
        """
        letterbox = Letterbox(sample.size, self.card.input_size)
        image, mask = self._prepare(sample, letterbox)
        with self._lock, torch.inference_mode():
            image = image.to(self.device, memory_format=torch.channels_last)
            mask = None if mask is None else mask.to(self.device)
            start = time.perf_counter()
            outputs = {task: out.float().cpu().numpy() for task, out in
                       self._network.effects(image, edits, mask=mask, full=full).items()}  # fmt: skip
            seconds = (time.perf_counter() - start) / max(len(edits), 1)
        return [
            Run(
                sample, self.card, {task: out[index] for task, out in outputs.items()}, letterbox, Trace(), seconds,
                (), self._provenance(sample, self.device, edit),
            )
            for index, edit in enumerate(edits)
        ]  # fmt: skip

    def with_noise(self, sigma: float, seed: int = 0) -> "Engine":
        """A copy with Gaussian noise on its weights; this engine stays as it is.

        Its card and the provenance of its runs carry the hash of the weights that ran, and what they were made from.

        Args:
            sigma: standard deviation of the noise over that of each weight tensor, see ``noisy_copy``.
            seed: fixes the noise.

        Raises:
            OptionError: if ``sigma`` is negative or not a number.
        """
        if not 0 <= sigma < math.inf:
            raise OptionError(f"Weight noise {sigma} is not possible; give a number from 0 up, such as 0.02.")
        with self._lock:
            network = noisy_copy(self._network, sigma, seed)
        noisy = Engine(network, self.card, self.device)
        if sigma:
            noisy.card = self.card.model_copy(update={"weights_sha256": parameters_sha256(network)})
            made = {"weight_noise": sigma, "noise_seed": seed, "noise_on": self.card.weights_sha256}
            noisy._noise = {**self._noise, **made}
        return noisy

    def _prepare(self, sample: Sample, letterbox: Letterbox) -> tuple[Tensor, Tensor | None]:
        pixels = torch.from_numpy(letterbox.apply(sample.image)).permute(2, 0, 1)[None].float() / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.card.mean, self.card.std))
        inside = torch.from_numpy(letterbox.inside)[None]
        image = ((pixels - mean) / std) * inside[:, None]  # padding is the mean colour: zero
        mask = token_mask(inside)
        return image, None if bool(mask.all()) else mask

    def _forward(
        self, image: Tensor, mask: Tensor | None, capture: Capture | None, edit: Edit | None, device: str
    ) -> tuple[dict[str, np.ndarray], Trace, float]:
        with torch.inference_mode():
            image = image.to(device, memory_format=torch.channels_last)
            mask = None if mask is None else mask.to(device)
            start = time.perf_counter()
            outputs, trace, _ = self._network(image, mask=mask, capture=capture, edit=edit)
            if device != "cpu":
                torch.accelerator.synchronize()
            seconds = time.perf_counter() - start
            return (
                {task: out[0].float().cpu().numpy() for task, out in outputs.items()},
                to_arrays(trace),
                seconds,
            )

    def _forward_on_cpu(
        self, image: Tensor, mask: Tensor | None, capture: Capture | None, edit: Edit | None
    ) -> tuple[dict[str, np.ndarray], Trace, float]:
        if self.device == "cuda":
            torch.cuda.empty_cache()
        try:
            self._network.to("cpu")
            return self._forward(image, mask, capture, edit, "cpu")
        finally:
            self._network.to(self.device)

    def _provenance(self, sample: Sample, device: str, edit: Edit | None) -> Provenance:
        return Provenance(
            model=self.card.name,
            weights_sha256=self.card.weights_sha256,
            trained=self.card.trained,
            image=sample.name,
            image_sha256=image_sha256(sample),
            input_size=self.card.input_size,
            device=device,
            dtype="float32",
            seed=self.card.seed,
            edit=self._noise | ({} if edit is None else edit.described()),
            versions=library_versions(),
        )


def load(name: str = "kem", *, folder: Path = DEFAULT_FOLDER, device: str | None = None) -> Engine:
    """A shipped or own checkpoint, verified and ready to run.

    Args:
        name: of a checkpoint in ``folder``.
        folder: of checkpoints with their manifest.
        device: ``cuda``, ``mps`` or ``cpu``; by default the first of these that is there.

    Raises:
        CheckpointError: if the checkpoint is unknown, damaged or edited.
        OptionError: if the device is unknown or absent.
    """
    chosen = _choose_device(device)
    network, card = load_checkpoint(name, folder, chosen)
    return Engine(network, card, chosen)


def available_devices() -> tuple[str, ...]:
    """The devices of this machine, fastest first."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(device for device in DEVICES if there[device])


@cache
def library_versions() -> dict[str, str]:
    """Versions of what takes part in a result."""
    from mtlviz import __version__

    return {"mtlviz": __version__, "python": platform.python_version(), "torch": torch.__version__,
            "numpy": version("numpy"), "pillow": version("pillow")}  # fmt: skip


def _choose_device(device: str | None) -> str:
    there = available_devices()
    if device is None:
        return there[0]
    if device not in there:
        raise OptionError(f"Device {device!r} is not available here; choose one of {', '.join(there)}.")
    return device
