"""How much of what leaves CTAL was diffused (ctal.md 1.8.5)."""

import numpy as np

from mtlviz.trace import AffinityTrace


def diffusion_ratio(trace: AffinityTrace) -> float:
    """RMS(gamma Y) / RMS((1 - gamma) F) over the tokens of the image.

    The rows of G are not normalised, so what a position receives grows with the number of positions: a fixed gamma
    is a small perturbation on a small grid and the larger part of the result on a large one. Report n beside it.

    Returns:
        0 where nothing is diffused, infinity where nothing else is left.
    """
    valid = slice(None) if trace.layout.valid is None else np.asarray(trace.layout.valid)
    attended, projected = (np.asarray(rows, np.float64)[:, valid] for rows in (trace.attended, trace.projected))
    kept = (1 - trace.gamma) * np.sqrt((projected**2).mean())
    received = trace.gamma * np.sqrt((attended**2).mean())
    return float(received / kept) if kept > 0 else float("inf") if received > 0 else 0.0
