"""One model as a card: what it is, what it scored by which protocol, and the pages that it has something to show on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from mtlviz.checkpoints import ModelCard, folder_of
from mtlviz.errors import CheckpointError
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.ui import panels, state
from mtlviz.ui.frame import Entry
from mtlviz.ui.models.abilities import reasons, recorded
from mtlviz.ui.pickers import BADGES
from mtlviz.ui.protocols import card_protocols

GO_TO = "_models_go_to"
"""Key of the page that a button asked for, until the next run goes there."""
NO_BREAK = "\N{NO-BREAK SPACE}"
TRAINED = {"synthetic": "synthetic scenes", "real": "real data", "random": "nothing"}
RECORDS = {
    "slots": "Records slots, their picks and weights.",
    "attention": "Records who reads whom, token by token.",
    "affinity": "Records affinities between pixels.",
    "": "Records no exchange between tasks.",
}
"""By what its interaction records."""
FACE = ("predictions", "slots", "affinity", "noise", "embedding")
"""Pages of which a card links to the first two on its face that have something to show."""
Pages = Mapping[str, tuple[Entry, "st.Page"]]


def draw(card: ModelCard, pages: Pages, toggle: Callable[[str], None], compared: bool) -> None:
    """The card.

    Args:
        card: of the model.
        pages: by address what links to a page; empty for none.
        toggle: is given the name where the model is to be compared with another, or not any more.
        compared: it is one of two that are compared.
    """
    _head(card)
    _scores(card)
    st.caption("sha256 of the weights")
    st.code(card.weights_sha256, language=None, height=44)
    able = [url for url, why in reasons(card).items() if not why and url in pages]
    with st.container(horizontal=True, gap="xsmall"):
        for url in [url for url in FACE if url in able][:2]:
            _link(card, "face", pages[url][0])
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        if card.part == "network":
            st.button(
                "Compared" if compared else "Compare", key=f"models_compare_{card.name}", on_click=toggle,
                args=(card.name,), icon=":material/check:" if compared else ":material/compare_arrows:",
                type="tertiary",
            )  # fmt: skip
            with st.popover("Open in", icon=":material/open_in_new:", type="tertiary"):
                _links(card, pages, able)
        with st.popover("More", icon=":material/info:", type="tertiary"):
            _more(card)


def megabytes(card: ModelCard) -> float | None:
    """Size of the weights' file; None for an adapter, which has none."""
    try:
        return (folder_of(card.name, state.folder()) / f"{card.name}.safetensors").stat().st_size / 1e6
    except (CheckpointError, OSError):
        return None


def headlines(card: ModelCard, data: str) -> dict[str, float]:
    """By task its headline metric over a set; what the card does not have is left out."""
    scored = card.metrics[data].get("tasks", {})
    found = {task.name: scored.get(task.name, {}).get("metrics", {}).get(task.metric) for task in card.tasks}
    return {name: float(value) for name, value in found.items() if value is not None}


def scored_sets(card: ModelCard) -> list[str]:
    """Sets that the card has scores of."""
    return [name for name, one in card.metrics.items() if isinstance(one, dict) and "tasks" in one]


def _head(card: ModelCard) -> None:
    st.markdown(f"##### {panels.plain(card.title)}")
    with st.container(horizontal=True, gap="xxsmall"):
        text, colour, explained = BADGES[card.trained]
        st.badge(text, color=colour, help=explained)  # type: ignore[arg-type]
        if card.part == "network":
            st.badge(panels.plain(card.architecture.interaction), color="gray", icon=":material/hub:",
                     help="How its tasks share.")  # fmt: skip
        else:
            st.badge("encoder", color="gray")
        if card.capabilities is not None:
            st.badge("adapter", color="violet", help="Its code was named when the app was started.")
    st.markdown(panels.plain(card.summary))
    size = megabytes(card)
    facts = [
        f"`{card.name}`",
        f"{card.parameters.get('total', 0) / 1e6:.2f} M parameters",
        "weights from its code" if size is None else f"{size:.1f} MB",
        f"{card.input_size[0]} × {card.input_size[1]} px",
        panels.plain(card.licence),
    ]
    st.caption(" · ".join(facts))
    st.caption(_training(card))


