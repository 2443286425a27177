"""One loaded network, shared safely by any number of callers."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtlviz.adapters.network import AdaptedNetwork, redrawn_copy
from mtlviz.catalogue import load_network
from mtlviz.checkpoints import DEFAULT_FOLDER, Folders, ModelCard, OwnArchitecture
from mtlviz.data.images import image_sha256
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import CapabilityError, OptionError
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.models.network import Network
from mtlviz.models.random_weights import random_network
from mtlviz.models.weight_noise import noisy_copy, parameters_sha256
from mtlviz.prepared import Prepared, prepared
from mtlviz.runs import Provenance, Run, library_versions
from mtlviz.trace import INTERACTION, Capture, Trace, to_arrays

DEVICES = ("cuda", "mps", "cpu")
__all__ = ["DEVICES", "Engine", "Prepared", "Provenance", "Run", "available_devices", "library_versions", "load"]


class Engine:
    """A verified network on a device, behind one lock."""

    def __init__(self, network: Network, card: ModelCard, device: str = "cpu") -> None:
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
        image, mask, letterbox = self._prepare(sample)
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
        image, mask, letterbox = self._prepare(sample)
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

    def allows(self, edit: Edit) -> bool:
        """Whether the interaction, with its options, can apply the edit."""
        try:
            self._network.check(edit)
        except OptionError:
            return False
        return True

    def prepared(self, sample: Sample) -> Prepared:
        """An image as the network receives it."""
        return Prepared(*self._prepare(sample)).to(self.device)

    @contextmanager
    def alone(self) -> Iterator[Network]:
        """The network itself while every other caller waits, for what needs gradients; leave it as it was."""
        with self._lock:
            yield self._network

    @contextmanager
    def parts(self) -> Iterator[MultiTaskNetwork]:
        """As ``alone``, for what looks into the parts of a network of ours.

        Raises:
            CapabilityError: if the network is not ours.
        """
        if not isinstance(self._network, MultiTaskNetwork):
            raise CapabilityError(
                f"{self.card.title} comes from an adapter, so its parts are not known here; choose another model."
            )
        with self._lock:
            yield self._network

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

    def with_random_weights(self, seed: int = 0) -> "Engine":
        """The same architecture with weights drawn at random; this engine stays as it is.

        Its card says that it is not trained, and like the provenance of its runs carries the hash of the weights that
        ran; see ``random_network``.

        Args:
            seed: fixes the weights.
        """
        network: Network
        if isinstance(self.card.architecture, OwnArchitecture):
            with self._lock:
                network = redrawn_copy(self._network, self.card.input_size, seed)
        else:
            network = random_network(self.card.architecture, self.card.tasks, self.card.input_size, seed)
        network = network.to(self.device)
        changed = {"trained": "random", "weights_sha256": parameters_sha256(network), "seed": seed, "metrics": {}}
        drawn = Engine(network, self.card.model_copy(update=changed), self.device)
        drawn._noise = {"random_weights": seed, "in_place_of": self.card.weights_sha256}
        return drawn

    def _prepare(self, sample: Sample) -> tuple[Tensor, Tensor | None, Letterbox]:
        adapter = self._network.adapter if isinstance(self._network, AdaptedNetwork) else None
        made = prepared(sample, self.card) if adapter is None else adapter.prepare(sample)
        return made.image, made.mask, made.letterbox

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


def load(name: str = "kem", *, folder: Folders = DEFAULT_FOLDER, device: str | None = None) -> Engine:
    """A shipped or own checkpoint, verified, or the network of an adapter, ready to run.

    Args:
        name: of a checkpoint in ``folder``, of an adapter that was named for this process, or where the code of an
            adapter lies, ``path.py:attribute`` or ``module:attribute``: that code then runs.
        folder: of checkpoints with their manifest, or several.
        device: ``cuda``, ``mps`` or ``cpu``; by default the first of these that is there.

    Raises:
        CheckpointError: if the checkpoint is unknown, damaged or edited.
        AdapterError: if the adapter cannot be loaded.
        OptionError: if the device is unknown or absent.
    """
    chosen = _choose_device(device)
    network, card = load_network(name, folder, chosen)
    return Engine(network, card, chosen)


def available_devices() -> tuple[str, ...]:
    """The devices of this machine, fastest first."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    return tuple(device for device in DEVICES if there[device])


def _choose_device(device: str | None) -> str:
    there = available_devices()
    if device is None:
        return there[0]
    if device not in there:
        raise OptionError(f"Device {device!r} is not available here; choose one of {', '.join(there)}.")
    return device
