"""The routing page's controls and main view: slots on the image of every task, and what the picked token reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from mtlviz.analysis.composite import TokenProvenance, token_provenance
from mtlviz.analysis.routing import SlotRouting
from mtlviz.engine import Run
from mtlviz.models.interactions import OWN, interaction_class
from mtlviz.plots.maps import Panel
from mtlviz.plots.routing_bars import occupancy_figure, token_weights_figure
from mtlviz.plots.routing_maps import Show, pale, pick_markers, routing_panels
from mtlviz.plots.style import slot_label
from mtlviz.trace import SlotTrace
from mtlviz.ui import charts, negative_controls, panels, pick, state
from mtlviz.ui.downloads import file_stamp
from mtlviz.ui.linked import LINKED
from mtlviz.ui.slots import words

SHOWS: tuple[Show, ...] = ("winners", "readers", "both")
SHARING = {"none": "share only the encoder.", OWN: "share in a way of their own, which leaves no slots to look at."}
"""How tasks of a model without slots share, where they do not reach one another directly."""
VIVID = 0.7
"""Strength of the photograph under markers alone."""
MAP_HEIGHT = 270
RETRIEVE = (
    r"A_r=\mathrm{topk\text{-}softmax}\!\left(\tfrac{(RW_{qr})(FW_{kr})^\top}{\sqrt d}\right),"
    r"\quad K\text{ of }S\text{ tokens a slot}"
)
WRITE = r"A_w=\mathrm{softmax}\!\left(\tfrac{(FW_{qw})(\hat RW_{kw})^\top}{\sqrt d}\right),\quad S\times L"
SOURCE = "Retrieve and Write of the knowledge extraction module, SGW-based Multi-Task Learning in Vision Tasks (2024)."
PICKS_READ = (
    "A marker is a token that won a place in the slot with its number: the larger, the larger its Retrieve weight; "
    "markers around a dot share that token."
)
READERS_READ = (
    "A cell has the colour of the slot its token reads most, as strong as the weight of that slot: a map that is "
    "almost blank belongs to tokens that hardly choose."
)


@dataclass(frozen=True)
class View:
    """What the page's controls say.

    Attributes:
        show: winners, readers or both.
        certainty: opacity of a cell is the winning weight.
        slot: the chosen slot.
        only: the other slots fade.
        photograph: strength of the photograph under coloured cells, 0 to 1.
    """

    show: Show
    certainty: bool
    slot: int
    only: bool
    photograph: float

    @property
    def alone(self) -> int | None:
        """The slot that is shown alone, if any."""
        return self.slot if self.only else None


def choose_view(routing: SlotRouting) -> View:
    """The controls of what is drawn, for the page's row of controls."""
    state.check_query("slots_show", SHOWS)
    show = st.segmented_control(
        "On the image", SHOWS, default="winners", required=True, key="slots_show", **LINKED,
    )  # fmt: skip
    slot = _choose_slot(routing)
    only = st.toggle("Only this slot", key="slots_only", **LINKED)
    certainty = st.toggle(
        "Fade the undecided", True, key="slots_certainty", disabled=show == "winners",
        help="A cell is as strong as the weight with which its slot wins; off draws all cells alike.", **LINKED,
    )  # fmt: skip
    photograph = st.slider(
        "Photograph", 0.0, 1.0, 0.25, 0.05, key="slots_photo", width=150, help="How strongly the photograph "
        "shows under coloured cells.", **LINKED,
    )  # fmt: skip
    return View(show or "winners", certainty, slot, only, photograph)


def _choose_slot(routing: SlotRouting) -> int:
    last = routing.slots - 1
    state.check_query_number("slot", 0, last)
    if int(st.session_state.get("slot", 0)) > last:  # chosen with a model of more slots
        st.session_state["slot"] = last
    return int(st.number_input(f"Slot (0 to {last})", 0, last, key="slot", width=130, **LINKED))


def draw_legend(run: Run, routing: SlotRouting, view: View) -> None:
    """The slots with their colours, marks and occupancies."""
    busiest = int(routing.occupancy.argmax())
    panels.figure(
        occupancy_figure(routing, view.alone),
        "slots_occupancy",
        how_to_read="One bar a slot: its mean Write weight over all tokens. Below it are the colour and the mark it "
        "has everywhere on this page; under the dotted line it counts as dead.",
        alt=f"Occupancy of {routing.slots} slots; {slot_label(busiest)} has {routing.occupancy[busiest]:.3f}",
        provenance=(run.provenance,),
    )


def draw_maps(run: Run, routing: SlotRouting, view: View, real: SlotRouting | None = None) -> None:
    """The maps of all tasks, two a row; a click picks a token.

    Args:
        run: gives the image and its token grid.
        routing: what is drawn.
        view: how.
        real: the model's own, where ``routing`` is that of a negative control.
    """
    if real is not None and view.only and not negative_controls.one_slot_beside(run):
        real = None
    geometry, tasks = state.geometry(run), routing.layout.tasks
    marks = [pick_markers(routing, task, geometry, slot=view.alone) if view.show != "readers" else () for task in tasks]
    drawn, own = (
        None if one is None else routing_panels(one, view.show, certainty=view.certainty, slot=view.alone)
        for one in (routing, real)
    )
    strength = VIVID if view.show == "winners" else view.photograph
    maps_on_pale(drawn or (), run, "slots_map", strength, marks, real=own)
    texts = {"winners": (PICKS_READ, RETRIEVE), "readers": (READERS_READ, WRITE)}
    how, formula = texts.get(view.show, (f"{PICKS_READ} {READERS_READ}", rf"{RETRIEVE}\qquad {WRITE}"))
    explain(run, "slots_maps", f"{how} Click a token to follow it.", formula, _arrays(routing))


