"""Whether an interaction says something: how sharply it reads, how much what it tells tokens differs."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.trace import AttentionTrace, Capture, SlotTrace, Trace
from mtlviz.training.data import Samples, to_batch
from mtlviz.training.loop import normalised


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
        rows.append(_of_one_image(trace))
    return {"images": len(rows)} | {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _of_one_image(trace: Trace) -> dict[str, float]:
    record, features = trace.interaction, trace.features
    if record is None or features is None:
        raise ValueError("the statistics need a trace with the interaction and the features")
    written, before = torch.as_tensor(record.written), torch.as_tensor(features.before)
    variance = written.var(0, unbiased=False).mean()
    common = {
        "written_variance": float(variance),
        "written_variation": float(variance / written.square().mean().clamp_min(1e-30)),
        "written_size": float(abs(record.residual) * written.norm() / before.norm()),
    }
    if isinstance(record, AttentionTrace):
        return {"read_entropy": float(_attention_entropy(record).mean()), **common}
    return {**_slot_entropies(record), **common}


def _slot_entropies(record: SlotTrace) -> dict[str, float]:
    write, weights = torch.as_tensor(record.write), torch.as_tensor(record.weights)
    return {
        "read_entropy": float(_entropy(write).mean()),
        "retrieve_entropy": float(_entropy(weights / weights.sum(-1, keepdim=True)).mean()),
        "slots_read": float(torch.special.entr(write.mean(0)).sum().exp()),
    }


def _entropy(rows: Float[Tensor, "R C"]) -> Float[Tensor, "R"]:
    """Entropy of every row over that of a uniform one."""
    entropy: Tensor = torch.special.entr(rows).sum(-1) / math.log(max(rows.shape[-1], 2))
    return entropy


def _attention_entropy(record: AttentionTrace) -> Float[Tensor, "S"]:
    """Of every token's weights over the tokens of the other tasks; the rows are computed task by task."""
    queries, keys = torch.as_tensor(record.queries), torch.as_tensor(record.keys)
    per_task = record.layout.tokens_per_task
    entropies = []
    for start in range(0, len(queries), per_task):
        others = torch.cat([keys[:start], keys[start + per_task :]])
        logits = queries[start : start + per_task] @ others.T * queries.shape[-1] ** -0.5
        entropies.append(_entropy(logits.softmax(-1)))
    return torch.cat(entropies)
