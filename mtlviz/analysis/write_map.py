"""Which slot does every token read, how sure is it, and does it matter: what Write does token by token."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.analysis.entropy import normalised_entropy
from mtlviz.trace import InteractionTrace, SlotTrace


@dataclass(frozen=True)
class WriteMap:
    """What every token reads. Padding tokens hold winner -1 and NaN.

    Attributes:
        winner: ``(S,)`` int64, the slot with the largest Write weight (ties to the lower slot).
        weight: ``(S,)`` that largest weight, 1/L (undecided) to 1 (reads one slot only).
        entropy: ``(S,)`` entropy of the token's weights over log L, 0 (one slot) to 1 (all alike).
    """

    winner: Int[np.ndarray, " S"]
    weight: Float[np.ndarray, " S"]
    entropy: Float[np.ndarray, " S"]


def write_map(trace: SlotTrace) -> WriteMap:
    """The slot every token reads most, with its weight and the entropy of all its weights."""
    write = np.asarray(trace.write, np.float64)
    padding = ~trace.layout.valid_tokens()
    winner, weight, entropy = write.argmax(1), write.max(1), normalised_entropy(write)
    winner[padding] = -1
    weight[padding] = entropy[padding] = np.nan
    return WriteMap(winner, weight, entropy)


def written_variation(trace: InteractionTrace) -> float:
    """Share of what an interaction adds that differs between tokens, 0 to 1.

    With m the mean over tokens of the written vectors f_i: mean |f_i - m|^2 / mean |f_i|^2. At 0 every token
    receives the same vector, whatever the Write map shows; 0 as well where nothing is written.
    """
    written = np.asarray(trace.written, np.float64)[trace.layout.valid_tokens()]
    power = (written**2).sum(1).mean()
    between = ((written - written.mean(0)) ** 2).sum(1).mean()
    return float(between / power) if power > 0 else 0.0
