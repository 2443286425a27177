"""How evenly weights are spread: the entropy of rows, and the same as a share of the largest possible."""

import numpy as np
from jaxtyping import Float, Int


def entropy(rows: Float[np.ndarray, "R C"]) -> Float[np.ndarray, " R"]:
    """-sum a log a of every row, in nats; rows are not negative and sum to 1, and 0 log 0 is 0."""
    logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
    found: np.ndarray = np.maximum(-np.einsum("rc,rc->r", rows, logs, dtype=np.float64), 0)
    return found


def normalised_entropy(
    rows: Float[np.ndarray, "R C"], candidates: Int[np.ndarray, " R"] | int | None = None
) -> Float[np.ndarray, " R"]:
    """Entropy over that of an even choice: 0 for one-hot, 1 for uniform; 0 where there is nothing to choose.

    Args:
        rows: weights.
        candidates: entries of a row that could have been more than 0; None takes all C.
    """
    largest = np.log(np.maximum(rows.shape[1] if candidates is None else candidates, 2))
    found: np.ndarray = np.minimum(entropy(rows) / largest, 1)
    return found
