"""How systems learn: the loss of a task over the images that a training has seen."""

from collections.abc import Mapping
from statistics import fmean

import plotly.graph_objects as go

from mtlviz.analysis.system_record import Curve, System, Training
from mtlviz.plots.stability import GRID_LINE
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import Look, legend_below, looks

HEIGHT = 380


def curve_of(training: Training, task: str) -> Curve | None:
    """The curve of the network that learned a task; None where none was logged."""
    held = (one for one in training.curves.values() if one.images and task in one.losses)
    return next(held, None)


def training_figure(systems: Mapping[str, System], task: str, reference: System | None = None) -> go.Figure:
    """A line a system, the mean over its seeds, on a band from the lowest to the highest of them.

    Args:
        systems: by name.
        task: whose loss.
        reference: losses are drawn relative to this one's from the same seed after as many images, in percent; None
            draws them as they are.
    """
    known = looks(systems)
    fig = go.Figure()
    drawn = {name: held for name, system in systems.items() if (held := losses_over_seeds(system, task, reference))}
    for name, held in drawn.items():
        if any(len(values) > 1 for values in held.values()):
            fig.add_trace(_band(name, held, known[name]))
    for name, held in drawn.items():
        look, title = known[name], systems[name].title
        fig.add_scatter(
            x=list(held), y=[fmean(values) for values in held.values()], mode="lines+markers", name=title,
            legendgroup=name, line={"color": look.colour, "width": 1.8, "dash": look.dash},
            marker={"symbol": look.symbol, "size": 6, "color": look.colour},
            text=[_hover(values, reference is not None) for values in held.values()],
            hovertemplate=f"{title}<br>%{{x:,}} images: %{{text}}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(title={"text": "images seen"}, showgrid=False, zeroline=False, rangemode="tozero")
    title = "training loss" + ("" if reference is None else f" against {reference.title.lower()} (%)")
    fig.update_yaxes(title={"text": f"{task_title(task).lower()}: {title}"}, gridcolor=GRID_LINE, zeroline=False)
    return legend_below(fig, len(drawn), HEIGHT).update_layout(dragmode="zoom")


def losses_over_seeds(system: System, task: str, reference: System | None = None) -> dict[int, list[float]]:
    """By images seen the loss of every seed that logged one, or by how much it exceeds the reference's in percent."""
    bases = None if reference is None else {one.seed: _losses(one, task) for one in reference.trainings}
    found: dict[int, list[float]] = {}
    for training in system.trainings:
        base = None if bases is None else bases.get(training.seed, {})
        for images, loss in _losses(training, task).items():
            if base is None:
                found.setdefault(images, []).append(loss)
            elif base.get(images):
                found.setdefault(images, []).append(100 * (loss / base[images] - 1))
    return dict(sorted(found.items()))


def _losses(training: Training, task: str) -> dict[int, float]:
    """By images seen."""
    curve = curve_of(training, task)
    return {} if curve is None else dict(zip(curve.images, curve.losses[task], strict=False))


def _band(name: str, held: dict[int, list[float]], look: Look) -> go.Scatter:
    there_and_back = [*held, *reversed(held)]
    edges = [*map(max, held.values()), *map(min, reversed(held.values()))]
    return go.Scatter(
        x=there_and_back, y=edges, mode="lines", fill="toself", fillcolor=look.colour, opacity=0.1, line={"width": 0},
        hoverinfo="skip", showlegend=False, legendgroup=name, name=f"{name}, seeds",
    )  # fmt: skip


def _hover(values: list[float], relative: bool) -> str:
    def said(value: float) -> str:
        return f"{value:+.2f}%" if relative else f"{value:.4g}"

    if len(values) == 1:
        return said(values[0])
    return f"{said(fmean(values))}, {len(values)} seeds from {said(min(values))} to {said(max(values))}"
