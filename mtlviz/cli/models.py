"""Cards of the models that a command names, and whether the models go together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.checkpoints import Folders, ModelCard


def models_named(given: Sequence[str] | None, more: Sequence[str] | None) -> list[str]:
    """Names of an option and of arguments behind it, each once; KEM where there are none."""
    return list(dict.fromkeys([*(given or []), *(more or [])])) or ["kem"]


def network_card(name: str, folder: "Folders") -> "ModelCard":
    """The card of a checkpoint that holds a whole network of ours, whose parts are looked into.

    Raises:
        CheckpointError: if there is no such checkpoint.
        OptionError: if it is an encoder, or comes from an adapter.
    """
    card = any_card(name, folder)
    if card.capabilities is not None:
        raise OptionError(
            f"{name!r} comes from an adapter, whose parts are not known here; this command needs a checkpoint."
        )
    return card


def any_card(name: str, folder: "Folders") -> "ModelCard":
    """The card of a network, of a checkpoint or of an adapter.

    Raises:
        CheckpointError: if there is no such checkpoint, or the adapter cannot be loaded.
        OptionError: if it is an encoder.
    """
    from mtlviz.catalogue import model_card

    card = model_card(name, folder)
    if card.part != "network":
        raise OptionError(f"Checkpoint {name!r} is an encoder, not a network; choose another.")
    return card


def one_size(cards: "Sequence[ModelCard]") -> tuple[int, int]:
    """The image size that all models take.

    Raises:
        OptionError: if they take different ones.
    """
    first, *others = cards
    for other in others:
        if other.input_size != first.input_size:
            (height, width), (rows, columns) = first.input_size, other.input_size
            raise OptionError(
                f"{first.name!r} takes images of {height}x{width} and {other.name!r} of {rows}x{columns}; compare "
                "models of one size."
            )
    return first.input_size
