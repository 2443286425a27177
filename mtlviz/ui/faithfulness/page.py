"""The faithfulness page on the current image: what a map says of its cells, and what happens without them."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float

from mtlviz.analysis.attribution.targets import UNITS as TARGET_UNITS
from mtlviz.analysis.faithfulness.effects import BY_REGION, BY_TASK
from mtlviz.analysis.faithfulness.gradients import BY_PIXEL, INTEGRATED, SALIENCY, gradient_kinds
from mtlviz.analysis.faithfulness.image import RECORDED, Foretold, available_kinds, foretold, layout_of
from mtlviz.analysis.faithfulness.maps import Cells
from mtlviz.analysis.faithfulness.names import KINDS, MapKind
from mtlviz.analysis.faithfulness.regions import Regions, regions_of
from mtlviz.engine import Engine, Run
from mtlviz.plots.faithfulness import Cloud, cloud_figure
from mtlviz.plots.faithfulness_maps import region_panels
from mtlviz.plots.style import slot_colour, slot_label, slot_symbol, task_colour, task_title
from mtlviz.ui import linked, negative_controls, panels, pick, state
from mtlviz.ui.faithfulness.job import measured_gradients, measured_regions
from mtlviz.ui.surgery.words import correlation_text

QUESTION = "Do the maps of the inside foretell what happens when something is taken away?"
RANDOM = negative_controls.Choice("random weights")
TOGETHER = (BY_REGION, BY_TASK)
"""Kinds that share their interventions."""
UNITS = {"classes": " of the pixels", "depth": " m", "normals": "°", "binary": ""}
CHANGES = {"classes": "share of pixels changed", "depth": "mean change in m", "normals": "mean change in °",
           "binary": "mean change of probability"}  # fmt: skip
READ = (
    "One mark a cell of the map, from left to right as the map ranks them, from bottom to top as their effects do: on "
    "the dashed diagonal the map foretells the order. Grey diamonds are the same cells as the map of random weights "
    "ranks them."
)
RHO = r"\rho=\mathrm{corr}\big(\mathrm{rank}(\text{map}),\ \mathrm{rank}(\text{effect})\big)"


@dataclass(frozen=True, eq=False)
class Live:
    """One kind of map of the current image.

    Attributes:
        engine: of the model.
        run: of the image.
        kind: of map.
        found: what it says and what happens.
    """

    engine: Engine
    run: Run
    kind: MapKind
    found: Foretold


def measured_run(engine: Engine) -> Run:
    """The current image with what the measurements need."""
    return state.run(engine, capture=RECORDED)


def kinds(run: Run) -> list[MapKind]:
    """The kinds of maps that the model has."""
    held = (*available_kinds(run), *gradient_kinds(run.card))
    return [KINDS[key] for key in KINDS if key in held]


def choose(held: list[MapKind]) -> MapKind:
    """The control of the page: which map."""
    titles = {kind.title: kind for kind in held}
    return titles[linked.select("Map", list(titles), "faith_map", width=320)]


def measure(engine: Engine, run: Run, kind: MapKind) -> Live | None:
    """The map against the effects; None as long as the expensive ones are not measured."""
    together = next((group for group in TOGETHER if kind.key in group), (kind.key,))
    chosen = tuple(one.key for one in kinds(run) if one.key in together)
    image = (engine.card.weights_sha256, run.provenance.image_sha256, run.sample.name)
    by_region, gradients = None, None
    if kind.key in BY_REGION:
        by_region = measured_regions(engine, run, _regions(run), image, kind.title)
        if by_region is None:
            return None
    if kind.key == INTEGRATED:
        engines = engine, negative_controls.engine(engine, RANDOM)
        gradients = measured_gradients(engines, run, _regions(run), kind.key, image, kind.title)
        if gradients is None:
            return None
    found = _foretold(engine, run, chosen, by_region, gradients, (*image, *chosen))
    return Live(engine, run, kind, found[kind.key])


def sentence(live: Live) -> str:
    """What the page says of this image."""
    numbers = live.found.numbers
    if np.isnan(numbers["faithful"]):
        return (
            f"On this image nothing can be ranked: **{live.kind.title}** of {panels.plain(live.run.card.title)} or its "
            "effects are the same for every cell."
        )
    return (
        f"On this image **{live.kind.title}** of {panels.plain(live.run.card.title)} ranks its cells as their removal "
        f"does with ρ = **{correlation_text(numbers['faithful'])}**; the map of random weights reaches "
        f"**{correlation_text(numbers['random'])}**, its own cells in shuffled order "
        f"**{correlation_text(numbers['shuffled'])}**."
    )


def draw(live: Live) -> None:
    """Cells against effects, and for regions the maps themselves."""
    picked = pick.current(live.run) if live.kind.key in BY_TASK else pick.token(live.run)
    if live.kind.key in (*BY_REGION, *BY_PIXEL):
        _draw_regions(live, picked)
    row = _row(live, picked)
    cloud = _cloud(live, row, picked)
    rho = live.found.by_row(live.found.weights)[row]
    left, right = st.columns([3, 2], gap="medium")
    with left:
        panels.figure(
            cloud_figure(cloud, _cell_word(live.kind.key)), "faith_cloud", how_to_read=READ,
            alt=f"{live.kind.title} against effects, rank correlation {rho:.2f}", formula=RHO,
            source="Spearman; ties share their mean rank.", data=_arrays(live), provenance=(live.run.provenance,),
        )  # fmt: skip
    with right:
        st.markdown(f"**What the map says.** {live.kind.cells}")
        st.markdown(f"**What is taken away.** {_sentence_case(live.kind.removed)}.")
        st.markdown(f"**Drawn here.** {_row_words(live, picked)}: ρ = **{correlation_text(float(rho))}**.")
        if parts := live.found.by_task:
            said = ", ".join(f"{task_title(task)} **{correlation_text(value)}**" for task, value in parts.items())
            st.markdown(f"**By reading task.** {said}.")


def without_maps(run: Run) -> None:
    """Why there is nothing to measure."""
    panels.empty(
        f"{panels.plain(run.card.title)} has no map of an exchange between tasks and gives no gradients.",
        "Choose another model in the sidebar; the image stays.",
    )


def _draw_regions(live: Live, picked: pick.Token) -> None:
    tasks, regions, row = live.found.tasks, _regions(live.run), _row(live, picked)
    own = live.kind.key in ("diffusion", *BY_PIXEL)
    shown = []
    for values, what, unit, effect in (
        (live.found.weights[row], "Map", _map_unit(live, picked), False),
        (
            live.found.effects[row],
            "Effect",
            f"{task_title(picked.task)}: {CHANGES[live.run.card.task(picked.task).kind]}",
            True,
        ),
    ):
        by_task = np.full((len(tasks), len(regions)), np.nan)
        by_task[tasks.index(picked.task) if own else slice(None)] = values.reshape((-1, len(regions)))
        drawn = region_panels(by_task, regions.of_token, live.run.card.token_grid, tasks, what=what, unit=unit,
                              effect=effect)  # fmt: skip
        shown.append([panel for panel in drawn if panel is not None])
    rows = [[*shown[0], *shown[1]]] if own else shown
    for there, key in zip(rows, ("map", "effect"), strict=False):
        panels.maps(there, live.run, f"faith_{key}", columns=max(len(there), 2), height=220)
    first, second = ("On the left", "on the right") if own else ("Above", "below")
    panels.maps(
        (), live.run, "faith_maps", clickable=False,
        how_to_read=(
            f"{first}, what the gradients of {task_title(picked.task)}, meaned over the image, lay on every region; "
            f"{second}, how much that prediction changes when the region is blurred."
            if live.kind.key in BY_PIXEL
            else f"{first}, what the {task_title(picked.task)} tokens in the picked token's region take from every "
            f"region; {second}, how much the prediction there changes when that region's features take their mean. "
            "Click a token to read in another region."
        ) + " A map that can be trusted is bright where the effect is.",
    )  # fmt: skip


def _map_unit(live: Live, picked: pick.Token) -> str:
    """What the numbers of the map are."""
    if live.kind.key not in BY_PIXEL:
        return "weight, no unit"
    unit = TARGET_UNITS[live.run.card.task(picked.task).kind]
    return f"{unit} per brightness 0 to 1" if live.kind.key == SALIENCY else unit


def _row(live: Live, picked: pick.Token) -> int:
    """The row of the map that is drawn: the picked task's, or that of the picked region."""
    if live.kind.key in BY_TASK:
        return 0
    task = live.found.tasks.index(picked.task)
    if live.kind.key in ("slots", *BY_PIXEL):
        return task
    regions = _regions(live.run)
    return task * len(regions) + int(regions.of_token[picked.row * live.run.card.token_grid[1] + picked.column])


