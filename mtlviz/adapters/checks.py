"""What the app relies on in an adapter, one check for each; a failed one says what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from mtlviz.adapters import examined, recorded
from mtlviz.adapters.base import Adapter
from mtlviz.adapters.examined import Passes, Problem

Check = Callable[[Adapter, Passes], str]
"""Gives one sentence on what holds, or raises ``Problem`` with one on what does not."""


@dataclass(frozen=True)
class Checked:
    """How one check ended.

    Attributes:
        name: of the check.
        outcome: ``pass``, ``fail``, or ``skip`` where another failure leaves nothing to check.
        sentence: what holds, or what to do.
    """

    name: str
    outcome: str
    sentence: str


CHECKS: dict[str, tuple[Check, tuple[str, ...]]] = {
    "card": (examined.card_fits, ()),
    "prepare": (examined.prepares, ("card",)),
    "shapes": (examined.shapes_fit, ("card", "prepare")),
    "ranges": (examined.ranges_hold, ("shapes",)),
    "determinism": (examined.repeats, ("shapes",)),
    "trace": (recorded.traces_fit, ("shapes",)),
    "edits": (examined.edits_apply, ("shapes", "determinism")),
    "hooks": (recorded.leaves_nothing, ("shapes",)),
    "gradients": (examined.gradients_arrive, ("shapes",)),
    "threads": (examined.threads_agree, ("shapes", "determinism")),
}
"""By name the check, and the others without which it has no meaning."""


def check_adapter(adapter: Adapter) -> Iterator[Checked]:
    """Check an adapter on the CPU, with images drawn at random; it is left as it was.

    Yields:
        One record a check, in the order of ``CHECKS``.
    """
    passes, failed = Passes(adapter), set[str]()
    with torch.random.fork_rng(devices=[]):
        for name, (check, needs) in CHECKS.items():
            missing = [need for need in needs if need in failed]
            if missing:
                failed.add(name)
                yield Checked(name, "skip", f"needs {missing[0]} to hold first")
                continue
            try:
                yield Checked(name, "pass", check(adapter, passes))
            except Problem as problem:
                failed.add(name)
                yield Checked(name, "fail", str(problem))
            except Exception as error:  # whatever the code of somebody else raises
                failed.add(name)
                words = " ".join(str(error).split())
                yield Checked(name, "fail", f"it raised {type(error).__name__}: {words}"[:400])
