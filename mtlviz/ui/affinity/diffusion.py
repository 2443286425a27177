"""What diffusion does: features before and after, and predictions under another gamma."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from mtlviz.analysis.affinity.effect import DiffusionEffect, diffusion_effect
from mtlviz.analysis.compare import difference
from mtlviz.analysis.diffusion import diffusion_ratio
from mtlviz.analysis.scores import image_score
from mtlviz.edits import Edit
from mtlviz.engine import Run
from mtlviz.plots.affinity import effect_panels
from mtlviz.plots.compare import amount, comparison_panels
from mtlviz.plots.predictions import View as Colours
from mtlviz.plots.predictions import depth_range
from mtlviz.plots.style import metric_text, metric_title, task_title
from mtlviz.ui import negative_controls, panels, state
from mtlviz.ui.affinity import words
from mtlviz.ui.affinity.page import SOURCE, View
from mtlviz.ui.linked import LINKED

BLEND = r"Y_t(i)=\sum_j G[i,j]\,V_t(j),\qquad Z_t=\gamma\,Y_t+(1-\gamma)\,F_t"
RATIO = r"\frac{\mathrm{RMS}(\gamma Y)}{\mathrm{RMS}((1-\gamma)F)}"


def draw(view: View) -> None:
    """The regime, the slider, what it does to the features and to the predictions."""
    trained = view.trace.gamma
    state.check_query_number("affinity_gamma", 0, 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        gamma = st.slider(
            "γ, the share of what is diffused", 0.0, 1.0, trained, 0.01, key="affinity_gamma", width=360,
            help="0 leaves the features as they are; the model was trained with one value and never saw another.",
            **LINKED,
        )  # fmt: skip
        st.button(
            f"As trained ({trained:g})", key="affinity_trained", on_click=_reset, args=(trained,),
            icon=":material/restart_alt:",
        )  # fmt: skip
    ratio = diffusion_ratio(replace(view.trace, gamma=gamma))
    positions = int(view.trace.layout.valid_tokens()[: view.trace.layout.tokens_per_task].sum())
    st.markdown(words.regime(ratio, positions, gamma, softmax=view.trace.softmax))
    _features(view, gamma)
    _predictions(view, negative_controls.run(state.engine(), view.control, edit=Edit(residual=gamma)), gamma)


def _features(view: View, gamma: float) -> None:
    effect = _effect(view, view.task, gamma, view.key)
    panels.maps(
        effect_panels(effect, view.trace.layout, view.picked.task, gamma, opacity=view.opacity), view.run,
        "affinity_effect",
        how_to_read="The two left maps show where the task's features lie along the three directions in which they "
        "differ most, before and after, in the same colours; the right one how far every pixel's features moved, "
        "over their own length; its scale ends at the 99th percentile. The decoders receive Z through an output block "
        "with a batch norm, which takes out much of what all pixels receive alike.",
        formula=rf"{BLEND}\qquad {RATIO}", source=SOURCE,
        data={"change": effect.change, "before": effect.before, "after": effect.after},
        real=view.own(lambda own: effect_panels(
            _effect(own, own.task, gamma, own.key), own.trace.layout, own.picked.task, gamma)),
    )  # fmt: skip


def _predictions(view: View, run: Run, gamma: float) -> None:
    st.subheader("Predictions without and with it", anchor="predictions")
    task = view.run.card.task(view.picked.task)
    without = negative_controls.run(state.engine(), view.control, edit=Edit(residual=0.0))
    first, second = run.prediction(task.name), without.prediction(task.name)
    apart = difference(task, first.values, second.values)
    depths = depth_range(first.values, second.values) if task.kind == "depth" else (0.0, 1.0)
    titles = f"γ = {gamma:g}", "γ = 0"
    panels.maps(
        comparison_panels(first, second, apart, titles, Colours(depths, fade=False), state.geometry(run)), run,
        "affinity_predictions",
        how_to_read=f"What the model says of {task_title(task.name).lower()} with what pixels receive, without it, and "
        "the difference. Choose another task above. Taking out what a model was trained with shows what it relies on, "
        "not what a model trained without it would do.",
    )  # fmt: skip
    shown = {"γ = 0": without, f"γ = {view.trace.gamma:g} (trained)": view.run}
    if gamma not in (0.0, view.trace.gamma):
        shown[titles[0]] = run
    _table(view, run, shown)


def _table(view: View, current: Run, shown: dict[str, Run]) -> None:
    """One row a task: how far the predictions move, and with labels how good they are.

    Args:
        view: gives the image.
        current: with the gamma of the slider.
        shown: by title the runs whose metrics are shown, first the one without diffusion.
    """
    without, labels, rows = next(iter(shown.values())), view.run.sample.labels, []
    for task in view.run.card.tasks:
        apart = difference(task, current.prediction(task.name).values, without.prediction(task.name).values)
        said = amount(task, apart.mean) + (" of the pixels" if task.kind == "classes" else "")
        row = {"Task": task_title(task.name), "Difference": said}
        if task.name in labels:
            scores = {title: _score(run, task.name, run.provenance.stamp()) for title, run in shown.items()}
            row["Metric"] = f"{metric_title(task)} {'↑' if task.higher_is_better else '↓'}"
            row |= {title: metric_text(task, score, 3) for title, score in scores.items()}
        rows.append(row)
    st.table(pd.DataFrame(rows).fillna("–").set_index("Task"))
    metrics = (
        "Metrics are those of this image alone."
        if any(task.name in labels for task in view.run.card.tasks)
        else "The image has no labels, so nothing here says which is nearer to the truth."
    )
    st.caption(
        f"**How to read this.** Difference is between the chosen γ and γ = 0, the mean over all pixels. {metrics}"
    )


def _reset(gamma: float) -> None:
    st.session_state["affinity_gamma"] = gamma


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=32, show_spinner=False)
def _effect(_view: View, task: int, gamma: float, key: tuple[str, ...]) -> DiffusionEffect:
    return diffusion_effect(_view.trace, task, gamma)


@st.cache_resource(max_entries=64, show_spinner=False)
def _score(_run: Run, task: str, stamp: str) -> float:
    return image_score(_run.prediction(task), _run.sample).headline
