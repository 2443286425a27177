"""Trained networks on disk: weights as safetensors, a card beside them, both verified against a manifest."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mtlviz.cards import IMAGENET_MEAN, IMAGENET_STD, NAME_PATTERN, Capabilities, ModelCard, OwnArchitecture, Part
from mtlviz.errors import CheckpointError, MtlvizError, OptionError, first_mistake
from mtlviz.files import write_whole
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.models.outline import weight_shapes

__all__ = [
    "DEFAULT_FOLDER", "IMAGENET_MEAN", "IMAGENET_STD", "MANIFEST", "NAME_PATTERN", "Capabilities", "Folders",
    "ModelCard", "OwnArchitecture", "Part", "Verification", "checkpoint_names", "filled_network", "folder_of",
    "keep_checkpoint", "load_checkpoint", "load_weights", "read_card", "read_weights", "save_checkpoint", "verify",
]  # fmt: skip

Folders = Path | tuple[Path, ...]
"""One folder of checkpoints, or several that are looked at as one; a name may stand in one of them only."""

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Verification:
    """Whether one checkpoint is what the manifest says; ``problem`` is empty if so."""

    name: str
    part: Part
    megabytes: float
    problem: str


def checkpoint_names(folder: Folders = DEFAULT_FOLDER, part: Part = "network") -> list[str]:
    """Names of the checkpoints that the manifests list, in their order.

    Raises:
        CheckpointError: if a folder is none of checkpoints, or two folders list the same name.
    """
    return [name for name, (_, entry) in _listing(folder).items() if entry["part"] == part]


def folder_of(name: str, folder: Folders = DEFAULT_FOLDER) -> Path:
    """The one of the folders that lists a checkpoint; raises as ``read_card``."""
    return _entry(name, folder)[0]


def read_card(name: str, folder: Folders = DEFAULT_FOLDER) -> ModelCard:
    """The verified card of a checkpoint.

    Raises:
        CheckpointError: if the name is not listed, or the card is missing, edited or not a card.
    """
    place, entry = _entry(name, folder)
    content = _read_verified(place / f"{name}.json", entry["card_sha256"], name)
    try:
        card = ModelCard.model_validate_json(content)
    except ValidationError as error:
        where = "".join(f"{part}." for part in error.errors()[0]["loc"]).rstrip(".")
        said = f"{where}: {first_mistake(error)}" if where else first_mistake(error)
        raise CheckpointError(f"The card of checkpoint {name!r} is not valid ({said}); restore {name}.json.") from error
    except MtlvizError as error:
        said = str(error).rstrip(".")
        raise CheckpointError(f"The card of checkpoint {name!r} is not valid ({said}); restore {name}.json.") from error
    if (card.name, card.weights_sha256) != (name, entry["weights_sha256"]):
        raise CheckpointError(f"The card {name}.json describes another checkpoint than {MANIFEST} lists; restore both.")
    return card


def read_weights(name: str, folder: Folders = DEFAULT_FOLDER) -> bytes:
    """The verified safetensors file of a checkpoint.

    Raises:
        CheckpointError: if the file is missing or changed.
    """
    place, entry = _entry(name, folder)
    return _read_verified(place / f"{name}.safetensors", entry["weights_sha256"], name)


def load_weights(name: str, folder: Folders = DEFAULT_FOLDER) -> dict[str, torch.Tensor]:
    """The verified tensors of a checkpoint, on the CPU.

    Raises:
        CheckpointError: if the file is missing, changed or unreadable.
    """
    content = read_weights(name, folder)
    try:
        return load_tensors(content)
    except SafetensorError as error:
        raise CheckpointError(f"The weights of checkpoint {name!r} cannot be read ({error}); restore them.") from error


def load_checkpoint(
    name: str, folder: Folders = DEFAULT_FOLDER, device: str = "cpu"
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
    network = filled_network(card, load_weights(name, folder))
    return network.to(device, memory_format=torch.channels_last), card  # type: ignore[call-overload]


def filled_network(card: ModelCard, tensors: Mapping[str, torch.Tensor]) -> MultiTaskNetwork:
    """The network of a card with weights, ready for inference on the CPU.

    Raises:
        CheckpointError: if the card describes no network of ours, or the weights do not fit it.
    """
    if not isinstance(card.architecture, NetworkConfig):
        raise CheckpointError(
            f"The card of {card.name!r} describes a network that is not built here; load it by its adapter."
        )
    unfit = f"The weights of checkpoint {card.name!r} do not fit the architecture on its card"
    try:
        if weight_shapes(card.architecture, card.tasks, tensors) != {key: one.shape for key, one in tensors.items()}:
            raise CheckpointError(f"{unfit}; restore both files.")
        network = MultiTaskNetwork(card.architecture, card.tasks)
        network.load_state_dict(tensors)
    except OptionError as error:
        raise CheckpointError(f"{unfit} ({str(error).rstrip('.')}); restore both files.") from error
    except RuntimeError as error:
        raise CheckpointError(f"{unfit}; restore both files.") from error
    return network.requires_grad_(False).eval()


def save_checkpoint(tensors: Mapping[str, torch.Tensor], card: ModelCard, folder: Path) -> ModelCard:
    """Write weights, card and manifest entry; each file appears whole or not at all.

    Args:
        tensors: a network's state dict, or its encoder's for ``part="encoder"``.
        card: its ``weights_sha256`` is filled in.
        folder: made if it does not exist.

    Returns:
        The card as written.
    """
    weights = save_tensors({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()})
    return keep_checkpoint(weights, card, folder)


def keep_checkpoint(weights: bytes, card: ModelCard, folder: Path) -> ModelCard:
    """As ``save_checkpoint``, for a safetensors file that stays what it is, bit for bit."""
    folder.mkdir(parents=True, exist_ok=True)
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


def verify(folder: Folders = DEFAULT_FOLDER) -> list[Verification]:
    """Check every listed checkpoint: both files whole and as listed, and the network loads."""
    found = []
    for name, (place, entry) in _listing(folder).items():
        problem = ""
        try:
            if entry["part"] == "network":
                load_checkpoint(name, folder)
            else:
                read_card(name, folder)
                load_weights(name, folder)
        except MtlvizError as error:
            problem = str(error)
        weights = place / f"{name}.safetensors"
        megabytes = weights.stat().st_size / 1e6 if weights.is_file() else 0.0
        found.append(Verification(name, entry["part"], megabytes, problem))
    return found


def _listing(folder: Folders) -> dict[str, tuple[Path, dict[str, Any]]]:
    """By name the folder and the manifest entry of every checkpoint."""
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    for place in dict.fromkeys((folder,) if isinstance(folder, Path) else folder):
        for name, entry in _manifest(place).items():
            if name in found:
                raise CheckpointError(
                    f"Checkpoint {name!r} lies in {str(found[name][0])!r} and in {str(place)!r}; rename one of them, "
                    "or leave one folder out."
                )
            found[name] = (place, entry)
    return found


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads((folder / MANIFEST).read_bytes())
        if strange := [name for name in entries if re.fullmatch(NAME_PATTERN, name) is None]:
            raise ValueError(f"{strange[0]!r} is not the name of a checkpoint")  # nor a path out of the folder
        return {name: {key: entry[key] for key in ("part", "weights_sha256", "card_sha256")}
                for name, entry in entries.items()}  # fmt: skip
    except FileNotFoundError as error:
        raise CheckpointError(
            f"The folder {folder.name!r} holds no {MANIFEST}; point to a folder of checkpoints."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{MANIFEST} in {folder.name!r} is damaged; restore it.") from error


def _entry(name: str, folder: Folders) -> tuple[Path, dict[str, Any]]:
    entries = _listing(folder)
    if name not in entries:
        raise CheckpointError(f"Checkpoint {name!r} is unknown; choose one of {_listed(list(entries))}.")
    return entries[name]


def _read_verified(path: Path, sha256: str, name: str) -> bytes:
    if not path.is_file():  # nor a folder, a pipe or a device, of which some never end
        raise CheckpointError(f"Checkpoint {name!r} lacks its file {path.name}; restore it.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name} of checkpoint {name!r} cannot be read ({error.strerror}).") from error
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
