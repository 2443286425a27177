"""The same image again, alone, in a batch and in another thread: checked as in ``examined``."""

import threading

import torch
from torch import Tensor

from mtlviz.adapters.base import Adapter
from mtlviz.adapters.examined import SIZES, Passes, Problem, differing
from mtlviz.prepared import Prepared

ROUNDS = 4
"""Passes of each of the two threads."""
PATIENCE = 600.0
"""Seconds that one thread waits for the other."""
ROUNDING = 1e-3
"""Largest difference between an image alone and in a batch, over the largest value: sums run in another order."""


def repeats(adapter: Adapter, passes: Passes) -> str:
    """The same image gives the same bits."""
    first, second = passes.outputs(), passes.outputs()
    if name := differing(first, second):
        raise Problem(
            f"two passes over one image differ in {name}; put the network into eval(), and draw random numbers from a "
            "generator with a fixed seed"
        )
    return "the same image twice, the same bits"


def batches_agree(adapter: Adapter, passes: Passes) -> str:
    """An image gets the same prediction whatever image is beside it."""
    made = [passes.prepared(index) for index in range(len(SIZES))]
    masks = None if all(one.mask is None for one in made) else torch.cat([_mask(one, adapter) for one in made])
    with torch.inference_mode():
        images = torch.cat([one.image for one in made])
        together, _ = adapter.run(images, mask=masks, capture=None, edit=None)
    for index in range(len(SIZES)):
        for name, out in passes.outputs(index).items():
            if float((together[name][index] - out[0]).abs().max()) > ROUNDING * float(out.abs().max()):
                raise Problem(
                    f"{name} of an image changes with the image beside it in a batch; take no statistics over the "
                    "batch, and give every image its own mask"
                )
    return "an image alone and beside another one, the same predictions"


def _mask(made: Prepared, adapter: Adapter) -> Tensor:
    rows, columns = adapter.card.token_grid
    return torch.ones(1, rows * columns, dtype=torch.bool) if made.mask is None else made.mask


def threads_agree(adapter: Adapter, passes: Passes) -> str:
    """Two threads at once get what each would get alone."""
    alone = [passes.outputs(index) for index in range(len(SIZES))]
    wrong: list[str] = []
    barrier = threading.Barrier(len(SIZES))

    def work(index: int) -> None:
        try:
            for _ in range(ROUNDS):
                barrier.wait(PATIENCE)
                if name := differing(alone[index], passes.outputs(index)):
                    wrong.append(f"two threads at once change {name}")
        except threading.BrokenBarrierError:
            pass  # the other thread failed and has said why
        except Exception as error:  # whatever the code of somebody else raises
            wrong.append(f"two threads at once raise {type(error).__name__}: {' '.join(str(error).split())}")
            barrier.abort()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(SIZES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if barrier.broken and not wrong:
        raise Problem(f"two threads at once did not end within {PATIENCE:.0f} s; look for a lock that is kept")
    if wrong:
        raise Problem(f"{wrong[0]}; keep what belongs to a pass in local variables, not on the adapter or the module")
    return f"two threads at once, {ROUNDS} passes each, the same bits"
