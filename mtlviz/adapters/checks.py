"""What the app relies on in an adapter, one check for each; a failed one says what to do about it."""

import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from mtlviz.adapters import examined, recorded, repeated
from mtlviz.adapters.base import Adapter
from mtlviz.adapters.examined import Passes, Problem

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = {Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")}
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
    "determinism": (repeated.repeats, ("shapes",)),
    "batches": (repeated.batches_agree, ("shapes", "ranges", "determinism")),
    "trace": (recorded.traces_fit, ("shapes",)),
    "edits": (examined.edits_apply, ("shapes", "determinism")),
    "hooks": (recorded.leaves_nothing, ("shapes", "determinism", "trace")),
    "gradients": (examined.gradients_arrive, ("shapes", "hooks")),
    "threads": (repeated.threads_agree, ("shapes", "determinism")),
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
            except (Exception, SystemExit) as error:  # whatever the code of somebody else raises
                failed.add(name)
                words = " ".join(str(error).split())[:400]
                yield Checked(name, "fail", f"{_where(error)} raised {type(error).__name__}: {words}")


def _where(error: BaseException) -> str:
    """The last line that is neither ours nor a library's, where there is one."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _known(Path(frame.filename))]
    return f"line {frames[-1].lineno} of {Path(frames[-1].filename).name}" if frames else "it"


def _known(path: Path) -> bool:
    return path.is_relative_to(PACKAGE) or any(path.is_relative_to(place) for place in LIBRARIES)