def maps_on_pale(
    drawn: Sequence[Panel],
    run: Run,
    key: str,
    strength: float,
    marks: Sequence[Sequence[go.Scatter]] = (),
    real: Sequence[Panel] | None = None,
) -> None:
    """Clickable maps, two a row, over a pale photograph.

    Args:
        drawn: one panel a map.
        run: gives the image and its token grid.
        key: of the group, unique on the page.
        strength: of the photograph, 0 to 1.
        marks: further traces of each map.
        real: the same maps of the model itself, where ``drawn`` are those of a negative control.
    """
    geometry, picked, ground = state.geometry(run), pick.current(run).place, _pale_run(run, strength)
    for start in range(0, len(drawn), 2):
        row = drawn[start : start + 2]
        for index, (column, panel) in enumerate(zip(st.columns(2), row, strict=False), start=start):
            spec = charts.map_spec(panel, geometry, ground, beside=row, height=MAP_HEIGHT, clickable=True)
            added = [trace.to_plotly_json() for trace in marks[index]] if marks else []
            fig = charts.mark({**spec, "data": [*spec["data"], *added]}, geometry, picked)
            with column:
                charts.show_map(
                    fig, geometry, f"{key}_{index}", f"{panel.title}: {panel.note}",
                    partial(pick.take_click, task=panel.task), file_stamp((run.provenance,)),
                )  # fmt: skip
                own = real[index] if real else None
                negative_controls.beside(panel, own, numbered=negative_controls.numbered(run))


def explain(run: Run, key: str, how_to_read: str, formula: str, data: panels.Data) -> None:
    """The explanation and the download below a group of maps."""
    panels.maps((), run, key, clickable=False, how_to_read=how_to_read, formula=formula, source=SOURCE, data=data)


def _pale_run(run: Run, strength: float) -> Run:
    """The run over a pale copy of its image, for drawing only: its hash names the copy."""
    sample = replace(run.sample, image=pale(run.sample.image, strength))
    copy = replace(run.provenance, image_sha256=f"{run.provenance.image_sha256} pale {strength}")
    return replace(run, sample=sample, provenance=copy)


def pick_token(run: Run, trace: SlotTrace) -> TokenProvenance:
    """The inputs of the picked token, in one row, and where that token received from."""
    picked = pick.token(run)
    return token_provenance(trace, trace.layout.token(picked.task, picked.row, picked.column))


def draw_token(run: Run, provenance: TokenProvenance, view: View) -> None:
    """The picked token: its sentence, its weights over the slots."""
    st.subheader("The picked token", anchor=False)
    st.markdown(words.token(provenance))
    best = int(provenance.slots.argmax())
    panels.figure(
        token_weights_figure(provenance, view.alone),
        "slots_token",
        how_to_read="One bar a slot: the weight with which this token reads it; all bars sum to 1, and bars near the "
        "dashed line mean that it does not choose.",
        alt=f"Write weights of the token; {slot_label(best)} has {provenance.slots[best]:.3f}",
        formula=r"w_{i\cdot}=\mathrm{softmax}\!\left(\tfrac{f_iW_{qw}(\hat RW_{kw})^\top}{\sqrt d}\right)",
        source=SOURCE,
        data={"write_weights": provenance.slots},
        provenance=(run.provenance,),
    )


def without_slots(run: Run) -> None:
    """Why the page is empty for a model without slots, and a way out."""
    panels.empty(
        f"{panels.plain(run.card.title)} has no memory slots: its tasks "
        + SHARING.get(run.card.architecture.interaction, "reach one another directly."),
        "Choose a model that shares through slots; the image stays.",
    )
    others = [name for name in state.model_names() if _has_slots(name)]
    if not others:
        st.info("No checkpoint here has slots; train one with the interaction “kem”.", icon=":material/info:")
    for name in others[:3]:
        st.button(
            f"Use {state.card(name).title}", key=f"slots_use_{name}", on_click=_use, args=(name,),
            icon=":material/hub:", type="primary" if name == others[0] else "secondary",
        )  # fmt: skip


def _has_slots(name: str) -> bool:
    return "slots" in interaction_class(state.card(name).architecture.interaction).Config.model_fields


def _use(name: str) -> None:
    st.session_state[state.MODEL_KEYS["a"]] = name


def _arrays(routing: SlotRouting) -> dict[str, np.ndarray]:
    """What the maps show, for the download: indices are those of the S tokens, task by task, row by row."""
    picks = routing.picks
    return {
        "pick_slot": picks.slot,
        "pick_token": picks.token,
        "pick_weight": picks.weight.astype(np.float32),
        "read_most": routing.write.winner,
        "read_weight": routing.write.weight.astype(np.float32),
        "read_entropy": routing.write.entropy.astype(np.float32),
        "tasks": np.array(routing.layout.tasks),
        "grid": np.array(routing.layout.grid),
    }
