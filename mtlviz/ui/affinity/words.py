"""The sentences of the affinity page: what the numbers say, true for the image at hand."""

from collections.abc import Sequence

import numpy as np

from mtlviz.analysis.affinity.fusion import FusionWeights, neighbour_correlation, part_shares
from mtlviz.analysis.affinity.rows import PixelRows
from mtlviz.analysis.rank_correlation import rank_correlations
from mtlviz.plots.style import task_title
from mtlviz.trace import AffinityTrace, TokenLayout

REGIMES = (
    (0.2, "so diffusion is a small perturbation"),
    (0.67, "so diffusion is less of the result than the features themselves"),
    (1.5, "so diffusion is about as much of the result as the features themselves"),
    (3.0, "so diffusion is more of the result than the features themselves"),
    (float("inf"), "so the result is mostly what was diffused"),
)
"""What a ratio of the diffused to the kept below an end means."""
END_TO_END = (
    "This model lays the tasks' rows end to end before it fuses them, so a row of G is made of neighbouring rows of "
    "one or two tasks, not of the picked pixel's row in each."
)


def answer(rows: PixelRows, layout: TokenLayout) -> str:
    """Which tasks agree about the picked pixel, where they disagree, and whom the fused row follows."""
    row, column = divmod(rows.position, layout.grid[1])
    where = f"For the pixel at **row {row}, column {column}**"
    if len(layout.tasks) == 1:
        return f"{where} there is one task only, {task_title(layout.tasks[0])}, and no other to contradict it."
    said = [f"{where}, {_agreement(rows, layout)}."]
    said.append(_disagreement(rows, layout))
    shares = part_shares(rows.parts)
    if shares.sum() > 0:
        first = int(shares.argmax())
        said.append(
            f"What the fused row makes of the pixels comes from **{task_title(layout.tasks[first])}** most "
            f"(**{shares[first]:.0%}** of its parts' variance)."
        )
    return " ".join(said)


def blue(trace: AffinityTrace, centred: bool, *, learned: bool = False) -> str:
    """What the colours of the rows mean.

    Args:
        trace: of CTAL.
        centred: rows are shown less their mean.
        learned: what is compared are learned projections of the features.
    """
    projected = " behind a projection that it learned" if learned else ""
    what = {"rbf": "An affinity falls with the distance between two unit features, 1 to 0"}.get(
        trace.similarity, f"An affinity is the cosine between two pixels' features in one task{projected}, −1 to 1"
    )
    kept = "" if trace.top is None else f", and only the {trace.top} largest of a row are kept"
    if centred:
        return f"{what}{kept}; here less its mean over the image: blue is more alike than usual, red less."
    return f"{what}{kept}: blue is alike, red is opposite, white is unrelated."


def unlike_others(trace: AffinityTrace) -> str:
    """What else a reader of the rows must know: which numbers are no probabilities, and how G is laid out."""
    said = (
        "The rows of G are a softmax, so each sums to 1; the affinities are no probabilities."
        if trace.softmax
        else "Neither these numbers nor G are probabilities."
    )
    return said if trace.interleaved else f"{said} {END_TO_END}"


def regime(ratio: float, positions: int, gamma: float, *, softmax: bool = False) -> str:
    """Where n and gamma place the diffusion (ctal.md 1.8.5).

    Args:
        ratio: of what pixels receive to what they keep.
        positions: n.
        gamma: in force.
        softmax: rows of G sum to 1.
    """
    times = "nothing" if ratio == 0 else f"**{ratio:.2f} times** the size of what they keep"
    size = next(said for end, said in REGIMES if ratio < end)
    return (
        f"With **γ = {gamma:g}** and **n = {positions:,}** pixels, what pixels receive is {times}"
        + (f", {size}" if ratio else "")
        + (
            ". The rows of G sum to 1, whatever the size of the grid."
            if softmax
            else ". The rows of G are not normalised, so the same γ weighs more on a larger grid: read γ together with "
            "n."
        )
    )


def fusion(weights: FusionWeights, layout: TokenLayout) -> str:
    """How the weights are divided over the sources, and whether neighbours were given alike ones."""
    shares = weights.share.mean(1)
    order = np.argsort(-shares)
    listed = ", ".join(f"{task_title(layout.tasks[at])} **{shares[at]:.0%}**" for at in order)
    said = f"Of the size of all its weights, the fusion gives {listed}."
    correlation = neighbour_correlation(weights.total, layout.grid)
    if np.isnan(correlation):
        return f"{said} Every query pixel weighs the tasks alike."
    how = (
        "Neighbouring query pixels weigh the tasks alike"
        if correlation > 0.3
        else "Neighbouring query pixels weigh the tasks against one another: they tell places apart by it"
        if correlation < -0.3
        else "Neighbouring query pixels weigh the tasks without relation to one another"
    )
    return f"{said} {how} (correlation **{_signed(correlation)}**)."


def agreement(cka: np.ndarray, layout: TokenLayout) -> str:
    """Which two tasks compare the image's pixels most alike, and which least."""
    most, least = _extremes(cka, layout.tasks)
    if most is None or least is None:
        return "There are no two tasks to compare."
    if most == least:
        return f"**{most[0]}** and **{most[1]}** reach a CKA of **{most[2]:.2f}** over the whole image."
    return (
        f"Over the whole image **{most[0]}** and **{most[1]}** agree most (CKA **{most[2]:.2f}**), **{least[0]}** and "
        f"**{least[1]}** least (**{least[2]:.2f}**)."
    )


def _agreement(rows: PixelRows, layout: TokenLayout) -> str:
    others = np.delete(rows.tasks, rows.position, axis=1)  # every task finds a pixel like itself
    most, least = _extremes(rank_correlations(others), layout.tasks)
    if most is None or least is None:
        return "no two tasks rank the image's pixels"
    said = (
        f"**{most[0]}** and **{most[1]}** rank the image's pixels most alike (rank correlation **{_signed(most[2])}**)"
    )
    return said if most == least else f"{said}, **{least[0]}** and **{least[1]}** least (**{_signed(least[2])}**)"


def _disagreement(rows: PixelRows, layout: TokenLayout) -> str:
    place = int(np.nanargmax(rows.disagreement))
    row, column = divmod(place, layout.grid[1])
    values = rows.tasks[:, place]
    low, high = int(values.argmin()), int(values.argmax())
    return (
        f"The tasks disagree most about row {row}, column {column}: **{_signed(float(values[low]))}** in "
        f"{task_title(layout.tasks[low])}, **{_signed(float(values[high]))}** in {task_title(layout.tasks[high])}."
    )


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


Pair = tuple[str, str, float]


def _extremes(matrix: np.ndarray, tasks: Sequence[str]) -> tuple[Pair | None, Pair | None]:
    """(first, second, value) of the two tasks with the largest value, and of those with the smallest."""
    first, second = np.triu_indices(len(tasks), 1)
    values = matrix[first, second]
    if not np.isfinite(values).any():
        return None, None
    pairs = [
        (task_title(tasks[first[at]]), task_title(tasks[second[at]]), float(values[at]))
        for at in (int(np.nanargmax(values)), int(np.nanargmin(values)))
    ]
    return pairs[0], pairs[1]
