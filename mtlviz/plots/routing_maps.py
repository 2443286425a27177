"""Slots on the image, one map a task: tokens that won them, the slot a token reads, one slot's readers."""

from collections import defaultdict
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, UInt8
from PIL import Image

from mtlviz.analysis.picks import Pick, Picks
from mtlviz.analysis.routing import SlotRouting
from mtlviz.analysis.slot_card import SlotCard
from mtlviz.plots.maps import Geometry, Hover, Layer, Marks, Panel, Scale, cells
from mtlviz.plots.style import ink, slot_colour, slot_label, slot_symbol, task_title
from mtlviz.trace import TokenLayout

Show = Literal["winners", "readers", "both"]
"""What the maps draw: the tokens that won a slot, the slot each token reads most, or both."""

MOST_DRAWN = 16
"""Picks of a slot that are drawn, its best ones; a slot that takes in every token would cover the map."""
GOLDEN_ANGLE = np.pi * (3 - 5**0.5)
FADED = 0.2
PAPER = 248
"""Grey towards which a photograph is made pale."""
LONGEST_SIDE = 480
"""Pixels of a pale photograph; it is the ground of small maps."""
SYMBOL_SIZE = {
    "star": 1.5, "triangle-up": 1.35, "triangle-down": 1.35, "cross": 1.25, "hexagram": 1.25, "diamond": 1.2,
    "x": 1.2,
}  # fmt: skip
"""Symbols with little room for a number are drawn larger."""


def pale(image: UInt8[np.ndarray, "h w 3"], strength: float) -> UInt8[np.ndarray, "a b 3"]:
    """A small, grey and light copy of an image, so that colours drawn on it keep their meaning.

    Args:
        image: of any size.
        strength: 1 leaves the image as it is, 0 leaves plain paper.
    """
    small = Image.fromarray(image)
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    colour = np.asarray(small, np.float32)
    grey = colour.mean(-1, keepdims=True)
    toned = grey + strength * (colour - grey)
    light: np.ndarray = PAPER + strength * (toned - PAPER)
    return light.round().astype(np.uint8)


def routing_panels(routing: SlotRouting, show: Show, *, certainty: bool = True, slot: int | None = None) -> list[Panel]:
    """One map a task, without the picks' markers (``pick_markers``).

    Args:
        routing: of the image.
        show: what is drawn.
        certainty: the opacity of a cell is the weight with which its slot wins; otherwise cells are solid.
        slot: only the tokens whose first choice is this slot are drawn; None draws all.
    """
    texts = _token_texts(routing)
    panels = []
    for index, task in enumerate(routing.layout.tasks):
        layers = () if show == "winners" else (_write_layer(routing, index, certainty, slot),)
        note = _picks_note(routing, task) if show == "winners" else _readers_note(routing, index)
        won = _won(routing, task, slot) if show == "winners" else None
        panels.append(Panel(task_title(task), layers, hover=Hover(texts[index]), task=task, note=note, values=won))
    return panels


def pick_markers(
    routing: SlotRouting, task: str, geometry: Geometry, *, slot: int | None = None
) -> tuple[go.Scatter, ...]:
    """The picks that lie on one task's map: colour, symbol and number say the slot, area the Retrieve weight.

    Markers that share a token are fanned out around a small dot on the token.

    Args:
        routing: of the image.
        task: whose map it is.
        geometry: of the image.
        slot: its markers are drawn in full and all others fade; None draws all in full.
    """
    by_token: dict[int, list[Pick]] = defaultdict(list)
    for pick in _of_task(routing, drawn_picks(routing.picks), task):
        by_token[pick.token].append(pick)
    shared = [picks[0] for picks in by_token.values() if len(picks) > 1]
    spread = [(pick, _fan(place, len(picks))) for picks in by_token.values() for place, pick in enumerate(picks)]
    return _dots(shared, geometry), _numbered(spread, geometry, slot)


