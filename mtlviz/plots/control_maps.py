"""The numbers that a map draws, and how they agree with those of another map of the same kind."""

import numpy as np
from jaxtyping import Float

from mtlviz.analysis.controls import map_correlation, over_slots
from mtlviz.plots.map_parts import Panel


def map_values(panel: Panel) -> Float[np.ndarray, "rows columns *k"] | None:
    """What a map draws on the token grid: its own values, else those of its uppermost layer that has some."""
    if panel.values is not None:
        return panel.values
    return next((layer.values for layer in reversed(panel.layers) if layer.values is not None), None)


def panel_correlation(panel: Panel, real: Panel, *, numbered: bool = True) -> float | None:
    """Rank correlation of two maps; None where one of them is no map of numbers.

    Args:
        panel: one map.
        real: the other.
        numbered: slots of one number are the same in both; otherwise maps of several numbers a cell are compared by
            ``over_slots``.
    """
    values, others = map_values(panel), map_values(real)
    if values is None or others is None:
        return None
    if values.ndim == 3 and not numbered:
        values, others = over_slots(values), over_slots(others)
    return map_correlation(values, others)
