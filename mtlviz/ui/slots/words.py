"""The sentences of the routing page: what the numbers say, in words that are true for the image at hand."""

from collections import Counter
from collections.abc import Sequence

from mtlviz.analysis.composite import TokenProvenance
from mtlviz.analysis.picks import Pick
from mtlviz.analysis.routing import SlotRouting
from mtlviz.analysis.routing_summary import RoutingSummary
from mtlviz.analysis.slot_card import SlotCard
from mtlviz.plots.style import slot_label, task_title

DECIDED, SPREAD, UNDECIDED = 0.3, 0.7, 0.9
"""Entropies at which the wording changes."""


def answer(routing: SlotRouting) -> str:
    """One sentence that answers the page's question for one image."""
    slot = int(routing.occupancy.argmax())
    picks = routing.picks.where(routing.picks.slot == slot)
    readers = dict(zip(routing.exchange.tasks, routing.exchange.readers[slot].tolist(), strict=True))
    reader = max(readers, key=readers.__getitem__)
    numbers = routing.numbers
    selected = len(picks) < routing.layout.valid_tokens().sum()
    won = f"**{winners(picks)}** won" if selected else "**every token** enters"
    return (
        f"**{slot_label(slot).capitalize()}** is read most (**{routing.occupancy[slot]:.0%}** of all reading, where an "
        f"equal share is {1 / routing.slots:.0%}): {won} it, and **{task_title(reader)}** tokens do "
        f"most of that reading (**{readers[reader]:.0%}**). {decision(numbers['entropy']).capitalize()} (entropy "
        f"**{numbers['entropy']:.2f}**, where 1 is no choice at all), and **{numbers['written_variation']:.0%}** of "
        "what they receive differs from token to token. Counting twins as one, "
        f"**{numbers['groups']:.0f} of {routing.slots}** slots differ; {dead(routing)}."
    )


def terms(routing: SlotRouting, picks: int) -> str:
    """What a token and a slot are.

    Args:
        routing: of the image.
        picks: K, tokens that a slot takes in.
    """
    rows, columns = routing.layout.grid
    return (
        f"A token is what one task knows about one cell of the {rows} × {columns} grid over the image. A slot is a "
        f"vector of memory: it takes in the {picks} tokens of all tasks that match it best (they win it), and every "
        "token reads the slots back."
    )


def winners(picks: Sequence[Pick]) -> str:
    """Who won a slot, e.g. ``"2 Depth tokens and 1 Edges token"``."""
    counts = Counter(pick.task for pick in picks).most_common()
    said = [f"{count} {task_title(task)} token{'s' if count > 1 else ''}" for task, count in counts]
    if len(said) < 2:
        return said[0] if said else "no token"
    return f"{', '.join(said[:-1])} and {said[-1]}"


def dead(routing: SlotRouting) -> str:
    """How many slots are dead."""
    count = int(routing.dead.sum())
    return "none is dead" if count == 0 else f"**{count}** {'is' if count == 1 else 'are'} dead"


def decision(entropy: float) -> str:
    """What an entropy of Write weights says about the tokens."""
    if entropy > UNDECIDED:
        return "tokens hardly choose between slots"
    if entropy > SPREAD:
        return "tokens spread their reading over many slots"
    return "tokens read a few slots each" if entropy > DECIDED else "tokens read one slot each"


def token(provenance: TokenProvenance) -> str:
    """What one token reads and where that comes from."""
    slot, equal = int(provenance.slots.argmax()), 1 / len(provenance.slots)
    return (
        f"**{task_title(provenance.task)}, row {provenance.row}, column {provenance.column}** reads "
        f"**{slot_label(slot)}** most ({provenance.slots[slot]:.2f}; an equal share is {equal:.2f}). "
        f"Through its slots it received from **{len(provenance.sources)} tokens**: {shares(provenance)}."
    )


def shares(provenance: TokenProvenance) -> str:
    """The tasks of a token's sources, largest share first."""
    total = sum(provenance.tasks.values()) or 1.0
    ordered = sorted(provenance.tasks.items(), key=lambda share: -share[1])
    return ", ".join(f"{weight / total:.0%} {task_title(task)}" for task, weight in ordered)


def slot(card: SlotCard, slots: int) -> str:
    """What one slot is for."""
    reader = max(card.readers, key=card.readers.__getitem__)
    twins = ", ".join(
        f"{slot_label(twin.slot)} (cosine {twin.cosine:.2f}, {twin.overlap:.0%} of the picks)" for twin in card.twins
    )
    return (
        f"**{slot_label(card.slot).capitalize()}** ranks **{card.rank} of {slots}** with **{card.occupancy:.1%}** of "
        f"all reading{' and counts as dead' if card.dead else ''}; **{winners(card.picks)}** won it, "
        f"**{task_title(reader)}** reads it most (**{card.readers[reader]:.0%}**), it is the first choice of "
        f"{card.won:.0%} of the tokens, and the vector it holds is {card.relative_norm:.2f} times as long as the mean "
        "over slots. " + (f"Twins, which hold nearly the same: {twins}." if twins else "It has no twin.")
    )


def pooled(summary: RoutingSummary) -> str:
    """What a set of images says."""
    count, means = summary.count, {key: float(moments.mean) for key, moments in summary.numbers.items()}
    never = int((summary.dead.mean == 1).sum())
    dead = f"**{never}** {'are' if never > 1 else 'is'}" if never else "none is"
    return (
        f"Over **n = {count}** image{'s' if count > 1 else ''}, **{means['groups']:.1f} of {summary.slots}** slots "
        f"differ on average, {dead} dead in every image, and "
        f"{decision(means['entropy'])} (mean entropy **{means['entropy']:.2f}**)."
    )


def spread(mean: float, deviation: float | None, decimals: int) -> str:
    """A mean with its spread, or alone where one image gives no spread."""
    return f"{mean:.{decimals}f}" + ("" if deviation is None else f" ± {deviation:.{decimals + 1}f}")
