"""What recording costs: the traced forward pass over the bare one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from mtlviz.bench.catalogue import Entry
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import Call, take_turns
from mtlviz.checkpoints import DEFAULT_FOLDER, MANIFEST, checkpoint_names, load_checkpoint
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import INTERACTION, Capture, to_arrays

DEFAULT_SIZE = (128, 160)
ROUNDS = 200


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """The one finding of this part, for model ``kem``, batch 1, without decoding images."""
    say("Forward pass with and without its trace")
    network, size, weights = kem_network(checkpoints or DEFAULT_FOLDER)
    image = torch.randn(1, 3, *size).to(memory_format=torch.channels_last)

    def forward(capture: Capture | None) -> object:
        with torch.inference_mode():
            outputs, trace, _ = network(image, capture=capture)
            return {task: output.numpy() for task, output in outputs.items()}, to_arrays(trace)

    calls: dict[str, Call] = {"bare": lambda: forward(None), "traced": lambda: forward(INTERACTION)}
    for call in calls.values():
        call()
    turns = take_turns(calls, most=ROUNDS)
    detail = {
        "ms": {name: round(turns.milliseconds(name), 3) for name in calls},
        "rounds": turns.rounds,
        "weights": weights,
        "threads": torch.get_num_threads(),
    }
    yield Finding(entries[0].key, turns.ratio("traced", "bare"), detail)


def kem_network(folder: Path) -> tuple[MultiTaskNetwork, tuple[int, int], str]:
    """The network, its input size and where its weights are from; time does not depend on the weights."""
    if (folder / MANIFEST).exists() and "kem" in checkpoint_names(folder):
        network, card = load_checkpoint("kem", folder, "cpu")
        return network, card.input_size, f"checkpoint kem ({card.trained})"
    tasks = [TASKS[name] for name in ("semseg", "depth", "normals", "edge")]
    return (
        MultiTaskNetwork(NetworkConfig.model_validate({}), tasks).eval(),
        DEFAULT_SIZE,
        "random: no checkpoint kem",
    )
