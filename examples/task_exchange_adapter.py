"""The adapter of ``task_exchange.py``: ``python -m mtlviz check examples/task_exchange_adapter.py:TaskExchange``."""

import torch
from task_exchange import CHANNELS, TaskExchangeNet

from mtlviz.adapters import Adapter, Capabilities, ModelCard, OwnArchitecture
from mtlviz.models.interactions.base import from_tokens, to_tokens, token_layout
from mtlviz.models.interactions.edited import edited_inputs
from mtlviz.models.multitask import feature_trace
from mtlviz.tasks import TASKS
from mtlviz.trace import PLACES, AttentionTrace, Trace

CARD = ModelCard(
    name="task-exchange", title="Task exchange", summary="Tokens read the other tasks' tokens; an example, untrained.",
    trained="random", architecture=OwnArchitecture(network="TaskExchangeNet"), licence="MIT",
    tasks=tuple(TASKS[name] for name in CHANNELS), input_size=(128, 160), token_grid=(8, 10),
    capabilities=Capabilities(
        trace="attention", features=True, gradients=True,
        edits=("residual", "noise", "features", "permuted", "silenced"),
    ),
)  # fmt: skip


class TaskExchange(Adapter):
    """Reads the network's parts one after the other, so that it can record and change what passes between them."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(TaskExchangeNet(), CARD)

    def run(self, image, *, mask, capture, edit):  # noqa: ANN001, ANN201
        """Predict every task; see ``Adapter.run``."""
        fine, coarse, features = self.network.encode(image)
        features = edited_inputs(features, edit)
        tokens, per_task = to_tokens(features), next(iter(features.values()))[0, 0].numel()
        unread = torch.zeros(tokens.shape[:2], dtype=torch.bool, device=image.device)
        if mask is not None:
            unread |= ~mask.repeat(1, len(features))
        for task in edit.silenced if edit else ():
            unread[:, list(features).index(task) * per_task :][:, :per_task] = True
        received, queries, keys, values = self.network.exchange(tokens, unread)
        weight = 1.0 if edit is None or edit.residual is None else edit.residual
        mixed = from_tokens(tokens + weight * received, features)
        decoded = self.network.decode(mixed, fine)
        outputs = self.network.predict(decoded, image.shape[-2:])
        if capture is None:
            return outputs, Trace()
        layout, silenced = token_layout(features, mask), edit.silenced if edit else ()
        read = AttentionTrace(layout, queries[0], keys[0], values[0], received[0], weight, silenced=silenced)
        places = dict(zip(PLACES, ({"": coarse}, features, features, mixed, decoded), strict=True))
        return outputs, Trace(read, feature_trace(places, mask) if capture.features else None)
