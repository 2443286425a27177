"""What can be said of CTAL's G in the terms of a map of weights, and what cannot (ctal.md 1.4).

G is signed and unbounded, its rows do not sum to anything, and what it mixes is a task's own values: it is the kernels
that come from the other tasks. So it has no noise mass and no floor, and its positive part alone is not what diffuses.
Well defined is how the sizes |g| of a row are shared out, which says where entries are large but not what their signs
cancel.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from mtlviz.analysis.affinity.rows import fused_rows, position_blocks, valid_mask
from mtlviz.analysis.noise.pairs import quotient
from mtlviz.analysis.noise.rollout import shares_by_size
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.analysis.write_map import written_variation
from mtlviz.trace import AffinityTrace


def diffusion_numbers(trace: AffinityTrace, oracles: Mapping[str, Int[np.ndarray, " N"]]) -> dict[str, float]:
    """Numbers of one image, means over positions that are not padding and over the matrices G; rows are streamed.

    Args:
        trace: of CTAL, as CPU arrays.
        oracles: by name the label of every place on the token grid.

    Returns:
        ``size_noise:`` the share of the sizes of a row that lies on other labels, ``size_chance:`` that of a row of
        equal sizes, ``size_relative:`` their quotient, ``positive_share`` of the sizes, ``read_share_size`` of the
        blend that was diffused, ``written_variation``; NaN where there is no number.
    """
    valid = valid_mask(trace)
    sums: dict[str, list[np.ndarray]] = {}
    for group in range(len(np.asarray(trace.weights))):
        for positions in position_blocks(trace):
            rows = fused_rows(trace, positions, group) * valid
            sizes = np.abs(rows)
            positive = quotient(np.maximum(rows, 0).sum(1, dtype=np.float64), sizes.sum(1, dtype=np.float64))
            sums.setdefault("positive_share", []).append(positive)
            for oracle, labels in oracles.items():
                mass, chance = _of_labels(sizes, positions, labels, valid)
                sums.setdefault(f"size_noise:{oracle}", []).append(mass)
                sums.setdefault(f"size_chance:{oracle}", []).append(chance)
    found = {name: _mean(np.concatenate(parts)) for name, parts in sums.items()}
    for oracle in oracles:
        even = found[f"size_chance:{oracle}"]
        found[f"size_relative:{oracle}"] = found[f"size_noise:{oracle}"] / even if even > 0 else float("nan")
    projected = np.asarray(trace.projected).reshape(-1, np.asarray(trace.projected).shape[-1])
    shares = shares_by_size(trace, projected, kept=1 - trace.gamma)
    return found | {
        "read_share_size": float(shares[trace.layout.valid_tokens()].mean()),
        "written_variation": written_variation(trace),
    }


def _of_labels(
    sizes: np.ndarray, positions: Int[np.ndarray, " m"], labels: Int[np.ndarray, " n"], valid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Share of the labelled sizes on other labels, and of the labelled positions; NaN for a position without label."""
    known = valid & (labels != UNKNOWN)
    other = known & (labels[positions, None] != labels)  # (m, n)
    own = labels[positions] != UNKNOWN
    mass = quotient((sizes * other).sum(1, dtype=np.float64), sizes[:, known].sum(1, dtype=np.float64))
    chance = quotient(other.sum(1).astype(np.float64), np.full(len(positions), float(known.sum())))
    return np.where(own, mass, np.nan), np.where(own & np.isfinite(mass), chance, np.nan)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
