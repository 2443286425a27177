"""Whether an interaction says something: how sharply it reads, how much what it tells tokens differs."""

from collections.abc import Sequence

import numpy as np
import torch

from mtlviz.analysis.attention import row_blocks
from mtlviz.analysis.attention_statistics import candidate_counts
from mtlviz.analysis.diffusion import diffusion_ratio
from mtlviz.analysis.entropy import entropy, normalised_entropy
from mtlviz.analysis.write_map import written_variation
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.trace import AffinityTrace, Capture, InteractionTrace, RowTrace, SlotTrace, Trace, to_arrays
from mtlviz.training.data import Samples, normalised, to_batch


@torch.inference_mode()
def sharing_statistics(
    network: MultiTaskNetwork, samples: Samples, count: int, mean: Sequence[float], std: Sequence[float]
) -> dict[str, float]:
    """Statistics of the interaction, averaged over the first ``count`` images.

    Returns:
        Empty for an interaction without trace, else

        - ``images``;
        - ``read_entropy``: of a token's weights over what it reads (slots, or other tasks' tokens) over its
          maximum, mean over tokens; 1 = reads everything alike;
        - ``written_variance``: variance between tokens of what is added to them, mean over the width;
        - ``written_variation``: that variance over the mean square; 0 = all tokens receive the same;
        - ``written_size``: norm of what is added over the norm of the tokens;
        - for CTAL ``diffusion_ratio``, what is diffused over what is kept, in place of ``read_entropy``;
        - for KEM ``retrieve_entropy``, over a slot's picks, and ``slots_read``, the effective number of slots
          by mean write weight.
    """
    device = next(network.parameters()).device
    rows = []
    for index in range(min(count, len(samples))):
        images = normalised(to_batch(samples[index], ()), mean, std).to(device)
        _, trace, _ = network(images, capture=Capture(interaction=True, features=True))
        if trace.interaction is None:
            return {}
        rows.append(_of_one_image(to_arrays(trace)))
    return {"images": len(rows)} | {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _of_one_image(trace: Trace) -> dict[str, float]:
    record, features = trace.interaction, trace.features
    if record is None or features is None:
        raise ValueError("the statistics need a trace with the interaction and the features")
    written = np.asarray(record.written, np.float64)
    return {
        **_of_one_kind(record),
        "written_variance": float(written.var(0).mean()),
        "written_variation": written_variation(record),
        "written_size": float(abs(record.residual) * np.linalg.norm(written) / np.linalg.norm(features.before)),
    }


def _of_one_kind(record: InteractionTrace) -> dict[str, float]:
    """What only this kind of interaction has."""
    if isinstance(record, SlotTrace):
        return _slot_entropies(record)
    if isinstance(record, AffinityTrace):
        return {"diffusion_ratio": diffusion_ratio(record)}
    return {"read_entropy": _row_entropy(record)}


def _slot_entropies(record: SlotTrace) -> dict[str, float]:
    write, weights = np.asarray(record.write), np.asarray(record.weights)
    shares = weights / weights.sum(-1, keepdims=True)
    return {
        "read_entropy": float(normalised_entropy(write).mean()),
        "retrieve_entropy": float(normalised_entropy(shares).mean()),
        "slots_read": float(np.exp(entropy(write.mean(0)[None])[0])),
    }


def _row_entropy(record: RowTrace) -> float:
    """Of every token's weights over the tokens that it could read, mean over tokens."""
    entropies = [normalised_entropy(rows, candidate_counts(record, tokens)) for tokens, rows in row_blocks(record)]
    return float(np.concatenate(entropies).mean())
