"""The sentences of the embedding page: what the numbers say, in words that are true for the tokens at hand."""

import math

import numpy as np

from mtlviz.analysis.neighbourhood import NEAREST, Agreement, counts_by
from mtlviz.analysis.projection import Projection
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.plots.token_colours import class_name

PCA_READ = (
    "Every point is a token, placed by the directions along which these tokens differ most; all axes have one scale, "
    "so distances on the map are those along these directions. What lies apart differs; what lies together may still "
    "differ in the {rest:.0%} of the variance that is not shown."
)
UMAP_READ = (
    "Every point is a token that UMAP has put near its nearest neighbours. Distances between clusters and the sizes of "
    "clusters mean little; which tokens share a cluster does mean something."
)
PCA_FORMULA = (
    r"y_i=V^\top(x_i-\bar x),\quad \tfrac{1}{n-1}\sum_i(x_i-\bar x)(x_i-\bar x)^\top V=V\Lambda,"
    r"\quad \text{share}_a=\lambda_a/\textstyle\sum\lambda"
)
UMAP_FORMULA = (
    r"\min_y\ \sum_{i\neq j}\Big[p_{ij}\log\tfrac{p_{ij}}{q_{ij}}+(1-p_{ij})\log\tfrac{1-p_{ij}}{1-q_{ij}}\Big],"
    r"\quad q_{ij}=\big(1+a\lVert y_i-y_j\rVert^{2b}\big)^{-1}"
)


def answer(cloud: TokenCloud, task: Agreement | None, classes: tuple[str, Agreement] | None) -> str:
    """One sentence that answers the page's question.

    Args:
        cloud: the tokens.
        task: agreement of nearest tokens in their task; None where only one task is shown.
        classes: whether classes are ``true`` or ``predicted``, and the agreement in them; None without classes.
    """
    parts = []
    if classes is not None and classes[1].tokens:
        kind, found = classes
        parts.append(f"**{found.share:.0%}** are of its {kind} class ({found.chance:.0%} by chance)")
    if task is not None:
        parts.append(f"**{task.share:.0%}** belong to its own task ({task.chance:.0%} by chance)")
    where = f"At the {PLACE_TITLES[cloud.place]}"
    if not parts:
        return f"{where}, **{len(cloud):,}** tokens are shown; what they have in common is not known for this model."
    return f"{where}, of the {NEAREST} tokens that look most like a token, {' and '.join(parts)}."


def slots(cloud: TokenCloud) -> str:
    """How decided tokens are when the colour of a slot stands for them."""
    mean = float(np.nanmean(cloud["weight"]))
    hardly = ": tokens hardly choose, and colours say less than they seem to" if mean < 2 / cloud.slots else ""
    return (
        f"The slot that a token reads most has a weight of {mean:.2f} on average, where an equal share of "
        f"{cloud.slots} slots is {1 / cloud.slots:.2f}{hardly}."
    )


def sample(cloud: TokenCloud) -> str:
    """How many tokens are shown, and how they were drawn."""
    images = f" of {len(cloud.images)} images" if len(cloud.images) > 1 else ""
    if len(cloud) == cloud.total:
        return f"All {len(cloud):,} tokens{images}."
    return (
        f"{len(cloud):,} of {cloud.total:,} tokens{images}, drawn with a fixed seed: some of every class of every "
        "task, the rest by chance."
    )


def how_to_read(projection: Projection) -> str:
    """What the map says and what it does not."""
    return UMAP_READ if projection.method == "UMAP" else PCA_READ.format(rest=1 - projection.shown)


def picked(cloud: TokenCloud, token: int, nearest: np.ndarray, class_task: str | None) -> str:
    """What the picked token looks like most.

    Args:
        cloud: the tokens.
        token: index of the picked one.
        nearest: indices of those that look most like it.
        class_task: whose classes are named.
    """
    name = "All tasks" if cloud.shared else task_title(cloud.groups[int(cloud["group"][token])])
    where = f"**{name}, row {cloud['row'][token]}, column {cloud['column'][token]}**"
    parts = []
    if class_task is not None:
        labels, task = cloud.classes(class_task)[0], cloud.task(class_task)
        where += f" ({class_name(task, int(labels[token]))})"
        counts = counts_by(labels[nearest])
        parts.append(_listed({class_name(task, label): count for label, count in counts.items()}))
    if len(cloud.groups) > 1:
        counts = counts_by(cloud["group"][nearest])
        parts.append(_listed({task_title(cloud.groups[group]): count for group, count in counts.items()}))
    alike = "; by task ".join(parts) if class_task is not None else " ".join(parts)
    return f"{where}: the {len(nearest)} tokens that look most like it are {alike or 'ringed'}."


def selected(cloud: TokenCloud, chosen: np.ndarray, class_task: str | None) -> str:
    """What is selected, beside what there is."""
    count = int(chosen.sum())
    if not count:
        return "None of the selected tokens is among those shown."
    parts = [f"**{count:,}** of {len(cloud):,} tokens are selected"]
    if len(cloud.images) > 1:
        parts.append(f"from **{len(np.unique(cloud['image'][chosen]))}** of {len(cloud.images)} images")
    if class_task is not None:
        labels = cloud.classes(class_task)[0]
        label, most = next(iter(counts_by(labels[chosen]).items()))
        whole = float((labels == label).mean())
        parts.append(
            f"**{share(most, count)}** are {class_name(cloud.task(class_task), label)} ({whole:.0%} of all tokens)"
        )
    if len(cloud.groups) > 1:
        group, most = next(iter(counts_by(cloud["group"][chosen]).items()))
        parts.append(f"**{share(most, count)}** are {task_title(cloud.groups[group])} tokens")
    return ", ".join(parts) + "."


def share(part: int, whole: int) -> str:
    """A share in per cent; only all of them are 100%."""
    return "100%" if part == whole else f"{min(part / whole, 0.99):.0%}"


def number(value: float, form: str = ".2f") -> str:
    """A number, or a dash where it does not exist."""
    return "–" if math.isnan(value) else format(value, form)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