def slot_panels(card: SlotCard, layout: TokenLayout, *, opacity: float = 0.85) -> list[Panel]:
    """How much every token reads one slot, one map a task on one scale from 0, with the tokens that won it.

    Args:
        card: of the slot.
        layout: the tokens.
        opacity: of the cells over the image.
    """
    top = float(np.nanmax(card.read_weight))
    read = card.read_weight.reshape(len(layout.tasks), *layout.grid)
    scale = Scale(0, top, f"Write weight of {slot_label(card.slot)} (no unit)")
    panels = []
    for task, weights in zip(layout.tasks, read, strict=True):
        picks = [pick for pick in drawn_picks(card.picks) if pick.task == task]
        texts = np.array([[f"reads it with {weight:.3f}" for weight in row] for row in weights], object)
        panels.append(
            Panel(
                task_title(task),
                (cells(weights, 0, top, alpha=np.full(layout.grid, opacity)),),
                marks=(_slot_marks(card.slot, picks),) if picks else (),
                scale=scale,
                hover=Hover(texts),
                task=task,
                note=f"reads {card.readers[task]:.0%} · writes {card.writers[task]:.0%}",
            )
        )
    return panels


def drawn_picks(picks: Picks) -> Picks:
    """The best ``MOST_DRAWN`` picks of every slot."""
    return picks.where(picks.rank < MOST_DRAWN)


def _write_layer(routing: SlotRouting, task: int, certainty: bool, slot: int | None) -> Layer:
    rows, columns = routing.layout.grid
    here = slice(task * rows * columns, (task + 1) * rows * columns)
    winner, weight = routing.write.winner[here], np.nan_to_num(routing.write.weight[here])
    drawn = (winner >= 0) & (True if slot is None else winner == slot)
    palette = np.array([_rgb(slot_colour(number)) for number in range(routing.slots)], np.uint8)
    alpha = np.where(drawn, weight if certainty else 1.0, 0.0) * 255
    rgba = np.concatenate([palette[np.maximum(winner, 0)], alpha.round().astype(np.uint8)[:, None]], -1)
    values = np.where(drawn[:, None] & (winner[:, None] == np.arange(routing.slots)), weight[:, None], 0.0)
    values[winner < 0] = np.nan
    return Layer(rgba.reshape(rows, columns, 4), "grid", values=values.reshape(rows, columns, -1))


def _won(routing: SlotRouting, task: str, slot: int | None) -> Float[np.ndarray, "rows columns L"]:
    """Retrieve weight with which every token of a task won every slot, 0 where it did not."""
    won = np.zeros((routing.layout.tokens_per_task, routing.slots))
    here = _of_task(routing, routing.picks, task)
    here = here if slot is None else here.where(here.slot == slot)
    np.add.at(won, (here.token % routing.layout.tokens_per_task, here.slot), here.weight)
    return won.reshape(*routing.layout.grid, routing.slots)


def _of_task(routing: SlotRouting, picks: Picks, task: str) -> Picks:
    return picks.where(picks.task == routing.layout.tasks.index(task))


def _picks_note(routing: SlotRouting, task: str) -> str:
    here = _of_task(routing, routing.picks, task)
    slots = len(np.unique(here.slot))
    if len(drawn := drawn_picks(routing.picks)) < len(routing.picks):
        shown = len(_of_task(routing, drawn, task))
        return f"{shown} of {len(drawn)} best picks, the first {MOST_DRAWN} of every slot"
    return f"{len(here)} of {len(routing.picks)} picks, into {slots} slot{'' if slots == 1 else 's'}"


def _readers_note(routing: SlotRouting, task: int) -> str:
    size = routing.layout.tokens_per_task
    weight = np.nanmean(routing.write.weight[task * size : (task + 1) * size])
    return f"mean winning weight {weight:.2f} (equal share {1 / routing.slots:.2f})"


