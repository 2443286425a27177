"""A small network in the manner of InvPT and MTI-Net, written for this example: it knows nothing of mtlviz.

Tokens of every task at stride 16 read the tokens of all other tasks by attention, and a decoder a task brings what they
have become to the size of the image, with help from finer features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = {"semseg": 17, "depth": 1, "normals": 3, "edge": 1}
WIDTH, SKIP, DECODED = 32, 24, 24


def block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )  # fmt: skip


class Exchange(nn.Module):
    """Every token reads the tokens of the other tasks."""

    def __init__(self, width: int, tasks: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))

    def forward(self, tokens: Tensor, unread: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What tokens ``(B, S, D)`` receive, and their queries, keys and values; ``unread`` is ``(B, S)`` bool."""
        queries, keys, values = self.query(tokens), self.key(tokens), self.value(tokens)
        task = torch.arange(self.tasks, device=tokens.device).repeat_interleave(tokens.shape[1] // self.tasks)
        barred = (task[:, None] == task[None]) | unread[:, None]  # (B, S, S)
        logits = queries @ keys.transpose(1, 2) / tokens.shape[-1] ** 0.5
        weights = logits.masked_fill(barred, -torch.inf).softmax(-1).nan_to_num()  # a row that may read nothing: zeros
        return weights @ values, queries, keys, values


class TaskExchangeNet(nn.Module):
    """Segmentation, depth, surface normals and edges of an image whose sides are multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(block(3, 16, 2), block(16, SKIP, 2))
        self.coarse = nn.Sequential(block(SKIP, 32, 2), block(32, 48, 2))
        self.task_encoders = nn.ModuleDict({task: block(48, WIDTH) for task in CHANNELS})
        self.exchange = Exchange(WIDTH, len(CHANNELS))
        self.decoders = nn.ModuleDict({task: block(WIDTH + SKIP, DECODED) for task in CHANNELS})
        self.heads = nn.ModuleDict({task: nn.Conv2d(DECODED, count, 1) for task, count in CHANNELS.items()})

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Fine and coarse features of all tasks, and every task's own."""
        fine = self.fine(image)
        coarse = self.coarse(fine)
        return fine, coarse, {task: encoder(coarse) for task, encoder in self.task_encoders.items()}

    def decode(self, features: dict[str, Tensor], fine: Tensor) -> dict[str, Tensor]:
        """What the heads receive, at stride 4."""
        size = (fine.shape[-2], fine.shape[-1])
        grown = {task: functional.interpolate(one, size, mode="bilinear") for task, one in features.items()}
        return {task: decoder(torch.cat([grown[task], fine], 1)) for task, decoder in self.decoders.items()}

    def predict(self, decoded: dict[str, Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Logits, metres and unit vectors at the size of the image."""
        found = {}
        for task, head in self.heads.items():
            raw = functional.interpolate(head(decoded[task]), size, mode="bilinear")
            if task == "depth":
                raw = functional.softplus(raw) + 0.1
            found[task] = functional.normalize(raw, dim=1) if task == "normals" else raw
        return found

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Everything at once, as its own training would call it."""
        fine, _, features = self.encode(image)
        shape = next(iter(features.values())).shape
        tokens = torch.cat([one.flatten(2).transpose(1, 2) for one in features.values()], 1)
        received, *_ = self.exchange(tokens, torch.zeros(tokens.shape[:2], dtype=torch.bool, device=image.device))
        parts = (tokens + received).chunk(len(features), 1)
        mixed = {task: part.transpose(1, 2).reshape(shape) for task, part in zip(features, parts, strict=True)}
        return self.predict(self.decode(mixed, fine), (image.shape[-2], image.shape[-1]))
