"""Bytes of live tensors during a computation, counted exactly and without a clock or an allocator."""

import weakref
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Features = dict[str, Tensor]


class LiveBytes(TorchDispatchMode):
    """While active, follows every tensor storage that an operation makes, from its birth to its death.

    Views and in-place results share a storage and count once. What was there before (inputs, parameters) does
    not count, nor do buffers that live inside one operation's kernel. Under autograd it is an upper bound: a
    gradient is held a little longer than the engine alone would hold it.

    Attributes:
        now: bytes alive.
        peak: the largest value that ``now`` has had.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.peak = 0
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Run one operation, in its parts where it has any, and follow what it makes."""
        kwargs = kwargs or {}
        if func.namespace != "prim":
            with self:  # under inference mode composite operations arrive whole; their parts allocate
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        given = {_address(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _address(leaf) not in given:
                self._follow(leaf.untyped_storage())
        return result

    def _follow(self, storage: torch.UntypedStorage) -> None:
        address, size = storage._cdata, storage.nbytes()
        if address in self._alive:
            return

        def gone(_: object) -> None:
            self.now -= size
            del self._alive[address]

        self._alive[address] = weakref.ref(storage, gone)
        self.now += size
        self.peak = max(self.peak, self.now)


def peak_bytes(module: nn.Module, inputs: Callable[[], Features], step: Callable[..., object], training: bool) -> int:
    """Peak of live tensor bytes above inputs and parameters, from shapes alone: nothing is computed.

    Args:
        module: parameters and code; it is not changed.
        inputs: makes the features.
        step: ``step(call, parameters, features, training)`` runs what is counted.
        training: forward and backward instead of forward.
    """
    fake = FakeTensorMode()
    real: Iterator[tuple[str, Tensor]] = chain(module.named_parameters(), module.named_buffers())
    state: Features = {name: fake.from_tensor(value) for name, value in real}
    parameters = [value for value in state.values() if value.requires_grad]

    def call(features: Features) -> Any:  # noqa: ANN401
        return torch.func.functional_call(module, state, (features,))

    with fake:
        features = inputs()
        with LiveBytes() as live:
            step(call, parameters, features, training)
    return int(live.peak)


def _address(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
