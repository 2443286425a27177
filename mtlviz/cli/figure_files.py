"""Figures as HTML files that share one plotly.js, with a page that lists them."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

SCRIPT = "plotly.min.js"

CAPTIONS: dict[str, tuple[str, str]] = {
    "winners": (
        "Which tokens won which slot",
        "A marker is a token that won a slot: colour, symbol and number say which, area the weight.",
    ),
    "readers": (
        "Which slot every token reads most",
        "Colour is the slot with the token's largest Write weight, opacity that weight: pale is undecided.",
    ),
    "occupancy": (
        "How much every slot is read",
        "Mean Write weight; the dashed line is an equal share, below the dotted line a slot counts as dead.",
    ),
    "token_weights": ("What one token reads from the slots", "The token's Write weights; they sum to 1."),
    "provenance": (
        "Where one token received from",
        "Lines lead from tokens that won a slot to the reading one, in the slot's colour; width is weight.",
    ),
    "slot": (
        "The slot that is read most",
        "How much every token reads it, and with markers the tokens that won it.",
    ),
    "writers_and_readers": (
        "Who writes, who reads",
        "Left: whose tokens fill each slot. Right: whose tokens read it. Rows sum to 1 on each side.",
    ),
    "flows": ("From task to slot to task", "The width of a band is its share of everything that is read."),
    "attention": (
        "What one token reads",
        "Colour is the share of all that the marked token reads; hatched: cannot be read, pale: is not.",
    ),
    "sources": (
        "From which tasks tokens read",
        "A bar is everything that is read, divided by the task it comes from.",
    ),
    "tasks": ("Which task reads which", "A row is a reading task; its cells say from which tasks it reads."),
}
"""Title and how to read it, by file name."""

AFFINITY_CAPTIONS: dict[str, tuple[str, str]] = {
    "affinity": (
        "Which places each task takes to be alike",
        "Colour is the cosine with the marked place, blue alike, red opposite; G is what the fusion makes of all "
        "tasks. The last map is bright where the tasks disagree.",
    ),
    "fusion": (
        "What the fusion learned",
        "Colour is the sum of the weights with which a row of G takes in a task's affinity; the same for every image.",
    ),
    "diffusion": (
        "What diffusion changes",
        "Features before and after as three colours, and how far each place's features moved over their length.",
    ),
    "agreement": (
        "Agreement between tasks",
        "1: two tasks find the same pairs of places alike; affinity.json says what shuffled places would reach.",
    ),
    "ranks": (
        "Rank correlation of the affinities",
        "1: two matrices put the pairs of places in the same order; the last row is the fused matrix.",
    ),
}
"""The same for models whose tasks compare places."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:72rem;
margin:2rem auto;padding:0 1rem}}
h1{{font-size:1.4rem}}small{{color:#555;overflow-wrap:anywhere}}</style></head>
<body><h1>{title}</h1>
{body}
<p><small>{stamp}</small></p></body></html>
"""


def write_figures(figures: Mapping[str, "go.Figure"], folder: Path, title: str, stamp: str) -> list[str]:
    """Write ``figures/NAME.html`` for every figure, ``figures/plotly.min.js`` once, and ``index.html``.

    Args:
        figures: by a name of ``CAPTIONS`` or ``AFFINITY_CAPTIONS``.
        folder: an existing folder.
        title: of the list.
        stamp: what made the figures, printed on each.

    Returns:
        Names of the files, relative to ``folder``.
    """
    from plotly.offline import get_plotlyjs

    from mtlviz.plots.style import paper

    place = folder / "figures"
    place.mkdir()
    (place / SCRIPT).write_text(get_plotlyjs(), encoding="utf-8")
    files, items, captions = [f"figures/{SCRIPT}"], [], CAPTIONS | AFFINITY_CAPTIONS
    for name, figure in figures.items():
        heading, reading = captions.get(name, (name.replace("_", " ").capitalize(), ""))
        drawn = paper(figure).to_html(include_plotlyjs=SCRIPT, full_html=False, config={"displaylogo": False})
        page = _page(heading, f"<p>{escape(reading)}</p>\n{drawn}", stamp)
        files.append(f"figures/{name}.html")
        (folder / files[-1]).write_text(page, encoding="utf-8")
        items.append(f'<li><a href="{files[-1]}">{escape(heading)}</a><br><small>{escape(reading)}</small></li>')
    (folder / "index.html").write_text(_page(title, f"<ul>{''.join(items)}</ul>", stamp), encoding="utf-8")
    return [*files, "index.html"]


def _page(title: str, body: str, stamp: str) -> str:
    return _PAGE.format(title=escape(title), body=body, stamp=escape(stamp))
