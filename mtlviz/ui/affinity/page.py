"""The affinity page's controls and main view: one pixel's rows for every task, the fused row, and the disagreement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from mtlviz.analysis.affinity.rows import PixelRows, group_of, pixel_rows
from mtlviz.engine import Run
from mtlviz.models.interactions import OWN
from mtlviz.plots.affinity import row_panels
from mtlviz.plots.maps import Panel
from mtlviz.trace import AffinityTrace
from mtlviz.ui import negative_controls, panels, pick, state
from mtlviz.ui.affinity import words
from mtlviz.ui.linked import LINKED

QUESTION = "Which pixels does each task consider alike, and where do they disagree?"
SOURCE = "Cross-task affinity learning, CTAL (Sinodinos and Armanfard, 2025), as its released code computes it."
SHARING = {"none": "its tasks share only the encoder.", OWN: "its tasks share in a way of their own."}
"""How models without affinities share, where their tasks do not move values to one another."""
ROWS = (
    r"A_t[i,j]=\frac{F_t(i)\cdot F_t(j)}{|F_t(i)||F_t(j)|},\qquad "
    r"G[i,j]=b_i+\sum_t\sum_{d\in 3\times3}w[i,t,d]\,A_t[i,j+d],\qquad "
    r"\sigma_i(j)=\sqrt{\tfrac1T\sum_t\big(A_t[i,j]-\bar A[i,j]\big)^2}"
)


@dataclass(frozen=True)
class View:
    """What the page looks at.

    Attributes:
        run: the image through the model.
        trace: of its interaction.
        picked: the picked token.
        centred: rows are shown less their mean.
        opacity: of the cells over the image.
        control: what is drawn in the model's place.
        real: the same of the model itself, where ``run`` is that of a negative control.
    """

    run: Run
    trace: AffinityTrace
    picked: pick.Token
    centred: bool
    opacity: float
    control: negative_controls.Choice = negative_controls.MODEL_ITSELF
    real: "View | None" = None

    @property
    def position(self) -> int:
        """The picked position, row by row."""
        return self.picked.row * self.trace.layout.grid[1] + self.picked.column

    @property
    def task(self) -> int:
        """Number of the picked token's task."""
        return self.trace.layout.tasks.index(self.picked.task)

    @property
    def group(self) -> int:
        """Which G spreads the picked task's values."""
        return group_of(self.trace, self.picked.task)

    @property
    def learned(self) -> bool:
        """Whether what is compared are learned projections of the features."""
        return self.run.card.architecture.options.get("similarity") == "learned"

    @property
    def key(self) -> tuple[str, ...]:
        """What results about the whole image depend on; caches are keyed by it."""
        stamp = self.run.provenance
        return stamp.weights_sha256, stamp.image_sha256, repr(stamp.edit)

    def own(self, panels_of: Callable[["View"], Sequence[Panel]]) -> Sequence[Panel] | None:
        """The model's own maps beside those of a control; None where no control is on."""
        return None if self.real is None else panels_of(self.real)


def choose() -> View | None:
    """The controls; None, and a way out, for a model without affinities."""
    engine = state.engine()
    control = negative_controls.current(engine.card)
    run, real = negative_controls.run_beside(engine, control)
    trace = run.trace.interaction
    if not isinstance(trace, AffinityTrace):
        _without_affinities(run)
        return None
    picked = pick.token(run)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        negative_controls.choose(engine.card)
        centred = st.toggle(
            "Less the mean", key="affinity_centred", help="Subtract from every row its mean over the image: what is "
            "left says which pixels are more, and which less alike than usual.", **LINKED,
        )  # fmt: skip
        opacity = st.slider("Opacity", 0.0, 1.0, 0.85, 0.05, key="affinity_opacity", width=150, **LINKED)
    view = View(run, trace, picked, bool(centred), opacity, control)
    if real is None or not isinstance(real.trace.interaction, AffinityTrace):
        return view
    return replace(
        view, real=replace(view, run=real, trace=real.trace.interaction, control=negative_controls.MODEL_ITSELF)
    )


def rows_of(view: View) -> PixelRows:
    """All rows of the picked pixel, made anew for every pick: they take less than a millisecond."""
    return pixel_rows(view.trace, view.position, view.group)


def draw_rows(view: View, rows: PixelRows) -> None:
    """The picked pixel's rows as maps; a click picks another pixel."""
    layout = view.trace.layout
    bright = "The last map is bright where the tasks contradict one another. " if len(layout.tasks) > 1 else ""
    panels.maps(
        _row_panels(view, rows),
        view.run,
        "affinity_rows",
        how_to_read=f"{words.blue(view.trace, view.centred, learned=view.learned)} "
        f"{words.unlike_others(view.trace)} {bright}Click a map to pick another pixel, a cell of the "
        f"{layout.grid[0]} × {layout.grid[1]} grid on which the model compares.",
        formula=ROWS,
        source=SOURCE,
        data=_arrays(view, rows),
        real=view.own(lambda own: _row_panels(own, rows_of(own))),
    )


def _row_panels(view: View, rows: PixelRows) -> tuple[Panel, ...]:
    trace = view.trace
    return row_panels(rows, trace.layout, similarity=trace.similarity, centred=view.centred, opacity=view.opacity)


def _without_affinities(run: Run) -> None:
    """Why the page is empty, and a way out."""
    title = panels.plain(run.card.title)
    interaction = run.card.architecture.interaction
    panels.empty(
        f"**{title} compares no pixels inside a task:** "
        + SHARING.get(interaction, "its tasks move values to one another."),
        "Choose a model whose tasks share affinities; the image stays.",
    )
    offer("ctal", "affinities", "affinity")


def offer(interaction: str, what: str, key: str) -> None:
    """Buttons that choose a model with an interaction.

    Args:
        interaction: in the registry.
        what: such a model has.
        key: before the keys of the buttons.
    """
    names = [name for name in state.model_names() if state.card(name).architecture.interaction == interaction]
    if not names:
        st.info(
            f"No checkpoint here has {what}; train one: `python -m mtlviz train configs/{interaction}.yaml`.",
            icon=":material/info:",
        )
    for name in names[:3]:
        st.button(
            f"Use {state.card(name).title}", key=f"{key}_use_{name}", on_click=_use, args=(name,),
            icon=":material/hub:", type="primary" if name == names[0] else "secondary",
        )  # fmt: skip


def _use(name: str) -> None:
    st.session_state[state.MODEL_KEYS["a"]] = name


def _arrays(view: View, rows: PixelRows) -> dict[str, np.ndarray]:
    """What the maps show; with the factors any other row follows exactly."""
    trace = view.trace
    return {
        "task_rows": rows.tasks, "fused_row": rows.fused, "fused_parts": rows.parts, "bias": np.array(rows.bias),
        "disagreement": rows.disagreement, "position": np.array([view.picked.row, view.picked.column]),
        "units": np.asarray(trace.units), "fusion_weights": np.asarray(trace.weights),
        "fusion_bias": np.asarray(trace.bias), "tasks": np.array(trace.layout.tasks),
        "grid": np.array(trace.layout.grid),
    }  # fmt: skip
