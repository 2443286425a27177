"""KEM beside attention over all tokens: time, peak memory and the analytic count."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mtlviz.bench.catalogue import Entry
from mtlviz.bench.contenders import TITLES, WIDTH, build, features, step, task_names
from mtlviz.bench.dense import DenseAttention
from mtlviz.bench.live_bytes import peak_bytes
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import take_turns
from mtlviz.models.interactions import build_interaction

KEMS = ("kem", "kem_pre_norm")


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """Findings for the entries asked for; random weights, fp32, batch 1, on the CPU."""
    torch.manual_seed(0)
    for entry in entries:
        if "speedup" in entry.key:
            say(f"KEM beside {TITLES[entry.rival]}, {entry.tokens} tokens, {_pass(entry.training)}")
            yield _time(entry)
        elif "memory" in entry.key:
            yield _memory(entry)
        else:
            yield _operations(entry)


def _time(entry: Entry) -> Finding:
    needed, free = _bytes_needed(entry), free_bytes()
    if needed > free:
        lack = f"needs {needed / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free"
        return Finding(entry.key, None, {"missing": lack})
    start = time.perf_counter()
    calls = {name: _call(name, entry) for name in (*KEMS, entry.rival)}
    for name in KEMS:
        calls[name]()
    turns = take_turns(calls)
    detail = {
        "ms": {name: round(turns.milliseconds(name), 3) for name in calls},
        "rounds": turns.rounds,
        "ratio_pre_norm": round(turns.ratio(entry.rival, "kem_pre_norm"), 2),
        "threads": torch.get_num_threads(),
        "seconds": round(time.perf_counter() - start, 1),
    }
    return Finding(entry.key, turns.ratio(entry.rival, "kem"), detail)


def _call(name: str, entry: Entry) -> Callable[[], object]:
    module = build(name)
    inputs = features(name, entry.tokens, training=entry.training)
    parameters: list[Tensor] = list(module.parameters())

    def call() -> object:
        with torch.inference_mode(not entry.training):
            return step(module, parameters, inputs, entry.training)

    return call


def _memory(entry: Entry) -> Finding:
    peaks = {name: counted_peak(name, entry.tokens, entry.training) for name in (*KEMS, entry.rival)}
    ratio_pre_norm = round(peaks[entry.rival] / peaks["kem_pre_norm"], 2)
    detail: dict[str, Any] = {"peak_bytes": peaks, "ratio_pre_norm": ratio_pre_norm}
    if entry.rival == "dense" and not entry.training:  # had its softmax overwritten the logits
        detail["ratio_one_buffer"] = round((peaks["dense"] - 4 * entry.tokens**2) / peaks["kem"], 2)
    return Finding(entry.key, peaks[entry.rival] / peaks["kem"], detail)


def _operations(entry: Entry) -> Finding:
    names = task_names("kem")
    counts = build_interaction("kem", WIDTH, names, {}).operations(entry.tokens // len(names))
    dense = DenseAttention.operations(entry.tokens, WIDTH)
    below = counts["literal" if "literal" in entry.key else "used"]
    found = {"dense": dense, "kem_folded": counts["used"], "kem_literal": counts["literal"]}
    found |= {name: _attention_operations(name, entry.tokens) for name in ("xa2", "xa4")}
    return Finding(entry.key, dense / below, {"multiply_adds": found})


def _attention_operations(name: str, tokens: int) -> int:
    names = task_names(name)
    return build_interaction("cross_attention", WIDTH, names, {}).operations(tokens // len(names))["used"]


@cache
def counted_peak(name: str, tokens: int, training: bool) -> int:
    """Peak of live tensor bytes of a contender above its inputs and parameters.

    Args:
        name: of the contender.
        tokens: S.
        training: forward and backward instead of forward.
    """
    return peak_bytes(build(name), partial(features, name, tokens, training=training), step, training)


def _bytes_needed(entry: Entry) -> int:
    """Of the rival, with a third to spare: the allocator keeps some of what is freed."""
    return counted_peak(entry.rival, entry.tokens, entry.training) * 4 // 3


def free_bytes() -> int:
    """Memory that a new computation may take; a machine that does not tell is taken to have 8 GB."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 8 * 10**9


def _pass(training: bool) -> str:
    return "forward + backward" if training else "forward"