def _cloud(live: Live, row: int, picked: pick.Token) -> Cloud:
    found, tasks = live.found, live.found.tasks
    if live.kind.key == "slots":
        slots = range(found.weights.shape[1])
        names, colours, symbols = ([of(slot) for slot in slots] for of in (slot_label, slot_colour, slot_symbol))
    elif live.kind.key in BY_TASK:
        pairs = [(reader, source) for reader in tasks for source in tasks]
        names = [f"{task_title(source)} for {task_title(reader)}" for reader, source in pairs]
        colours, symbols = [task_colour(source) for _, source in pairs], ["circle"] * len(pairs)
    else:
        sources = (picked.task,) if live.kind.key in ("diffusion", *BY_PIXEL) else tasks
        places = [tuple(int(one) for one in place) for place in _regions(live.run).places]
        names = [f"{task_title(task)}, region {place}" for task in sources for place in places]
        colours, symbols = [task_colour(task) for task in sources for _ in places], ["circle"] * len(names)
    unit = " of switching all off" if live.kind.key in BY_TASK else _unit(live, picked)
    return Cloud(names, colours, symbols, found.weights[row], found.effects[row], found.random[row], unit)


def _unit(live: Live, picked: pick.Token) -> str:
    return UNITS[live.run.card.task(picked.task).kind]


