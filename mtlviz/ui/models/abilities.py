"""What a model can show, told from its card alone: by page, or why it has nothing there."""

from mtlviz.analysis.stability.selection import has_slots
from mtlviz.checkpoints import ModelCard
from mtlviz.models.interactions import interaction_class, interaction_config
from mtlviz.models.interactions.ctal import CTAL
from mtlviz.models.interactions.none import NoInteraction

CLASSES = "classes"
"""Kind of a task whose pixels have one label each."""
SHARES = {
    "": "its tasks share no more than the encoder",
    "slots": "its tasks share through slots",
    "attention": "its tasks read one another directly",
    "affinity": "its tasks share affinities",
}
"""How tasks share, by what an interaction records."""


def recorded(card: ModelCard) -> str:
    """What its interaction records: ``slots``, ``attention``, ``affinity``, or empty for nothing."""
    if card.capabilities is not None:
        return card.capabilities.trace
    kind = interaction_class(card.architecture.interaction)
    if has_slots(card.architecture.interaction):
        return "slots"
    if issubclass(kind, CTAL):
        return "affinity"
    return "" if issubclass(kind, NoInteraction) else "attention"


def reasons(card: ModelCard) -> dict[str, str]:
    """By address of a page why the model has nothing to show there; empty where it has."""
    trace, own = recorded(card), card.capabilities
    shares = SHARES[trace]
    has_classes = any(task.kind == CLASSES for task in card.tasks)
    classes = "" if has_classes else "none of its tasks has classes"
    features = "" if own is None or own.features else "its adapter does not record features"
    slots = "" if trace == "slots" else f"it has no slots: {shares}"
    exchange = "" if trace else shares
    edits = "" if own is None or own.edits else "its adapter applies no edits"
    return {
        "predictions": "",
        "compare": "",
        "slots": slots,
        "affinity": "" if trace == "affinity" else f"it has no affinities: {shares}",
        "noise": "" if trace in ("slots", "attention") else f"no token reads another: {shares}",
        "etf": classes or features,
        "collapse": classes or features or ("" if own is None else "it is measured for networks of this package only"),
        "embedding": features,
        "stability": slots or _takes_all(card),
        "surgery": exchange or edits,
        "attribution": "",
        "faithfulness": exchange or ("" if len(card.tasks) > 1 else "it has one task only"),
    }


def _takes_all(card: ModelCard) -> str:
    """Why nothing is selected where every token enters every slot."""
    if card.capabilities is not None:
        return ""
    config = interaction_config(card.architecture.interaction, card.architecture.options)
    return "every token enters each of its slots, so nothing is selected" if getattr(config, "picks", 0) is None else ""
