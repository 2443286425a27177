"""Stored results of ``attribution``: do the contributions of Integrated Gradients add up, over several images?"""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.attribution.convergence import (
    GOOD,
    KIND,
    PLACES,
    Gap,
    StoredConvergence,
    StoredModel,
    from_plain,
    spread,
)
from mtlviz.checkpoints import ModelCard
from mtlviz.ui import panels, state
from mtlviz.ui.attribution.page import View
from mtlviz.ui.downloads import csv_bytes
from mtlviz.ui.stored_results import set_provenance, stored

Held = tuple[StoredModel, ModelCard]
ABSENT = "–"


def draw(view: View) -> None:
    """How far the contributions miss the difference, by model and kind of target; or the command that measures it."""
    with st.expander("Do the contributions add up on other images too?", icon=":material/checklist:"):
        found = find()
        if found is None:
            names = " ".join(dict.fromkeys(side.engine.card.name for side in view.sides))
            panels.empty(
                "No result over a set of images is stored for these models.",
                f"`python -m mtlviz attribution --checkpoints {names} --limit 10 --out results/attribution.json` "
                "measures it; no restart is needed.",
            )
            return
        _draw(*found)


def find() -> tuple[StoredConvergence, list[Held]] | None:
    """The result that holds most of the models of this server, then most images, with their cards."""
    cards = {card.weights_sha256: card for card in map(state.card, state.model_names())}
    every = [
        (one, [(model, cards[model.weights_sha256]) for model in one.models if model.weights_sha256 in cards])
        for one in stored(KIND, from_plain)
    ]
    fitting = [one for one in every if one[1]]
    return max(fitting, key=lambda one: (len(one[1]), one[0].images), default=None)


def _missing(gaps: Sequence[Gap]) -> float:
    """What the target of the largest delta misses, as a share of the sizes of its contributions."""
    return max(gaps, key=lambda gap: gap.delta or 0.0).missing or 0.0


def _draw(found: StoredConvergence, held: Sequence[Held]) -> None:
    gaps = [gap for model, _ in held for gap in model.gaps]
    whole = spread([gap.delta for gap in gaps])
    if whole is not None:
        free = spread([gap.free for gap in gaps])
        beside = "" if free is None else f" With free picks it is {free.good} of {free.count}."
        st.markdown(f"With the picks held, **{whole.good} of {whole.count}** targets add up to {GOOD:.0%}, the largest "
                    f"delta is **{whole.largest:.1%}** of f(x) − f(b) ({_missing(gaps):.2%} of the sizes of all its "
                    f"contributions).{beside}")  # fmt: skip
    rows = [
        {"Target": title, "Model": model.title, **_cells("held", [gap.delta for gap in model.of(where)]),
         **_cells("free", [gap.free for gap in model.of(where)])}
        for where, title in PLACES.items() for model, _ in held
    ]  # fmt: skip
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption(
        "**How to read this.** The delta is what the contributions miss of f(x) − f(b), as a share of it, which may be "
        "large where both are nearly equal; median and largest over the targets of "
        f"n = {found.images} images. {ABSENT} under free: the model picks nothing."
    )
    table = pd.DataFrame([{"model": model.name, **vars(gap)} for model, _ in held for gap in model.gaps])
    stamps = [
        set_provenance(card, f"{found.images} images of {found.data}", device=found.device, seed=0,
                       versions=found.versions, protocol=found.protocol)
        for _, card in held
    ]  # fmt: skip
    with st.container(horizontal=True):
        st.download_button("Data (CSV)", csv_bytes(table, stamps), "mtlviz_attribution_set.csv", "text/csv",
                           key="download_attribution_set", on_click="ignore", type="tertiary",
                           icon=":material/download:")  # fmt: skip
        with st.popover("Protocol", icon=":material/science:", type="tertiary"):
            st.markdown(panels.plain(found.protocol))


def _cells(name: str, deltas: Sequence[float | None]) -> dict[str, str]:
    found = spread(deltas)
    heads = (f"{name}: below {GOOD:.0%}", f"{name}: median", f"{name}: largest")
    if found is None:
        return dict.fromkeys(heads, ABSENT)
    return dict(zip(heads, (f"{found.good} of {found.count}", f"{found.median:.1%}", f"{found.largest:.1%}"),
                    strict=True))  # fmt: skip
