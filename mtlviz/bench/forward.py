"""What recording and lesions cost: the traced forward pass, and every slot dropped once, over the bare one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from mtlviz.bench.catalogue import Entry
from mtlviz.bench.measurement import Finding, Say
from mtlviz.bench.timing import Call, take_turns
from mtlviz.checkpoints import DEFAULT_FOLDER, MANIFEST, checkpoint_names, load_checkpoint
from mtlviz.edits import Edit
from mtlviz.models.interactions import interaction_config
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import INTERACTION, Capture, to_arrays

DEFAULT_SIZE = (128, 160)
ROUNDS = 200
SAID = {
    "traced_over_bare": "Forward pass with and without its trace",
    "lesions_over_forward": "Every slot dropped once, beside one forward pass",
}


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """The findings of this part, for model ``kem``, batch 1, without decoding images."""
    network, size, weights = kem_network(checkpoints or DEFAULT_FOLDER)
    image = torch.randn(1, 3, *size).to(memory_format=torch.channels_last)
    lesions = slot_lesions(network)

    def forward(capture: Capture | None) -> object:
        with torch.inference_mode():
            outputs, trace, _ = network(image, capture=capture)
            return {task: output.numpy() for task, output in outputs.items()}, to_arrays(trace)

    def dropped() -> object:
        with torch.inference_mode():
            return {task: output.numpy() for task, output in network.effects(image, lesions, full=False).items()}

    contenders: dict[str, tuple[str, Call]] = {
        "traced_over_bare": ("traced", lambda: forward(INTERACTION)),
        "lesions_over_forward": ("lesions", dropped),
    }
    for entry in entries:
        say(SAID[entry.key])
        name, call = contenders[entry.key]
        calls: dict[str, Call] = {"bare": lambda: forward(None), name: call}
        for one in calls.values():
            one()
        turns = take_turns(calls, most=ROUNDS)
        detail = {
            "ms": {name: round(turns.milliseconds(name), 3) for name in calls},
            "rounds": turns.rounds,
            "weights": weights,
            "threads": torch.get_num_threads(),
        }
        if name == "lesions":
            detail["slots"] = len(lesions)
        yield Finding(entry.key, turns.ratio(name, "bare"), detail)


def slot_lesions(network: MultiTaskNetwork) -> list[Edit]:
    """One edit a slot, which drops it."""
    config = interaction_config(network.config.interaction, network.config.options)
    return [Edit(zeroed=(slot,)) for slot in range(vars(config)["slots"])]


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