def _row_words(live: Live, picked: pick.Token) -> str:
    if live.kind.key in BY_TASK:
        return "All pairs of different tasks, in the colour of the task that is taken away"
    if live.kind.key == "slots":
        return f"The slots as {task_title(picked.task)} reads them"
    if live.kind.key in BY_PIXEL:
        return f"The regions of the image for {task_title(picked.task)}"
    reader = f"the picked token's region reads them for {task_title(picked.task)}"
    return f"The regions as {reader}, in the colour of their task"


def _cell_word(kind: str) -> str:
    return "slots" if kind == "slots" else "pairs of tasks" if kind in BY_TASK else "regions"


def _sentence_case(text: str) -> str:
    return text[0].upper() + text[1:]


def _arrays(live: Live) -> dict[str, np.ndarray]:
    return {"map": live.found.weights, "effect": live.found.effects, "map_of_random_weights": live.found.random,
            "tasks": np.array(live.found.tasks)}  # fmt: skip


def _regions(run: Run) -> Regions:
    return regions_of(run, layout_of(run))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=24, show_spinner="Taking parts away, one after another; this takes about a second.")
def _foretold(
    _engine: Engine,
    _run: Run,
    kinds: tuple[str, ...],
    _by_region: Float[np.ndarray, "T R E"] | None,
    _gradients: tuple[Cells, Cells] | None,
    key: tuple[str, ...],
) -> dict[str, Foretold]:
    unlearned = negative_controls.engine(_engine, RANDOM)
    known = None if _gradients is None else {INTEGRATED: _gradients}
    return foretold(_engine, unlearned, _run, kinds, by_region=_by_region, gradients=known)
