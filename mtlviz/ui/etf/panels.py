"""The figures of the ETF page: cosines, angles, lengths, distances to the vertices."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from mtlviz.analysis.etf_geometry import gram, ideal_angle, ideal_gram
from mtlviz.analysis.rank_correlation import beyond_chance, rank_correlation
from mtlviz.engine import Provenance
from mtlviz.plots.etf import angle_histogram, gram_figure, norm_bars, top_norm, vertex_scatter
from mtlviz.ui import panels
from mtlviz.ui.etf import words
from mtlviz.ui.etf.numbers import FIXED_CHANCE
from mtlviz.ui.etf.side import Side

SOURCE = "Papyan, Han and Donoho (2020), Prevalence of neural collapse; simplex frames as in Strohmer and Heath (2003)."
FRAME = r"W^\top W=\tfrac{K}{K-1}I-\tfrac1{K-1}11^\top,\qquad \cos(w_c,w_{c'})=-\tfrac1{K-1}\ (c\ne c')"
COSINE = r"\cos(m_c,m_{c'})=\frac{m_c\cdot m_{c'}}{|m_c||m_{c'}|},\quad m_c=\mu_c-\tfrac1K\sum_{c'}\mu_{c'}"


def cosines(sides: Sequence[Side]) -> None:
    """The frame's Gram matrix beside that of every side, on one scale."""
    first, frame, title = sides[0], ideal_gram(len(sides[0].cloud.present)), f"Exact frame of {_count(sides[0])}"
    if first.vertices is not None and first.vertices.fit == "frame":
        frame, title = gram(first.vertices.directions), f"Own frame, {_count(first)}"
    columns = st.columns(1 + len(sides))
    with columns[0]:
        panels.figure(
            gram_figure(frame, first.shown, title), "etf_frame",
            how_to_read=f"What equal angles look like: all {_count(first)} are as far from one another as they can be "
            f"({ideal_angle(len(first.cloud.present)):.1f}°), so all fields beside the diagonal are one pale colour.",
            alt=f"Gram matrix of {title}", formula=FRAME, source=SOURCE,
        )  # fmt: skip
    for one, column in zip(sides, columns[1:], strict=True):
        geometry = one.geometry
        with column:
            if geometry is None:
                _no_angles(one)
                continue
            near, far, angle = words.closest(one)
            should = frame if geometry.classes == len(frame) else ideal_gram(geometry.classes)
            panels.figure(
                gram_figure(geometry.cosines, one.shown, one.title, should), f"etf_gram_{one.view.key}",
                how_to_read="The same for the class means. Blue beside the diagonal: two classes that look alike to "
                f"the model ({near} and {far}: {angle:.0f}°). Hover for the difference from the frame.",
                alt=f"Cosines between {_count(one)} in {one.title}; the largest belongs to {near} and {far}",
                formula=COSINE, source=SOURCE, data=_matrix(one), provenance=one.provenance,
            )  # fmt: skip


def angles(sides: Sequence[Side]) -> None:
    """The histogram of pairwise angles."""
    known = [(one.title, one.geometry) for one in sides if one.geometry is not None]
    pairs = " and ".join(f"{len(geometry.angles)} pairs in {panels.plain(name)}" for name, geometry in known)
    panels.figure(
        angle_histogram(known, sides[0].chance),
        "etf_angles",
        how_to_read=f"One bar is 5° wide ({pairs}). A collapsed model has all its pairs at the red line; pairs left of "
        "it are classes that share features. Grey: where 90% of the pairs of random directions lie.",
        alt=f"Angles between class means; mean {known[0][1].angles.mean():.0f}°, exact frame "
        f"{ideal_angle(known[0][1].classes):.0f}°",
        formula=r"\theta^*=\arccos\frac{-1}{K-1}",
        source=SOURCE,
        data=_pairs(sides),
        provenance=_all(sides),
    )


def lengths(sides: Sequence[Side]) -> None:
    """Lengths of the centred class means."""
    top = max(top_norm(one.geometry) for one in sides if one.geometry is not None)
    for one, column in zip(sides, st.columns(len(sides)), strict=True):
        with column:
            if one.geometry is None:
                _no_angles(one)
                continue
            norms = one.geometry.norms
            longest, ratio = one.shown.names[int(norms.argmax())], norms.max() / norms.mean()
            panels.figure(
                norm_bars(one.geometry, one.shown, one.title, top), f"etf_norms_{one.view.key}",
                how_to_read="One bar a class, in its colour: how far its mean is from the centre of all means. A "
                "frame has all of them at the dashed line.",
                alt=f"Lengths of class means; {longest} is longest, {ratio:.2f} times the mean",
                formula=r"|m_c|\,/\,\operatorname{Avg}_{c'}|m_{c'}|", source=SOURCE, data=_classes(one),
                provenance=one.provenance,
            )  # fmt: skip


