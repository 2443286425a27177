"""From which tokens did a token receive? The composite map A = A_w A_r of KEM, a row at a time (kem.md 2.6).

A is S x S, but only the tokens that won a slot have a column: at most L K of them. It is comparable one to
one with the attention matrix of cross-attention. With the gated memory update a slot also keeps some of what
it held before; A leaves that part out.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mtlviz.trace import SlotTrace


@dataclass(frozen=True)
class TokenProvenance:
    """What one token reads and where it comes from.

    Attributes:
        token: index of the reading token.
        task: its task.
        row: its row on the token grid.
        column: its column on the token grid.
        slots: ``(L,)`` its Write weights, sum 1.
        sources: ``(M,)`` int64, distinct tokens it received from, largest weight first; M <= L K.
        weights: ``(M,)`` their weights, the row of A; sum 1 under ``renorm``.
        through: ``(M, L)`` the same weights slot by slot.
        tasks: sum of the weights by the sources' task.
    """

    token: int
    task: str
    row: int
    column: int
    slots: Float[np.ndarray, " L"]
    sources: Int[np.ndarray, " M"]
    weights: Float[np.ndarray, " M"]
    through: Float[np.ndarray, "M L"]
    tasks: dict[str, float]


def picked_tokens(trace: SlotTrace) -> tuple[Int[np.ndarray, " M"], Float[np.ndarray, "L M"]]:
    """The distinct tokens that won a slot, and A_r restricted to them: Retrieve weights by slot and token."""
    picks, weights = np.asarray(trace.picks), np.asarray(trace.weights, np.float64)
    slot = np.broadcast_to(np.arange(len(picks))[:, None], picks.shape)
    there = picks >= 0
    tokens, column = np.unique(picks[there], return_inverse=True)
    retrieve = np.zeros((len(picks), len(tokens)))
    np.add.at(retrieve, (slot[there], column), weights[there])
    return tokens, retrieve


def composite_rows(trace: SlotTrace, tokens: Int[np.ndarray, " R"]) -> Float[np.ndarray, "R S"]:
    """Rows of A = A_w A_r: how much the given tokens receive from each of the S tokens.

    A row sums to sum_l A_w[i, l] * (sum of slot l's Retrieve weights): 1 under ``renorm``.
    """
    sources, retrieve = picked_tokens(trace)
    rows = np.zeros((len(tokens), trace.layout.tokens))
    rows[:, sources] = np.asarray(trace.write, np.float64)[tokens] @ retrieve
    return rows


def composite_column_mass(trace: SlotTrace) -> Float[np.ndarray, " S"]:
    """How much each token is read by all: mean of the columns of A over the tokens that are not padding."""
    sources, retrieve = picked_tokens(trace)
    mass = np.zeros(trace.layout.tokens)
    mass[sources] = np.asarray(trace.write, np.float64)[trace.layout.valid_tokens()].mean(0) @ retrieve
    return mass


def token_provenance(trace: SlotTrace, token: int) -> TokenProvenance:
    """The tokens that one token received from, through which slots.

    Raises:
        ValueError: if there is no such token, or it is padding.
    """
    layout = trace.layout
    if not 0 <= token < layout.tokens:
        raise ValueError(f"token {token} does not exist; tokens are 0 to {layout.tokens - 1}")
    if not layout.valid_tokens()[token]:
        raise ValueError(f"token {token} is padding; it lies outside the image and takes no part")
    slots = np.asarray(trace.write, np.float64)[token]
    tokens, retrieve = picked_tokens(trace)
    through = (slots[:, None] * retrieve).T  # (M, L)
    weights = through.sum(1)
    order = np.argsort(-weights, kind="stable")
    owner = tokens // layout.tokens_per_task
    by_task = np.bincount(owner, weights, minlength=len(layout.tasks))
    task, row, column = layout.place(token)
    shares = dict(zip(layout.tasks, by_task.tolist(), strict=True))
    return TokenProvenance(token, task, row, column, slots, tokens[order], weights[order], through[order], shares)
