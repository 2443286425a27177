"""The sentences of the ETF page: what the numbers say, in words that are true for the classes at hand."""

import numpy as np

from mtlviz.analysis.etf_geometry import ClassGeometry, ideal_angle
from mtlviz.plots.style import PLACE_TITLES, task_title
from mtlviz.ui.etf.side import Side
from mtlviz.ui.panels import plain


def answer(sides: list[Side]) -> str:
    """One sentence that answers the page's question; the first side has at least two classes."""
    first = sides[0]
    geometry = _geometry(first)
    classes = geometry.classes
    place = PLACE_TITLES[first.view.place]
    where = plain(first.title) + ("" if place in first.title else f", {place}")
    if classes == 2:
        names = " and ".join(first.shown.names)
        return (
            f"**{where}:** only **two** classes are here ({names}). Seen from their centre, two means always point "
            "away from each other, so their angle is a frame's whatever the model does; more classes would tell more."
        )
    one, two, angle = closest(first)
    sentence = (
        f"**{where}:** the **{classes}** classes of {source(first)} miss the frame's equal angle of "
        f"**{ideal_angle(classes):.1f}°** by **{geometry.numbers.angle_gap:.1f}°** on average (random directions in "
        f"{geometry.width} dimensions: {first.chance.numbers.angle_gap:.1f}°). The closest two are **{one} and {two}** "
        f"at **{angle:.0f}°**; lengths vary by **{geometry.numbers.equinorm:.0%}**."
    )
    others = [side for side in sides[1:] if side.geometry is not None]
    for side in others:
        sentence += f" **{plain(side.title)}** misses it by **{_geometry(side).numbers.angle_gap:.1f}°**."
    return sentence


def closest(side: Side) -> tuple[str, str, float]:
    """The two classes with the smallest angle between them, and that angle in degrees."""
    geometry = _geometry(side)
    at = int(geometry.angles.argmin())
    row, column = (int(index[at]) for index in np.triu_indices(geometry.classes, 1))
    return side.shown.names[row], side.shown.names[column], float(geometry.angles[at])


def source(side: Side) -> str:
    """What the classes come from: the image by name, or so many rooms."""
    cloud = side.cloud
    return f"{cloud.images} held-out rooms" if cloud.images > 1 else plain(side.provenance[0].image)


def present(side: Side) -> str:
    """Which classes there are, on what they rest, and which are missing."""
    names, cloud = side.task.class_names, side.cloud
    unseen = [name for name, pixels in zip(names, cloud.pixels, strict=True) if not pixels]
    small = [f"{name} ({pixels:,} px)" for name, pixels, tokens in zip(names, cloud.pixels, cloud.tokens, strict=True)
             if pixels and not tokens]  # fmt: skip
    said = (
        f"**{len(cloud.present)} of {len(names)}** classes of {task_title(side.task.name).lower()} are present, from "
        f"{cloud.tokens.sum():,} tokens; {labels(side)}."
    )
    if small:
        said += f" Too small for a token of their own: {', '.join(small)}."
    if unseen:
        said += f" Absent: {', '.join(unseen)}."
    return said


def labels(side: Side) -> str:
    """Whose classes they are."""
    cloud = side.cloud
    if cloud.labelled == cloud.images:
        return "classes are ground truth, the most frequent one of a token's pixels"
    if cloud.labelled:
        return f"classes are ground truth in {cloud.labelled} of {cloud.images} images and predicted in the others"
    return f"there is no ground truth here, so classes are what {plain(side.card.title)} predicts"


def fit(side: Side) -> str:
    """Where the vertices come from."""
    if side.geometry is None:
        return f"{plain(side.title)} has fewer than two classes here."
    if side.vertices is None:
        return (
            f"{len(side.cloud.present)} equal angles need {len(side.cloud.present) - 1} dimensions; the features of "
            f"{plain(side.title)} have {side.width} here."
        )
    if side.vertices.fit == "frame":
        return f"Vertices of {plain(side.title)} are its own: the frame that its training pulls the classes to."
    return (
        f"Vertices of {plain(side.title)} are those of an ideal frame, turned to lie as near to the class means as it "
        "can (orthogonal Procrustes), so they flatter it a little."
    )


def _geometry(side: Side) -> ClassGeometry:
    if side.geometry is None:
        raise ValueError(f"{side.title} has fewer than two classes here; ask only where there are angles")
    return side.geometry
