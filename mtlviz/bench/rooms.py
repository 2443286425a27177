"""How fast rooms are rendered."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from mtlviz.bench.catalogue import Entry
from mtlviz.bench.measurement import Finding, Say
from mtlviz.data.rooms import RoomOptions, write_rooms

COUNT = 320
SIZE = (128, 160)
PROCESSES = 2


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """The one finding of this part: finished samples on disk a second, with the default options."""
    say(f"Rendering {COUNT} rooms on {PROCESSES} processes")
    finished: list[tuple[float, int]] = []
    start, used = time.perf_counter(), _processor_seconds()
    with tempfile.TemporaryDirectory() as folder:
        write_rooms(
            Path(folder),
            count=COUNT,
            size=SIZE,
            workers=PROCESSES,
            progress=lambda done, _: finished.append((time.perf_counter() - start, done)),
        )
    detail = {
        "images": COUNT,
        "processes": PROCESSES,
        "processor_s_per_image": round((_processor_seconds() - used) / COUNT, 4),
        "with_process_start": round(COUNT / finished[-1][0], 2),
        "options": asdict(RoomOptions()),
    }
    yield Finding(entries[0].key, steady_rate(finished, PROCESSES), detail)


def steady_rate(finished: Sequence[tuple[float, int]], processes: int) -> float:
    """Samples a second once every process has handed in its first batch; starting processes is not rendering.

    Args:
        finished: (seconds, samples done so far), the first entry before anything is done.
        processes: that render.

    Raises:
        ValueError: if no batch was finished after that.
    """
    if len(finished) < processes + 2:
        raise ValueError(f"{len(finished) - 1} finished batches are too few for a rate on {processes} processes")
    (first, before), (last, after) = finished[processes], finished[-1]
    return (after - before) / (last - first)


def _processor_seconds() -> float:
    """Processor time of all child processes that have ended, their start included."""
    times = os.times()
    return times.children_user + times.children_system
