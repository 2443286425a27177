"""Typed records of what one forward pass did, and of what it is asked to record.

Axis glossary of the whole package: ``B`` batch, ``T`` tasks, ``H W`` grid, ``N = H * W`` tokens of one task,
``S = T * N`` tokens that compete, ``D`` width, ``L`` slots, ``K`` picks a slot, ``C`` classes.

Tokens are ordered by task, then by row, then by column: token ``t * N + row * W + column``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray | Tensor
"""Networks record tensors; ``to_arrays`` turns a record into CPU arrays before it leaves the engine."""


@dataclass(frozen=True)
class Capture:
    """What a forward pass records.

    Attributes:
        interaction: the interaction's own trace.
        features: features at every place of ``PLACES``.
        head: which head of a many-headed interaction is recorded.
    """

    interaction: bool = True
    features: bool = False
    head: int = 0


INTERACTION = Capture()
"""Record the interaction's own trace and nothing else."""


@dataclass(frozen=True)
class TokenLayout:
    """Which token is which: the tasks in token order, the grid of one task and the tokens that are padding.

    Attributes:
        tasks: names in token order.
        grid: (rows, columns) of every task's token grid.
        valid: ``(N,)`` bool, False where a token covers only padding; None if no token does.
    """

    tasks: tuple[str, ...]
    grid: tuple[int, int]
    valid: Array | None = None

    @property
    def tokens_per_task(self) -> int:
        """N, the number of tokens of one task."""
        return self.grid[0] * self.grid[1]

    @property
    def tokens(self) -> int:
        """S, the number of tokens of all tasks."""
        return len(self.tasks) * self.tokens_per_task

    def token(self, task: str, row: int, column: int) -> int:
        """Index of the token of ``task`` at (row, column)."""
        return self.tasks.index(task) * self.tokens_per_task + row * self.grid[1] + column

    def place(self, token: int) -> tuple[str, int, int]:
        """(task, row, column) of a token."""
        task, position = divmod(int(token), self.tokens_per_task)
        return self.tasks[task], *divmod(position, self.grid[1])

    def valid_tokens(self) -> np.ndarray:
        """``(S,)`` bool over the tokens of all tasks."""
        one = np.ones(self.tokens_per_task, bool) if self.valid is None else np.asarray(self.valid)
        return np.tile(one, len(self.tasks))


@dataclass(frozen=True)
class EtfTrace:
    """Tokens as stable KEM compares them, and the frame that they are compared in (kem.md 3.8).

    ``rung`` says how the two belong together. ``collapse``: the tokens are unit vectors in the frame's own space,
    where a class's features are meant to gather at its vertex; the frame holds one simplex ETF a classification
    task. Others: the tokens are coordinates, one a vertex, and the frame is square.

    Attributes:
        rung: how sKEM projects.
        projected: ``(S, D)`` the tokens.
        frame: ``(D, K)`` one vertex a column.
        frame_tasks: the task of each part of the frame, in the order of the columns; empty where no task owns one.
        frame_sizes: columns of each part, of the whole frame where no task owns one.
    """

    rung: str
    projected: Array
    frame: Array
    frame_tasks: tuple[str, ...]
    frame_sizes: tuple[int, ...]

    @property
    def vertices(self) -> Array:
        """``(D, K)`` the vertices in the space of ``projected``."""
        return self.frame if self.rung == "collapse" else self.frame.T @ self.frame


@dataclass(frozen=True)
class SlotTrace:
    """What KEM did with one image (kem.md 1.3), for one head.

    Attributes:
        layout: the tokens.
        logits: ``(L, S)`` Retrieve logits, -inf at padding.
        picks: ``(L, K)`` int64 indices of the tokens that won each slot, best first; -1 where fewer than K
            tokens compete.
        weights: ``(L, K)`` their Retrieve weights (rows sum to 1 under ``renorm``), 0 where the pick is -1.
        write: ``(S, L)`` Write weights, rows sum to 1.
        memory_before: ``(L, D)`` the slots before Retrieve.
        memory_after: ``(L, D)`` the retrieved content.
        written: ``(S, D)`` what was added to every token, before w_r.
        residual: w_r in force.
        projection: the frame of stable KEM; None for other interactions.
    """

    layout: TokenLayout
    logits: Array
    picks: Array
    weights: Array
    write: Array
    memory_before: Array
    memory_after: Array
    written: Array
    residual: float
    projection: EtfTrace | None = None


@dataclass(frozen=True)
class AttentionTrace:
    """What cross-attention did with one image, as factors: any row of the S x S weights follows exactly.

    Row i of the weights is the softmax over the tokens j of all *other* tasks (padding excluded) of
    ``queries[i] . keys[j] / sqrt(D)`` (kem.md 3.15). With ``picks`` only its largest logits take part; with
    ``pairwise`` there is one softmax for each other task, and the row is their mean.

    Attributes:
        layout: the tokens.
        queries: ``(S, D)``.
        keys: ``(S, D)``.
        values: ``(S, V)`` projected values.
        written: ``(S, D)`` what was added to every token, before w_r.
        residual: w_r in force.
        picks: K, the largest logits that a softmax keeps; None keeps all.
        pairwise: one softmax for each other task instead of one over all of them.
        silenced: tasks that nobody reads.
        distractors: ``(m, D)`` keys of extra tokens that compete for being read; their weight is left out of the
            rows, which then sum to less than 1.
        oracle: ``(N,)`` labels; weights between places of different or negative labels are 0.
    """

    layout: TokenLayout
    queries: Array
    keys: Array
    values: Array
    written: Array
    residual: float
    picks: int | None = None
    pairwise: bool = False
    silenced: tuple[str, ...] = ()
    distractors: Array | None = None
    oracle: Array | None = None


