"""How systems learn: the loss of a task over the images that a training has seen."""

from collections.abc import Mapping

import plotly.graph_objects as go

from mtlviz.analysis.systems import Curve, System, Training
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import legend_below, looks

HEIGHT = 380


def curve_of(training: Training, task: str) -> Curve | None:
    """The curve of the network that learned a task; None where none was logged."""
    held = (one for one in training.curves.values() if one.images and task in one.losses)
    return next(held, None)


def training_figure(systems: Mapping[str, System], task: str, reference: System | None = None) -> go.Figure:
    """A line a system and seed.

    Args:
        systems: by name.
        task: whose loss.
        reference: losses are drawn relative to this one's after as many images, in percent; None draws them as they
            are.
    """
    known = looks(systems)
    base = None if reference is None else _mean_losses(reference, task)
    said = "loss %{y:.4g}" if reference is None else "%{y:+.2f} %"
    fig = go.Figure()
    drawn = set()
    for name, system in systems.items():
        look = known[name]
        for training in system.trainings:
            curve = _points(training, task, base)
            if not curve:
                continue
            fig.add_scatter(
                x=list(curve), y=list(curve.values()), mode="lines+markers", name=system.title, legendgroup=name,
                showlegend=name not in drawn, line={"color": look.colour, "width": 1.8, "dash": look.dash},
                marker={"symbol": look.symbol, "size": 6, "color": look.colour},
                hovertemplate=f"{system.title}, seed {training.seed}<br>%{{x:,}} images: {said}<extra></extra>",
            )  # fmt: skip
            drawn.add(name)
    fig.update_xaxes(title={"text": "images seen"}, showgrid=False, zeroline=False, rangemode="tozero")
    title = "training loss" + ("" if reference is None else f" against {reference.title.lower()} (%)")
    fig.update_yaxes(title={"text": f"{task_title(task).lower()}: {title}"}, gridcolor=GRID_LINE, zeroline=False)
    return legend_below(fig, len(drawn), HEIGHT).update_layout(dragmode="zoom")


def _points(training: Training, task: str, base: Mapping[int, float] | None) -> dict[int, float]:
    """By images seen the loss, or by how much it lies above ``base`` in percent where that is known."""
    curve = curve_of(training, task)
    if curve is None:
        return {}
    losses = dict(zip(curve.images, curve.losses[task], strict=False))
    if base is None:
        return losses
    return {images: 100 * (loss / base[images] - 1) for images, loss in losses.items() if base.get(images)}


def _mean_losses(system: System, task: str) -> dict[int, float]:
    """By images seen the mean loss over seeds."""
    found: dict[int, list[float]] = {}
    for training in system.trainings:
        for images, loss in _points(training, task, None).items():
            found.setdefault(images, []).append(loss)
    return {images: sum(losses) / len(losses) for images, losses in found.items()}