def distances(sides: Sequence[Side]) -> None:
    """Each class's angle to its vertex against its share of the pixels."""
    found = [one.vertex_angles for one in sides if one.vertex_angles is not None]
    top = 1.12 * max([20.0, *(float(angles.max()) for angles in found), *_chances(sides)])
    for one, column in zip(sides, st.columns(len(sides)), strict=True):
        with column:
            present, values = one.cloud.present, one.vertex_angles
            if values is None or one.vertices is None:
                panels.empty(f"**No vertices.** {words.fit(one)}", "Choose a wider place, or fewer classes.")
                continue
            shares = one.cloud.pixels[present] / one.cloud.pixels.sum()
            own = one.vertices.fit == "frame"
            panels.figure(
                vertex_scatter(values, shares, one.cloud.tokens[present], one.shown, one.title, top=top,
                               chance=FIXED_CHANCE if own else one.chance.vertex_angle),
                f"etf_vertices_{one.view.key}",
                how_to_read="One mark a class; lower is nearer to its vertex, further right is more frequent. "
                f"{_relation(shares, values)} Hollow: a mean of fewer than 5 tokens. {words.fit(one)}",
                alt=f"Angle to the vertex against pixel share; mean {values.mean():.0f}°",
                formula=r"\angle(m_c,v_c),\qquad v_c=R\,w_c,\quad R=\arg\max_{R^\top R=I}\sum_c\cos(m_c,Rw_c)",
                source="Schönemann (1966), orthogonal Procrustes, on directions; with a model's own frame R = I.",
                data=_classes(one), provenance=one.provenance,
            )  # fmt: skip


def _relation(shares: np.ndarray, angles: np.ndarray) -> str:
    """What rank correlation says about frequency and distance."""
    if len(shares) < 5:
        return "Too few classes for a trend."
    rho = rank_correlation(shares, angles)
    if np.isnan(rho):
        return "No class is more frequent, or farther away, than another."
    if not beyond_chance(rho, len(shares)):
        trend = "frequency says little about it"
    else:
        trend = f"{'rare' if rho < 0 else 'frequent'} classes are farther away"
    signed = f"{rho:+.2f}".replace("-", "−")
    return f"Rank correlation {signed} over {len(shares)} classes: {trend}."


def _chances(sides: Sequence[Side]) -> list[float]:
    angles = [one.chance.vertex_angle for one in sides if one.geometry is not None]
    return [angle for angle in angles if np.isfinite(angle)]


def _no_angles(one: Side) -> None:
    panels.empty(f"**{panels.plain(one.title)}** has fewer than two classes here.", "Choose another image or a set.")


def _count(one: Side) -> str:
    return f"{len(one.cloud.present)} classes"


def _all(sides: Sequence[Side]) -> list[Provenance]:
    return [stamp for one in sides for stamp in one.provenance]


def _matrix(one: Side) -> pd.DataFrame:
    if one.geometry is None:
        return pd.DataFrame()
    return pd.DataFrame(one.geometry.cosines, columns=list(one.shown.names)).assign(**{"class": one.shown.names})


def _pairs(sides: Sequence[Side]) -> pd.DataFrame:
    rows = []
    for one in sides:
        if one.geometry is not None:
            first, second = np.triu_indices(one.geometry.classes, 1)
            names = np.array(one.shown.names)
            rows.append(
                pd.DataFrame({"side": one.title, "place": one.view.place, "class": names[first], "other": names[second],
                              "angle": one.geometry.angles})
            )  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def _classes(one: Side) -> pd.DataFrame:
    """One row a present class."""
    present = one.cloud.present
    table = pd.DataFrame(
        {"class": one.shown.names, "tokens": one.cloud.tokens[present],
         "pixel share": one.cloud.pixels[present] / one.cloud.pixels.sum()}
    )  # fmt: skip
    if one.geometry is not None:
        table["length"] = one.geometry.norms
    if one.vertices is not None:
        table["angle to vertex"], table["vertices"] = one.vertex_angles, one.vertices.fit
    return table