def _token_texts(routing: SlotRouting) -> np.ndarray:
    """(T, rows, columns) of str: what every token reads most, and what it won."""
    won: dict[int, list[str]] = defaultdict(list)
    for pick in drawn_picks(routing.picks):
        won[pick.token].append(f"{slot_label(pick.slot)} ({pick.weight:.2f})")
    write = routing.write
    readings = zip(write.winner.tolist(), write.weight, write.entropy, strict=True)
    texts = [
        f"reads {slot_label(winner)} most ({weight:.2f}); entropy {entropy:.2f}"
        + (f"<br>won {', '.join(won[token])}" if token in won else "")
        for token, (winner, weight, entropy) in enumerate(readings)
    ]
    return np.array(texts, object).reshape(len(routing.layout.tasks), *routing.layout.grid)


def _fan(place: int, count: int) -> tuple[float, float]:
    """(right, down) shift in cells of one of ``count`` markers on one token, on a sunflower spiral."""
    if count == 1:
        return 0.0, 0.0
    radius, angle = 0.5 * (place + 0.5) ** 0.5, place * GOLDEN_ANGLE
    return radius * float(np.cos(angle)), radius * float(np.sin(angle))


def _dots(picks: list[Pick], geometry: Geometry) -> go.Scatter:
    x, y = geometry.centre([pick.row for pick in picks], [pick.column for pick in picks])
    return go.Scatter(
        x=x, y=y, mode="markers", name="shared tokens", hoverinfo="skip", showlegend=False,
        marker={"size": 6, "color": "#000000", "line": {"color": "#ffffff", "width": 1.5}},
        customdata=[[pick.row, pick.column] for pick in picks], unselected={"marker": {"opacity": 1}},
    )  # fmt: skip


def _numbered(spread: list[tuple[Pick, tuple[float, float]]], geometry: Geometry, slot: int | None) -> go.Scatter:
    spread = sorted(spread, key=lambda one: (one[0].slot == slot, one[0].weight))
    picks = [pick for pick, _ in spread]
    x, y = geometry.centre([pick.row for pick in picks], [pick.column for pick in picks])
    shifts = np.array([shift for _, shift in spread]).reshape(-1, 2)
    bold = [slot in (None, pick.slot) for pick in picks]
    return go.Scatter(
        x=x + shifts[:, 0] * geometry.cell[1],
        y=y + shifts[:, 1] * geometry.cell[0],
        mode="markers+text",
        name="picks",
        text=[str(pick.slot) if full else "" for pick, full in zip(picks, bold, strict=True)],
        textfont={
            "color": [ink(slot_colour(pick.slot)) for pick in picks],
            "shadow": [f"0 0 2px {slot_colour(pick.slot)}, 0 0 3px {slot_colour(pick.slot)}" for pick in picks],
            "size": 9,
        },
        customdata=[[pick.row, pick.column] for pick in picks],
        hovertext=[_pick_text(pick) for pick in picks],
        hovertemplate="%{hovertext}<extra></extra>",
        marker={
            "color": [slot_colour(pick.slot) for pick in picks],
            "symbol": [slot_symbol(pick.slot) for pick in picks],
            "size": [marker_size(pick.weight, pick.slot) for pick in picks],
            "opacity": [1.0 if full else FADED for full in bold],
            "line": {"color": "#ffffff", "width": 1.2},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        cliponaxis=False,
        showlegend=False,
    )


def marker_size(weight: float, slot: int) -> float:
    """Diameter in pixels of a pick's marker: the area grows with its Retrieve weight, 0 to 1."""
    return float((100 + 400 * weight) ** 0.5) * SYMBOL_SIZE.get(slot_symbol(slot), 1.0)


def _pick_text(pick: Pick) -> str:
    return (
        f"{slot_label(pick.slot)}, pick {pick.rank + 1}: weight {pick.weight:.3f}<br>"
        f"{task_title(pick.task)}, row {pick.row}, column {pick.column}"
    )


def _slot_marks(slot: int, picks: list[Pick]) -> Marks:
    return Marks(
        rows=[pick.row for pick in picks],
        columns=[pick.column for pick in picks],
        colours=slot_colour(slot),
        symbols=slot_symbol(slot),
        sizes=[marker_size(pick.weight, slot) for pick in picks],
        texts=[_pick_text(pick) for pick in picks],
        name="picks",
    )


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
