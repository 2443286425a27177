"""What a pass records and what it leaves behind, checked as in ``examined``."""

from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtlviz.adapters.base import Adapter
from mtlviz.adapters.examined import Passes, Problem, capabilities
from mtlviz.cards import Capabilities, ModelCard
from mtlviz.models.weight_noise import parameters_sha256
from mtlviz.trace import PLACES, AffinityTrace, AttentionTrace, SlotTrace, Trace

KINDS = {"slots": SlotTrace, "attention": AttentionTrace, "affinity": AffinityTrace}
BY_TOKEN = {"slots": ("write", "written"), "attention": ("queries", "keys", "values", "written"),
            "affinity": ("written",)}  # fmt: skip
"""By kind of trace the records that have one row a token."""
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks")
OWN = ("_parameters", "_modules", *HOOKS)
"""What torch itself keeps on a module, looked at by other means."""


def traces_fit(adapter: Adapter, passes: Passes) -> str:
    """What the card claims is recorded, in the shapes that the analyses read."""
    card, found = adapter.card, passes.trace()
    able = capabilities(card)
    if able.trace:
        _check_record(card, able, found)
    if able.features:
        _check_features(card, found)
    silent = adapter.run(passes.prepared().image, mask=None, capture=None, edit=None)[1]
    if silent.interaction is not None or silent.features is not None:
        raise Problem("run records although capture is None; give Trace() then, since every page would wait for it")
    return "what the card claims is recorded" if able.trace or able.features else "the card claims no trace"


def leaves_nothing(adapter: Adapter, passes: Passes) -> str:
    """A pass leaves no hook, no tensor and no changed weight, image or random state behind."""
    network, made = adapter.network, passes.prepared()
    torch.rand(1)  # so that a pass that seeds does not find the state that it leaves
    before, weights, state, image = (
        _kept(network, adapter), parameters_sha256(network), torch.get_rng_state(), made.image.clone()
    )  # fmt: skip
    with torch.inference_mode():
        adapter.run(made.image, mask=made.mask, capture=None, edit=None)
    passes.trace()
    after = _kept(network, adapter)
    new = [key for key, found in after.items() if key not in before or not _same(before[key], found)]
    if new:
        raise Problem(
            f"a pass leaves {min(new)} behind; remove hooks in a finally block and return tensors in the trace"
        )
    if parameters_sha256(network) != weights:
        raise Problem("a pass changes weights or running statistics; put the network into eval() and leave it there")
    if not torch.equal(image, made.image):
        raise Problem("run changes the image that it is given; leave out in-place operations, or clone it first")
    if not torch.equal(state, torch.get_rng_state()):
        raise Problem("a pass moves torch's own random numbers; draw from a torch.Generator that run makes itself")
    return "no hook, no activation and no changed weight stays behind"


def _check_record(card: ModelCard, able: Capabilities, found: Trace) -> None:
    kind, record = KINDS[able.trace], found.interaction
    if record is None or not isinstance(record, kind):
        raise Problem(
            f"the card claims a trace of {able.trace}, but run records {type(record).__name__}; give a {kind.__name__}"
        )
    layout, names = record.layout, tuple(task.name for task in card.tasks)
    if (layout.tasks, tuple(layout.grid)) != (names, card.token_grid):
        raise Problem(
            f"the trace's tokens are {layout.tasks} on {layout.grid}, the card says {names} on {card.token_grid}"
        )
    for name in BY_TOKEN[able.trace]:
        if len(getattr(record, name)) != layout.tokens:
            rows = len(getattr(record, name))
            raise Problem(f"the trace's {name} has {rows} rows, expected {layout.tokens}: one a token")


def _check_features(card: ModelCard, found: Trace) -> None:
    record = found.features
    if record is None:
        raise Problem("the card claims features, but run records none where capture.features asks for them")
    missing = [place for place in PLACES if place not in record.places or place not in record.grids]
    if missing:
        raise Problem(f"features lack the place {missing[0]!r}; give all of {', '.join(PLACES)}")
    for place in PLACES:
        groups, (rows, columns) = 1 if place == "encoder" else len(card.tasks), record.grids[place]
        shape = tuple(record.places[place].shape)
        if len(shape) != 3 or shape[:2] != (groups, rows * columns):
            raise Problem(f"features at {place} have shape {shape}, expected ({groups}, {rows * columns}, width)")


def _kept(network: nn.Module, adapter: Adapter) -> dict[str, list[object]]:
    """By name what could be left behind: hooks, and tensors, alone or in a collection."""
    found: dict[str, list[object]] = {}
    for name, layer in network.named_modules():
        said = name or "the network"
        found[f"a hook on {said}"] = [hook for hooks in HOOKS for hook in getattr(layer, hooks, {}).values()]
        for key, value in vars(layer).items():
            if key == "_buffers":
                found |= {f"the tensor {one!r} on {said}": [tensor] for one, tensor in value.items()}
            elif key not in OWN:
                found[f"the tensor {key!r} on {said}"] = _tensors(value)
    for key, value in vars(adapter).items():
        found[f"the tensor {key!r} on the adapter"] = _tensors(value)
    return {name: values for name, values in found.items() if values}


def _same(first: list[object], second: list[object]) -> bool:
    return len(first) == len(second) and all(one is other for one, other in zip(first, second, strict=True))


def _tensors(value: object) -> list[object]:
    """The tensors in a value, which may be a collection of collections."""
    if isinstance(value, Mapping):
        return [found for one in value.values() for found in _tensors(one)]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return [found for one in value for found in _tensors(one)]
    return [value] if isinstance(value, Tensor) else []
