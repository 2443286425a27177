"""What the systems of a comparison cost: parameters, operations, seconds in turns, and live bytes."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mtlviz.analysis.system_record import Cost
from mtlviz.bench.live_bytes import Features, peak_bytes
from mtlviz.bench.timing import SECONDS, Call, take_turns
from mtlviz.models.multitask import MultiTaskNetwork, parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.training.comparison import Networks
from mtlviz.training.comparison_plan import REFERENCE


class _Predictions(nn.Module):
    """A network as a function of tensors by name, as ``peak_bytes`` calls it."""

    def __init__(self, network: MultiTaskNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Features) -> Features:
        outputs: Features = self.network(features["image"])[0]
        return outputs


def system_costs(systems: Mapping[str, Networks], size: tuple[int, int], seconds: float = SECONDS) -> dict[str, Cost]:
    """Cost of one image by system; a system of several networks runs one after another.

    Args:
        systems: their networks, with ``none`` among them.
        size: (H, W) of the image.
        seconds: after which no further round of turns starts.
    """
    image = torch.randn(1, 3, *size).to(memory_format=torch.channels_last)
    networks = {name: [network.eval() for _, network in parts.values()] for name, parts in systems.items()}
    calls = {name: _forward(parts, image) for name, parts in networks.items()}
    for call in calls.values():
        call()
    turns = take_turns(calls, seconds=seconds)
    return {
        name: Cost(
            _summed([parameter_counts(network) for network in parts]),
            _summed([operation_counts(network, size) for network in parts]),
            round(turns.milliseconds(name), 3),
            round(turns.ratio(name, REFERENCE), 3),
            max(_peak(network, size) for network in parts),
        )
        for name, parts in networks.items()
    }


def _forward(networks: list[MultiTaskNetwork], image: Tensor) -> Call:
    def call() -> None:
        with torch.inference_mode():
            for network in networks:
                network(image)

    return call


def _peak(network: MultiTaskNetwork, size: tuple[int, int]) -> int:
    def step(call: Callable[[Features], object], *_: object) -> None:
        with torch.no_grad():
            call({"image": torch.randn(1, 3, *size)})

    return peak_bytes(_Predictions(network), dict, step, training=False)


def _summed(counts: list[dict[str, int]]) -> dict[str, int]:
    return {part: sum(one[part] for one in counts) for part in counts[0]}
