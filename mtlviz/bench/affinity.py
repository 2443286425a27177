"""CTAL's two computations beside each other: time and peak memory, of the core and of the whole module."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn

from mtlviz.bench.catalogue import AFFINITY_SIZES, AffinitySize, Entry
from mtlviz.bench.contenders import step
from mtlviz.bench.interaction import free_bytes
from mtlviz.bench.live_bytes import peak_bytes
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import take_turns
from mtlviz.models.interactions.ctal import CTAL
from mtlviz.models.interactions.ctal_config import CTALConfig

FORMS = ("dense", "linear")
WHOLE = "_module"
"""After the name of a form: the module with its projections and output blocks."""


class Core(nn.Module):
    """The part of CTAL from projected features to diffused ones (ctal.md 1.2-1.5)."""

    def __init__(self, ctal: CTAL) -> None:
        super().__init__()
        self.ctal = ctal

    def forward(self, projected: dict[str, Tensor]) -> tuple[dict[str, Tensor], None]:
        """Diffused features, in the place where an interaction returns its own."""
        return self.ctal.core(projected), None


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """Findings for the entries asked for; random weights, fp32, batch 1, on the CPU."""
    torch.manual_seed(0)
    for entry in entries:
        size = AFFINITY_SIZES[entry.key.rpartition("_")[2]]
        if "memory" in entry.key:
            yield _memory(entry, size)
        else:
            say(f"CTAL dense beside linear, {size}, {'forward + backward' if entry.training else 'forward'}")
            yield _time(entry, size)


def build(name: str, size: AffinitySize) -> nn.Module:
    """A contender with random weights: ``dense`` or ``linear``, alone the core, with ``_module`` all of it."""
    form, whole = name.removesuffix(WHOLE), name.endswith(WHOLE)
    config = CTALConfig.model_validate({"grid": size.grid, "channels": size.channels, "computation": form})
    ctal = CTAL(size.width, _tasks(size), config)
    return (ctal if whole else Core(ctal)).eval()


def features(name: str, size: AffinitySize, *, training: bool) -> dict[str, Tensor]:
    """Random features of one image as the contender takes them."""
    width = size.width if name.endswith(WHOLE) else size.channels
    return {
        task: torch.randn(1, width, *size.grid).to(memory_format=torch.channels_last).requires_grad_(training)
        for task in _tasks(size)
    }


@cache
def counted_peak(name: str, size: AffinitySize, training: bool) -> int:
    """Peak of live tensor bytes of a contender above its inputs and parameters."""
    return peak_bytes(build(name, size), partial(features, name, size, training=training), step, training)


def _memory(entry: Entry, size: AffinitySize) -> Finding:
    names = [form + whole for whole in ("", WHOLE) for form in FORMS]
    peaks = {name: counted_peak(name, size, entry.training) for name in names}
    positions = size.grid[0] * size.grid[1]
    detail = {
        "peak_bytes": peaks,
        "ratio_module": round(peaks["dense" + WHOLE] / peaks["linear" + WHOLE], 2),
        # With all affinities, their interleaved copy and G alive at once (ctal.md 1.7).
        "affinities_of_released_code": 4 * positions**2 * (2 * size.tasks + 1),
    }
    return Finding(entry.key, peaks["dense"] / peaks["linear"], detail)


def _time(entry: Entry, size: AffinitySize) -> Finding:
    needed, free = counted_peak("dense" + WHOLE, size, entry.training) * 4 // 3, free_bytes()
    if needed > free:
        lack = f"needs {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free"
        return Finding(entry.key, None, {"missing": lack})
    start = time.perf_counter()
    calls = {form + whole: _call(form + whole, size, entry.training) for whole in ("", WHOLE) for form in FORMS}
    for call in calls.values():
        call()
    turns = take_turns(calls)
    detail = {
        "ms": {name: round(turns.milliseconds(name), 3) for name in calls},
        "ratio_module": round(turns.ratio("dense" + WHOLE, "linear" + WHOLE), 2),
        "rounds": turns.rounds,
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - start, 1),
    }
    return Finding(entry.key, turns.ratio("dense", "linear"), detail)


def _call(name: str, size: AffinitySize, training: bool) -> Callable[[], object]:
    module = build(name, size)
    inputs = features(name, size, training=training)
    parameters: list[Tensor] = list(module.parameters())

    def call() -> object:
        with torch.inference_mode(not training):
            return step(module, parameters, inputs, training)

    return call


def _tasks(size: AffinitySize) -> tuple[str, ...]:
    return tuple(f"task{index}" for index in range(size.tasks))