@dataclass(frozen=True)
class AffinityTrace:
    """What CTAL did with one image (ctal.md 1), as factors: any row of any n x n matrix follows exactly.

    Row i of a task's affinity is ``units[t] @ units[t, i]`` (of the rbf ``exp((that - 1) / bandwidth**2)`` between
    tokens of the image), of which ``top`` keeps the largest entries. Row i of G_g is ``bias[g, i]`` plus the sum over
    tasks of row i as an image, cross-correlated with ``weights[g, i, t]``, zero outside the grid; not ``interleaved``,
    it is made from the T rows ``i * T ... i * T + T - 1`` of all tasks' affinities laid end to end.

    Attributes:
        layout: the tokens that came in; what goes out has twice the rows and columns.
        units: ``(T, n, C)`` unit features, zero at padding.
        weights: ``(G, n, T, 3, 3)`` fusion weights by query position and source; G is 1 where all targets share one
            matrix, else T.
        bias: ``(G, n)``.
        values: ``(T, n, C)`` what spreads along G, zero at padding.
        projected: ``(T, n, C)`` the features F before the blend.
        attended: ``(T, n, C)`` what every position received, Y = G V; F itself where an edit muted a token.
        gamma: share of ``attended`` in the result, in force.
        similarity: ``cosine`` or ``rbf`` of the unit features.
        bandwidth: of the rbf.
        top: entries kept in every row of an affinity; None keeps all.
        softmax: rows of G were normalised by a softmax over the tokens of the image.
        interleaved: whether a row of G is made from the same row of every task.
    """

    layout: TokenLayout
    units: Array
    weights: Array
    bias: Array
    values: Array
    projected: Array
    attended: Array
    gamma: float
    similarity: str = "cosine"
    bandwidth: float = 0.5
    top: int | None = None
    softmax: bool = False
    interleaved: bool = True

    @property
    def diffused(self) -> Array:
        """``(T, n, C)`` the blend Z = gamma Y + (1 - gamma) F."""
        return self.projected + self.gamma * (self.attended - self.projected)

    @property
    def written(self) -> Array:
        """``(S, C)`` what was blended into every token, before gamma."""
        return self.attended.reshape(-1, self.attended.shape[-1])

    @property
    def residual(self) -> float:
        """The weight of what is written, gamma."""
        return self.gamma


RowTrace = SlotTrace | AttentionTrace
"""Traces from which follows, for every token, a row of weights over the tokens of all tasks."""

InteractionTrace = RowTrace | AffinityTrace


PLACES = ("encoder", "task_encoder", "interaction_input", "interaction_output", "decoder")
"""Where features can be looked at, in the order of the data flow: the shared encoder's output; the task encoders'
output; the same as the interaction compares it, after its own norms and projections; what the decoders receive; the
input of each decoder's last linear layer."""


@dataclass(frozen=True)
class FeatureTrace:
    """Features of one image at every place of ``PLACES``.

    Attributes:
        layout: the tokens of the interaction.
        places: by place ``(G, n, E)``: G = 1 at the encoder, elsewhere T, the tasks in the order of the layout; n
            positions row by row; the width E differs between places.
        grids: by place (rows, columns), n = rows * columns.
    """

    layout: TokenLayout
    places: Mapping[str, Array]
    grids: Mapping[str, tuple[int, int]]

    @property
    def before(self) -> Array:
        """``(S, D)`` what the task encoders gave."""
        return self._rows("task_encoder")

    @property
    def after(self) -> Array:
        """``(S, D)`` what the decoders received."""
        return self._rows("interaction_output")

    def _rows(self, place: str) -> Array:
        features = self.places[place]
        return features.reshape(-1, features.shape[-1])


@dataclass(frozen=True)
class Trace:
    """Everything that one forward pass recorded; None where it was not asked for or the model has none."""

    interaction: InteractionTrace | None = None
    features: FeatureTrace | None = None


AnyRecord = Trace | InteractionTrace | EtfTrace | FeatureTrace | TokenLayout
Record = TypeVar("Record", bound=AnyRecord)


def to_arrays(record: Record) -> Record:
    """The same record with every tensor as a CPU array: float32, integers and booleans as they are."""
    return replace(record, **{field.name: _plain(getattr(record, field.name)) for field in fields(record)})  # type: ignore[arg-type]


def _plain(value: object) -> object:
    if isinstance(value, AnyRecord):
        return to_arrays(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return _array(value) if isinstance(value, Tensor) else value


def _array(tensor: Tensor) -> np.ndarray:
    tensor = tensor.detach().cpu()
    array: np.ndarray = (tensor.to(torch.float32) if tensor.is_floating_point() else tensor).numpy()
    return array.copy()  # never the network's own memory
