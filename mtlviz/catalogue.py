"""Every model that can be chosen: the checkpoints of some folders, and the adapters that were named."""

from functools import lru_cache

from mtlviz.adapters.network import adapted
from mtlviz.adapters.sources import adapter_places, load_adapter, names_code
from mtlviz.cards import ModelCard
from mtlviz.checkpoints import DEFAULT_FOLDER, Folders, checkpoint_names, load_checkpoint, read_card
from mtlviz.errors import AdapterError
from mtlviz.models.network import Network


def model_names(folder: Folders = DEFAULT_FOLDER) -> list[str]:
    """Names of the networks of the folders and of the adapters.

    Raises:
        CheckpointError: if a folder is none of checkpoints, or two folders list the same name.
        AdapterError: if an adapter cannot be loaded, or has the name of another model.
    """
    names, places = checkpoint_names(folder), adapter_places()
    for name in places:
        _refuse_both(name, places[name], names)
    return [*names, *places]


def model_card(name: str, folder: Folders = DEFAULT_FOLDER) -> ModelCard:
    """The card of a model; ``name`` as in ``load_network``.

    Raises:
        CheckpointError: as ``read_card``.
        AdapterError: as ``load_adapter``.
    """
    place = _place(name, folder)
    return read_card(name, folder) if place is None else _adapter_card(place, name)


def load_network(name: str, folder: Folders = DEFAULT_FOLDER, device: str = "cpu") -> tuple[Network, ModelCard]:
    """The network of a model, ready for inference, and its card.

    Args:
        name: of a checkpoint or of an adapter that was named, or where the code of an adapter lies.
        folder: of the checkpoints.
        device: that the network is put on.

    Raises:
        CheckpointError: as ``load_checkpoint``.
        AdapterError: as ``load_adapter``.
    """
    place = _place(name, folder)
    if place is None:
        return load_checkpoint(name, folder, device)
    network, card = adapted(load_adapter(place), device)
    return network, _called(card, name)


def _place(name: str, folder: Folders) -> str | None:
    """Where the code of an adapter lies; None for a checkpoint."""
    if names_code(name):
        return name
    place = adapter_places().get(name)
    if place is not None:
        _refuse_both(name, place, checkpoint_names(folder))
    return place


def _refuse_both(name: str, place: str, checkpoints: list[str]) -> None:
    if name in checkpoints:
        raise AdapterError(f"The adapter {place} and a checkpoint are both called {name!r}; rename the adapter's card.")


@lru_cache(maxsize=32)
def _adapter_card(place: str, name: str) -> ModelCard:
    return _called(adapted(load_adapter(place))[1], name)


def _called(card: ModelCard, name: str) -> ModelCard:
    if not names_code(name) and card.name != name:
        raise AdapterError(
            f"The entry point {name!r} leads to an adapter whose card is called {card.name!r}; give both one name."
        )
    return card
