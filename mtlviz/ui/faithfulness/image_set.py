"""Stored results of ``faithfulness``: every kind of map of every model, beside its controls."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtlviz.analysis.faithfulness.names import KINDS, MEASURES
from mtlviz.analysis.faithfulness.stored import StoredFaithfulness, StoredModel, from_plain
from mtlviz.analysis.faithfulness.summary import KIND
from mtlviz.analysis.stability.stored import StoredInterval
from mtlviz.checkpoints import ModelCard
from mtlviz.plots.faithfulness import LOOKS, Strip, strip_figure
from mtlviz.plots.style import task_title
from mtlviz.ui import panels, state
from mtlviz.ui.stability.words import definitions, signed
from mtlviz.ui.stored_results import SetProvenance, set_provenance, stored

READ = (
    "One row a model, grouped by map: ρ between what the map says and what happens without the cell. Filled circles "
    "are the map, open diamonds the map of random weights, crosses the map with its cells shuffled; bars are 95% "
    "bootstrap intervals over the images, faint dots the single images. A map is worth its distance from its controls."
)
Held = tuple[StoredModel, ModelCard]


def find() -> tuple[StoredFaithfulness, list[Held]] | None:
    """The result that holds most of the models of this server, then most images, with their cards."""
    cards = [state.card(name) for name in state.model_names()]
    every = [(found, _held(found, cards)) for found in stored(KIND, from_plain)]
    fitting = [one for one in every if one[1]]
    return max(fitting, key=lambda one: (len(one[1]), one[0].images), default=None)


def sentence(found: StoredFaithfulness, held: Sequence[Held], weights: str) -> str:
    """What the result says of the chosen model's maps; empty if it does not hold them."""
    model = next((model for model, card in held if card.weights_sha256 == weights), None)
    if model is None or not model.kinds:
        return ""
    parts = []
    for key, kind in model.kinds.items():
        own, gain = kind.numbers.get("faithful"), kind.numbers.get("gain")
        if key in KINDS and own is not None and own.mean is not None:
            beyond = gain is not None and gain.low is not None and gain.low > 0
            parts.append(f"{KINDS[key].title.lower()} **{_interval(own)}**"
                         + ("" if beyond else ", not clearly above random weights"))  # fmt: skip
    where = f"Over **n = {found.images}** images of {panels.plain(found.data)}"
    return (
        f"{where} the maps of {panels.plain(model.title)} rank their cells as their removal does with ρ: "
        f"{'; '.join(parts)}."
    )


def draw(found: StoredFaithfulness, held: Sequence[Held]) -> None:
    """The figure, the table and what the numbers mean."""
    strips = [_strip(key, model) for key in KINDS for model, _ in held if key in model.kinds]
    stamps = [_stamp(card, found) for _, card in held]
    if not strips:
        panels.empty("The stored result holds no map: its models have no interaction.", f"`{command(())}`")
        return
    best = max(strips, key=lambda one: one.means["faithful"][0] if "faithful" in one.means else -2)
    panels.figure(
        strip_figure(strips, {key: MEASURES[key].title for key in LOOKS}), "faith_set", how_to_read=READ,
        alt=f"{len(strips)} maps of {len(held)} models; best {best.kind} of {best.model}", data=_frame(held),
        formula=MEASURES["faithful"].formula, provenance=stamps,
    )  # fmt: skip
    st.dataframe(_shown(held), hide_index=True, width="stretch")
    _by_task(held)
    with st.container(horizontal=True):
        definitions(MEASURES)
        with st.popover("What the maps are", icon=":material/function:", type="tertiary"):
            for key in KINDS:
                kind = KINDS[key]
                st.markdown(f"**{kind.title}.** {kind.cells} Taken away: {kind.removed}. Ranked {kind.row}.")
        with st.popover("Protocol", icon=":material/science:", type="tertiary"):
            st.markdown(panels.plain(found.protocol))


def command(names: Sequence[str]) -> str:
    """What would fill this section."""
    chosen = " ".join(names) or "kem cross_attention ctal"
    out = "results/faithfulness.json"
    return f"python -m mtlviz faithfulness --checkpoint {chosen} --data rooms:val --limit 30 --out {out}"


def _held(found: StoredFaithfulness, cards: Sequence[ModelCard]) -> list[Held]:
    by_weights = {card.weights_sha256: card for card in cards}
    return [(model, by_weights[model.weights_sha256]) for model in found.models if model.weights_sha256 in by_weights]


def _strip(key: str, model: StoredModel) -> Strip:
    kind = model.kinds[key]
    means = {
        name: tuple(math.nan if end is None else end for end in (one.mean, one.low, one.high))
        for name, one in kind.numbers.items()
        if name in LOOKS
    }
    single = {
        name: [math.nan if value is None else value for value in values]
        for name, values in kind.single.items()
        if name in LOOKS
    }
    return Strip(KINDS[key].title, model.title, means, single)  # type: ignore[arg-type]


def _shown(held: Sequence[Held]) -> pd.DataFrame:
    """One row a map and model, one column a measure."""
    return pd.DataFrame(
        {"Map": KINDS[key].title, "Model": model.title,
         **{about.title: _interval(model.kinds[key].numbers.get(name)) for name, about in MEASURES.items()}}
        for key in KINDS for model, _ in held if key in model.kinds
    )  # fmt: skip


def _by_task(held: Sequence[Held]) -> None:
    rows = [
        {"Map": KINDS[key].title, "Model": model.title,
         **{task_title(task): _interval(one) for task, one in model.kinds[key].by_task.items()}}
        for key in KINDS for model, _ in held if key in model.kinds and model.kinds[key].by_task
    ]  # fmt: skip
    if rows:
        with st.expander("Map with effect, by reading task", icon=":material/table_rows:"):
            st.dataframe(pd.DataFrame(rows).fillna("–"), hide_index=True, width="stretch")


def _frame(held: Sequence[Held]) -> pd.DataFrame:
    rows = [
        (model.name, key, name, one.mean, one.low, one.high, one.n)
        for model, _ in held for key, kind in model.kinds.items() for name, one in kind.numbers.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "map", "measure", "mean", "low", "high", "images"])


def _interval(one: StoredInterval | None) -> str:
    if one is None or one.mean is None:
        return "–"
    ends = "" if one.low is None or one.high is None else f" [{signed(one.low)}, {signed(one.high)}]"
    return signed(one.mean) + ends


def _stamp(card: ModelCard, found: StoredFaithfulness) -> SetProvenance:
    return set_provenance(card, f"{found.images} images of {found.data}", device=found.device, seed=found.seed,
                          versions=found.versions, protocol=found.protocol)  # fmt: skip