def _training(card: ModelCard) -> str:
    """Data, budget and seed."""
    budget = card.training.get("budget")
    said = f"Trained on {panels.plain(card.data or TRAINED[card.trained])}"
    if isinstance(budget, int):
        said += f", {budget:,} images seen"
    said += f", seed {card.seed}." if card.training else "."  # of others the seed is not known
    if card.provenance:
        said += f" {panels.plain(card.provenance)}."
    return said


def _scores(card: ModelCard) -> None:
    sets = scored_sets(card)
    if not sets:
        predicts = ", ".join(task_title(task.name).lower() for task in card.tasks)
        made = "The card holds no scores; `python -m mtlviz evaluate` measures them."
        st.caption(f"Predicts {predicts}. {made}" if card.part == "network" else f"Trained by predicting {predicts}.")
        return
    found = headlines(card, sets[0])
    rows = [
        f"| {task_title(task.name)}, {metric_title(task)}{NO_BREAK}{'↑' if task.higher_is_better else '↓'} | "
        + (f"**{metric_text(task, found[task.name], 3).replace(' ', NO_BREAK)}** |" if task.name in found else "– |")
        for task in card.tasks
    ]
    images = card.metrics[sets[0]].get("images", "?")
    head = f"| {images} images of {panels.plain(sets[0])}, one run | Score |"
    st.markdown("\n".join([head, "|:--|--:|", *rows]))


def _links(card: ModelCard, pages: Pages, able: Sequence[str]) -> None:
    """Every page that has something to show, and why the others have not."""
    st.caption(f"{RECORDS[recorded(card)]} With this model as the first:")
    for url in able:
        _link(card, "all", pages[url][0])
    missing = {url: why for url, why in reasons(card).items() if why and url in pages}
    lacking = [f"- {pages[url][0].title}: {panels.plain(why)}" for url, why in missing.items()]
    if lacking:
        st.caption("**Nothing to show on**\n" + "\n".join(lacking))


def follow(pages: Pages) -> None:
    """Go where a card's button asked for."""
    asked = st.session_state.pop(GO_TO, None)
    if asked in pages:
        st.switch_page(pages[asked][1], query_params={})  # the next page's widgets put theirs into the link again


def _link(card: ModelCard, place: str, entry: Entry) -> None:
    """Go to a page with this model; a plain link would not do, since the session's own choice of a model wins."""
    st.button(
        entry.title, key=f"models_{place}_{card.name}_{entry.url}", icon=entry.icon, type="tertiary", on_click=_use,
        args=(card.name, entry.url),
    )  # fmt: skip


def _use(name: str, url: str) -> None:
    st.session_state[state.MODEL_KEYS["a"]] = name
    st.session_state[GO_TO] = url


def _more(card: ModelCard) -> None:
    """What does not fit on the face of the card."""
    lines = [
        f"**Tasks.** {', '.join(task.title for task in card.tasks)}.",
        f"**Tokens.** {card.token_grid[0]} × {card.token_grid[1]} a task.",
    ]
    options = card.architecture.options
    if options:
        said = ", ".join(f"{key} {value}" for key, value in options.items())
        lines.append(f"**Options.** {panels.plain(said)}.")
    if card.computation:
        lines.append(f"**Computation.** {panels.plain(card.computation)}.")
    if card.versions:
        said = ", ".join(f"{key} {value}" for key, value in card.versions.items())
        lines.append(f"**Made with.** {panels.plain(said)}.")
    for line in lines:
        st.markdown(line)
    for data in scored_sets(card)[:1]:
        for task, protocol in card_protocols([card], data).items():
            st.caption(panels.plain(f"{task_title(task)}: {protocol}."))
    st.download_button(
        "Card (JSON)", partial(_json, card), f"{card.name}.json", "application/json",
        key=f"models_download_{card.name}", on_click="ignore", type="tertiary", icon=":material/download:",
    )  # fmt: skip


def _json(card: ModelCard) -> bytes:
    return (card.model_dump_json(indent=2) + "\n").encode()
