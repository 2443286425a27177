"""The result of ``attribution`` as a person reads it: one row a model and kind of target."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType

from mtlviz.cli.answers import table

if TYPE_CHECKING:
    from mtlviz.analysis.attribution.convergence import Spread

COLUMNS = ("target", "model", "held: below 5 %", "median", "largest", "free: below 5 %", "median", "largest")


def attribution_texts(found: Mapping[str, Any]) -> list[RenderableType]:
    """The table of a result, and what its numbers are.

    Args:
        found: what the command writes.
    """
    from mtlviz.analysis.attribution.convergence import GOOD, PLACES, from_plain, spread

    stored = from_plain({key: value for key, value in found.items() if key != "kind"})
    rows = [
        [title, model.name, *_cells(spread([gap.delta for gap in model.of(where)])),
         *_cells(spread([gap.free for gap in model.of(where)]))]
        for where, title in PLACES.items() for model in stored.models
    ]  # fmt: skip
    missed = [
        f"{model.name} ({gap.task}, {gap.where}, image {gap.image}: {gap.delta:.1%} of f(x) − f(b), "
        f"{gap.missing or 0:.2%} of the sizes of all contributions)"
        for model in stored.models
        for gap in model.gaps
        if gap.delta is not None and gap.delta > GOOD
    ]
    said = "Every target adds up to 5 % with the picks held." if not missed else f"Above 5 %: {', '.join(missed)}."
    return [
        f"{' and '.join(model.name for model in stored.models)} on {stored.data}, n = {stored.images} images: "
        "convergence delta of Integrated Gradients.",
        "",
        table(COLUMNS, rows, text=(0, 1)),
        "",
        said,
        "",
        stored.protocol,
    ]


def _cells(deltas: "Spread | None") -> list[str]:
    if deltas is None:
        return ["", "", ""]
    return [f"{deltas.good} of {deltas.count}", f"{deltas.median:.1%}", f"{deltas.largest:.1%}"]
