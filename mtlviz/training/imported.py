"""Weights that were trained elsewhere, as a checkpoint: a safetensors file and the configuration it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from mtlviz.checkpoints import MANIFEST, ModelCard, checkpoint_names, save_checkpoint
from mtlviz.engine import library_versions
from mtlviz.errors import CheckpointError, MtlvizError, OptionError
from mtlviz.models.encoders import TOKEN_STRIDE
from mtlviz.models.multitask import MultiTaskNetwork, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.models.outline import weight_shapes
from mtlviz.training.config import TrainConfig

PREFIXES = ("module.", "model.", "network.", "_orig_mod.")
"""What wrappers put before every key: data parallel training, Lightning, compilation."""
PICKLED = (".pt", ".pth", ".ckpt", ".bin", ".pkl")
SUFFIX = ".safetensors"
MOST_NAMED = 4
"""Keys that a sentence names."""
COUNTER = "num_batches_tracked"
"""Counters of norms, which no prediction depends on."""


@dataclass(frozen=True)
class Origin:
    """What a card says of weights that were trained elsewhere.

    Attributes:
        trained: on what kind of data.
        licence: of the weights.
        provenance: where they come from: a URL, a paper, a person.
        data: what they were trained on.
        title: name shown to a person.
        summary: one sentence on what it is.
    """

    trained: str
    licence: str
    provenance: str
    data: str = ""
    title: str = ""
    summary: str = ""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: if it is another kind of file, missing or damaged.
    """
    if path.suffix.lower() in PICKLED:
        raise CheckpointError(
            f"{path.name} may hold code that runs when it is read; convert it where it was made: "
            f"safetensors.torch.save_file(torch.load({path.name!r}, weights_only=True), '{path.stem}{SUFFIX}')."
        )
    if path.suffix.lower() != SUFFIX:
        raise CheckpointError(f"{path.name} is not a {SUFFIX} file; give the weights in that form.")
    try:
        return load_tensors(path.read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no file {str(path)!r}; give the path of the weights.") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is no whole safetensors file ({error}); write it again.") from error


def without_prefix(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """The tensors without what stands before every key, and that."""
    found, taken = dict(tensors), ""
    while found:
        prefix = next((one for one in PREFIXES if all(key.startswith(one) for key in found)), None)
        if prefix is None:
            break
        found, taken = {key.removeprefix(prefix): value for key, value in found.items()}, taken + prefix
    return found, taken


def import_checkpoint(
    tensors: Mapping[str, Tensor], config: TrainConfig, size: tuple[int, int], name: str, origin: Origin, folder: Path
) -> ModelCard:
    """Save weights with a card; nothing is written unless they fit the configuration.

    Args:
        tensors: a state dict of ``MultiTaskNetwork``.
        config: gives the architecture, the tasks and the normalisation.
        size: (H, W) of the network's input.
        name: of the checkpoint.
        origin: what the card says of the weights.
        folder: of the checkpoints.

    Raises:
        CheckpointError: if weights and configuration do not belong together, or the folder has that name already.
    """
    if (folder / MANIFEST).exists() and name in (*checkpoint_names(folder), *checkpoint_names(folder, "encoder")):
        raise CheckpointError(f"{str(folder)!r} has a checkpoint {name!r} already; choose another --name.")
    _check_fit(config, tensors)
    network = MultiTaskNetwork(config.network, config.task_list()).eval()
    network.load_state_dict({**network.state_dict(), **tensors})
    grid = (size[0] // TOKEN_STRIDE, size[1] // TOKEN_STRIDE)
    card = ModelCard(
        name=name,
        title=origin.title or config.title or name,
        summary=origin.summary or config.summary,
        trained=origin.trained,  # type: ignore[arg-type]
        architecture=config.network,
        tasks=tuple(config.task_list()),
        input_size=size,
        token_grid=grid,
        mean=config.mean,
        std=config.std,
        data=origin.data,
        provenance=origin.provenance,
        parameters=parameter_counts(network),
        operations=operation_counts(network, size),
        computation=network.interaction.computation(grid[0] * grid[1]),
        versions=library_versions(),
        licence=origin.licence,
    )
    return _saved_whole(network, card, folder)


def _check_fit(config: TrainConfig, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights of another network, before any network is built."""
    try:
        own = weight_shapes(config.network, config.task_list(), tensors)
    except MtlvizError as error:
        said = str(error).rstrip(".")
        raise CheckpointError(f"The weights do not fit the configuration: {said}; give another --config.") from error
    missing = [key for key in own if key not in tensors and not key.endswith(COUNTER)]
    unexpected = [key for key in tensors if key not in own]
    other = [
        f"{key} {tuple(tensors[key].shape)} for {tuple(shape)}"
        for key, shape in own.items() if key in tensors and tensors[key].shape != shape
    ]  # fmt: skip
    parts = [
        f"{len(keys)} {what} ({_named(keys)})"
        for what, keys in (("missing", missing), ("unexpected", unexpected), ("of another shape", other)) if keys
    ]  # fmt: skip
    if parts:
        raise CheckpointError(
            f"The weights do not fit the configuration: of {len(own)} keys {'; '.join(parts)}; give the --config that "
            "they were trained with."
        )
    bad = [key for key, tensor in tensors.items() if tensor.is_floating_point() and not bool(tensor.isfinite().all())]
    if bad:
        raise CheckpointError(f"The weights hold NaN or infinity in {_named(bad)}; take an earlier state.")


def _named(keys: list[str]) -> str:
    rest = f" and {len(keys) - MOST_NAMED} more" if len(keys) > MOST_NAMED else ""
    return ", ".join(keys[:MOST_NAMED]) + rest


def _saved_whole(network: MultiTaskNetwork, card: ModelCard, folder: Path) -> ModelCard:
    """Save; where that fails half-way, what was written of the new checkpoint is taken away again."""
    try:
        return save_checkpoint(network.state_dict(), card, folder)
    except OSError:
        for suffix in (SUFFIX, ".json"):
            (folder / f"{card.name}{suffix}").unlink(missing_ok=True)
        raise


def input_size(config: TrainConfig, given: tuple[int, int] | None) -> tuple[int, int]:
    """The size asked for, or that of the configuration.

    Raises:
        OptionError: if neither says it, or a side is no multiple of the grid.
    """
    size = given or config.data.size
    if size is None:
        raise OptionError("The configuration states no data.size; give --size HEIGHTxWIDTH, the size of the images.")
    if any(side % TOKEN_STRIDE for side in size):
        said = f"--size {size[0]}x{size[1]} is not possible"
        raise OptionError(f"{said}; both sides must be multiples of {TOKEN_STRIDE}.")
    return size
