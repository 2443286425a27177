"""What the spread of a comparison is over, and what is not counted, in sentences that every reader gets alike."""

from collections import Counter
from collections.abc import Iterable, Sequence

from mtlviz.analysis.system_record import Regime
from mtlviz.analysis.systems import Row, counted


def spread_sentence(rows: Sequence[Row]) -> str:
    """What ± is over in a table."""
    spreads = [one for row in rows for one in row.scores.values() if one.over]
    over = {one.over for one in spreads}
    count = _span(one.count for one in spreads)
    if over == {"seeds"}:
        paired = any(row.gain is not None for row in rows)
        same = "; Δm is taken over the networks of one task from the same seed, seed by seed" if paired else ""
        return f"± is the sample standard deviation over {count} seeds{same}."
    if over == {"images"}:
        return (
            f"± is the standard error over {count} groups of held-out images; there is one seed only, so how far "
            "another training would move a number is not in it."
        )
    if not over:
        return "No spread is known: there is one seed, and too few held-out images to part."
    return "± is the standard deviation over seeds, or the standard error over groups of images where there is one."


def seeds_phrase(rows: Sequence[Row]) -> str:
    """How many seeds are counted, e.g. ``3 seeds``."""
    counts = [row.seeds for row in rows]
    return "one seed" if set(counts) == {1} else f"{_span(counts)} seeds"


def left_out_sentence(regime: Regime) -> str:
    """Which trainings are not counted, since other systems have none from their seed; empty where all are."""
    held = Counter(training.seed for system in regime.systems.values() for training in system.trainings)
    used = {training.seed for system in counted(regime).values() for training in system.trainings}
    left = [seed for seed in held if seed not in used]
    if left:
        said = " and ".join(f"seed {seed} ({held[seed]} of {len(regime.systems)} systems)" for seed in left)
        return f"Not counted, since it takes every system from the same seed: {said}."
    if len(used) > 1 and any(count < len(regime.systems) for count in held.values()):
        return "The systems have no seed in common, so that seeds differ between rows as well."
    return ""


def _span(counts: Iterable[int]) -> str:
    held = sorted(set(counts))
    return f"{held[0]} to {held[-1]}" if len(held) > 1 else "".join(map(str, held))
