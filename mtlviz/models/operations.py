"""What a forward pass costs, counted and not timed."""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from mtlviz.models.multitask import MultiTaskNetwork


def operation_counts(network: MultiTaskNetwork, size: tuple[int, int]) -> dict[str, int]:
    """Multiply-accumulates of one image by part, and their ``total``.

    Convolutions are counted by PyTorch's own counter; the interaction states its analytic count, so that
    what the two interactions do is counted by one rule.

    Args:
        network: the network; it is left as it is.
        size: (H, W) of the input.
    """
    device = next(network.parameters()).device
    image = torch.zeros(1, 3, *size, device=device)
    with torch.inference_mode():
        shared, skip = network.encoder(image)
        tokens, _ = network.encoded(shared)
        after, _, _ = network.interaction(tokens)  # what the decoders receive may have another stride
        counts = {
            "encoder": _counted(network.encoder, image),
            "task_encoders": _counted(network.encoded, shared),
            "interaction": network.interaction.operations(shared.shape[-2] * shared.shape[-1])["used"],
            "decoders": sum(_counted(decoder, after[name], skip, size) for name, decoder in network.decoders.items()),
        }
    return {**counts, "total": sum(counts.values())}


def _counted(part: Callable[..., object], *inputs: object) -> int:
    with FlopCounterMode(display=False) as counter:
        part(*inputs)
    return int(counter.get_total_flops()) // 2
