"""What a pass records and what it leaves behind, checked as in ``examined``."""

from collections.abc import Mapping

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
    """A pass leaves no hook, no tensor and no changed weight behind."""
    network = adapter.network
    before, weights = _kept(network, adapter), parameters_sha256(network)
    passes.outputs()
    passes.trace()
    after = _kept(network, adapter)
    new = sorted(set(after) - set(before)) or sorted(key for key in after if after[key] != before[key])
    if new:
        raise Problem(f"a pass leaves {new[0]} behind; remove hooks in a finally block and return tensors in the trace")
    if parameters_sha256(network) != weights:
        raise Problem("a pass changes weights or running statistics; put the network into eval() and leave it there")
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


def _kept(network: nn.Module, adapter: Adapter) -> dict[str, int]:
    """By name what could be left behind: numbers of hooks, and tensors that are no weights."""
    found: dict[str, int] = {}
    for name, layer in network.named_modules():
        said = name or "the network"
        for hooks in HOOKS:
            if count := len(getattr(layer, hooks, ())):
                found[f"a hook on {said}"] = found.get(f"a hook on {said}", 0) + count
        found |= {f"the tensor {key!r} on {said}": id(value) for key, value in vars(layer).items() if _holds(value)}
    own = vars(adapter).items()
    return found | {f"the tensor {key!r} on the adapter": id(value) for key, value in own if _holds(value)}


def _holds(value: object) -> bool:
    """Whether a value is a tensor or a collection with one in it."""
    if isinstance(value, Mapping):
        return any(isinstance(one, Tensor) for one in value.values())
    if isinstance(value, list | tuple):
        return any(isinstance(one, Tensor) for one in value)
    return isinstance(value, Tensor)
