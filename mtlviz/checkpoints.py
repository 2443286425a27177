"""Trained networks on disk: weights as safetensors, a card beside them, both verified against a manifest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mtlviz.errors import CheckpointError, MtlvizError
from mtlviz.files import write_whole
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import Task

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"
MANIFEST = "manifest.json"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

NAME_PATTERN = r"^(?!manifest$)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""Names of checkpoints, which become file names."""

Part = Literal["network", "encoder"]


class ModelCard(BaseModel):
    """Everything there is to know about a checkpoint apart from its weights.

    Attributes:
        name: file stem of the checkpoint.
        title: name shown to a person.
        summary: one sentence on what it is.
        part: a whole ``network``, or an ``encoder`` that networks start from.
        trained: on ``synthetic`` scenes, on ``real`` data, or not at all (``random``).
        architecture: the network's configuration.
        tasks: what it predicts, in order.
        input_size: (H, W) in pixels.
        token_grid: (rows, columns) of one task's tokens.
        mean: of the RGB normalisation, on [0, 1].
        std: of the RGB normalisation.
        training: how it was trained, as the training configuration states it.
        data: what it was trained on.
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
    architecture: NetworkConfig
    tasks: tuple[Task, ...]
    input_size: tuple[int, int]
    token_grid: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    training: dict[str, Any] = {}
    data: str = ""
    metrics: dict[str, Any] = {}
    parameters: dict[str, int] = {}
    operations: dict[str, int] = {}
    computation: str = ""
    seed: int = 0
    versions: dict[str, str] = {}
    licence: str = "MIT"
    weights_sha256: str = ""

    def task(self, name: str) -> Task:
        """The task of this name; ``KeyError`` if the model has none."""
        return {task.name: task for task in self.tasks}[name]


@dataclass(frozen=True)
class Verification:
    """Whether one checkpoint is what the manifest says; ``problem`` is empty if so."""

    name: str
    part: Part
    megabytes: float
    problem: str


def checkpoint_names(folder: Path = DEFAULT_FOLDER, part: Part = "network") -> list[str]:
    """Names of the checkpoints that the folder's manifest lists, in its order."""
    return [name for name, entry in _manifest(folder).items() if entry["part"] == part]


def read_card(name: str, folder: Path = DEFAULT_FOLDER) -> ModelCard:
    """The verified card of a checkpoint.

    Raises:
        CheckpointError: if the name is not listed, or the card is missing, edited or not a card.
    """
    entry = _entry(name, folder)
    content = _read_verified(folder / f"{name}.json", entry["card_sha256"], name)
    try:
        card = ModelCard.model_validate_json(content)
    except (ValidationError, MtlvizError) as error:
        raise CheckpointError(
            f"The card of checkpoint {name!r} is not valid ({str(error).splitlines()[0]}); restore {name}.json."
        ) from error
    if (card.name, card.weights_sha256) != (name, entry["weights_sha256"]):
        raise CheckpointError(f"The card {name}.json describes another checkpoint than {MANIFEST} lists; restore both.")
    return card


def load_weights(name: str, folder: Path = DEFAULT_FOLDER) -> dict[str, torch.Tensor]:
    """The verified tensors of a checkpoint, on the CPU.

    Raises:
        CheckpointError: if the file is missing, changed or unreadable.
    """
    entry = _entry(name, folder)
    content = _read_verified(folder / f"{name}.safetensors", entry["weights_sha256"], name)
    try:
        return load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"The weights of checkpoint {name!r} cannot be read ({error}); restore them.") from error


def load_checkpoint(
    name: str, folder: Path = DEFAULT_FOLDER, device: str = "cpu"
) -> tuple[MultiTaskNetwork, ModelCard]:
    """A verified network, ready for inference, and its card.

    Raises:
        CheckpointError: as ``read_card`` and ``load_weights``, or if weights and card do not fit together.
    """
    card = read_card(name, folder)
    if card.part != "network":
        raise CheckpointError(
            f"Checkpoint {name!r} is an encoder, not a network; choose one of {_listed(checkpoint_names(folder))}."
        )
    network = MultiTaskNetwork(card.architecture, card.tasks)
    try:
        network.load_state_dict(load_weights(name, folder))
    except RuntimeError as error:
        raise CheckpointError(
            f"The weights of checkpoint {name!r} do not fit the architecture on its card; restore both files."
        ) from error
    network.requires_grad_(False).eval()
    return network.to(device, memory_format=torch.channels_last), card  # type: ignore[call-overload]


def save_checkpoint(tensors: Mapping[str, torch.Tensor], card: ModelCard, folder: Path) -> ModelCard:
    """Write weights, card and manifest entry; each file appears whole or not at all.

    Args:
        tensors: a network's state dict, or its encoder's for ``part="encoder"``.
        card: its ``weights_sha256`` is filled in.
        folder: made if it does not exist.

    Returns:
        The card as written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = save_tensors({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    card = card.model_copy(update={"weights_sha256": _sha256(weights)})
    content = (card.model_dump_json(indent=2) + "\n").encode()
    entries = _manifest(folder) if (folder / MANIFEST).exists() else {}
    entries[card.name] = {
        "part": card.part, "weights_sha256": card.weights_sha256, "card_sha256": _sha256(content),
    }  # fmt: skip
    write_whole(folder / f"{card.name}.safetensors", weights)
    write_whole(folder / f"{card.name}.json", content)
    write_whole(folder / MANIFEST, json.dumps(entries, indent=2) + "\n")
    return card


def verify(folder: Path = DEFAULT_FOLDER) -> list[Verification]:
    """Check every listed checkpoint: both files whole and as listed, and the network loads."""
    found = []
    for name, entry in _manifest(folder).items():
        problem = ""
        try:
            if entry["part"] == "network":
                load_checkpoint(name, folder)
            else:
                read_card(name, folder)
                load_weights(name, folder)
        except MtlvizError as error:
            problem = str(error)
        weights = folder / f"{name}.safetensors"
        megabytes = weights.stat().st_size / 1e6 if weights.exists() else 0.0
        found.append(Verification(name, entry["part"], megabytes, problem))
    return found


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads((folder / MANIFEST).read_bytes())
        return {str(name): {key: entry[key] for key in ("part", "weights_sha256", "card_sha256")}
                for name, entry in entries.items()}  # fmt: skip
    except FileNotFoundError as error:
        raise CheckpointError(
            f"The folder {folder.name!r} holds no {MANIFEST}; point to a folder of checkpoints."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{MANIFEST} in {folder.name!r} is damaged; restore it.") from error


def _entry(name: str, folder: Path) -> dict[str, Any]:
    entries = _manifest(folder)
    if name not in entries:
        raise CheckpointError(f"Checkpoint {name!r} is unknown; choose one of {_listed(list(entries))}.")
    return entries[name]


def _read_verified(path: Path, sha256: str, name: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"Checkpoint {name!r} lacks its file {path.name}; restore it.") from error
    if _sha256(content) != sha256:
        raise CheckpointError(
            f"{path.name} of checkpoint {name!r} is not the file that {MANIFEST} lists (its sha256 differs): "
            "it was damaged or edited; restore it, or save the checkpoint again."
        )
    return content


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
