"""KEM written down equation by equation (kem.md 1.3), one image, no folding: the reference of the tests."""

import torch
from torch import Tensor

from mtlviz.models.interactions.kem import KEM


def literal_kem(kem: KEM, tokens: Tensor, allowed: Tensor | None = None) -> dict[str, Tensor]:
    """Every intermediate of one head over tokens ``(S, D)``, with dense score matrices."""
    config, width = kem.config, kem.width
    assert config.heads == 1
    assert not config.gate
    assert not config.queries_per_task
    compared = kem.token_norm(tokens)
    memory = kem.memory_norm(kem.memory)
    retrieve_scale, write_scale = (1.0, 1.0) if kem.log_temperature is None else kem.log_temperature.exp()
    logits = (memory @ kem.retrieve_query.weight.T) @ (compared @ kem.retrieve_key.weight.T).T
    logits = logits / width**0.5 * retrieve_scale
    if allowed is not None:
        logits[:, ~allowed] = -torch.inf
    weights = _topk_softmax(logits, config.picks or tokens.shape[0], config.competition)  # (L, S)
    retrieved = weights @ (compared @ kem.retrieve_value.weight.T)
    write = (compared @ kem.write_query.weight.T) @ (retrieved @ kem.write_key.weight.T).T
    write = (write / width**0.5 * write_scale).softmax(-1)  # (S, L)
    written = write @ (retrieved @ kem.write_value.weight.T)
    return {
        "logits": logits, "retrieve": weights, "retrieved": retrieved, "write": write, "written": written,
        "out": tokens + kem.residual * written,
    }  # fmt: skip


def _topk_softmax(logits: Tensor, count: int, form: str) -> Tensor:
    rows = []
    for row in logits:
        order = sorted(range(len(row)), key=lambda index: (-float(row.detach()[index]), index))
        kept = torch.zeros(len(row), dtype=torch.bool)
        kept[order[:count]] = True
        probabilities = row.softmax(-1)
        if form == "renorm":
            rows.append(row.masked_fill(~kept, -torch.inf).softmax(-1))
        elif form == "mask":
            rows.append(probabilities * kept)
        else:
            runner_up = probabilities[order[count]] if count < len(row) else 0.0
            rest = (probabilities - runner_up).clamp_min(0) * kept
            rows.append(rest / rest.sum())
    return torch.stack(rows)
