"""The checks themselves: each gives a sentence on what holds, or raises ``Problem`` with one that helps."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mtlviz.adapters.base import Adapter
from mtlviz.adapters.network import AdaptedNetwork
from mtlviz.cards import Capabilities, ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit, Noise, Permutation
from mtlviz.models.network import Outputs
from mtlviz.prepared import Prepared
from mtlviz.trace import Capture, Trace

SIZES = ((90, 200), (220, 70))
"""(H, W) of images that are wider and taller than any input, so that both kinds of padding occur."""
LENGTH_OFF = 1e-3
"""How far the length of a normal, or the sum of probabilities, may lie from 1."""


class Problem(Exception):
    """What does not hold, and what to do about it."""


class Passes:
    """An adapter's passes over images drawn at random, always the same ones."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.network = AdaptedNetwork(adapter).eval()

    def sample(self, index: int) -> Sample:
        """One of two images of different shapes."""
        pixels = np.random.default_rng(index).integers(0, 256, (*SIZES[index], 3), np.uint8)
        return Sample(pixels, f"noise {index}")

    def prepared(self, index: int = 0) -> Prepared:
        """The image as the network receives it."""
        return self.adapter.prepare(self.sample(index))

    def outputs(self, index: int = 0, edit: Edit | None = None) -> Outputs:
        """Predictions, without a record."""
        made = self.prepared(index)
        with torch.inference_mode():
            return self.network(made.image, mask=made.mask, edit=edit)[0]  # type: ignore[no-any-return]

    def trace(self) -> Trace:
        """Everything that the card claims of one pass."""
        made = self.prepared()
        with torch.inference_mode():
            return self.network(made.image, mask=made.mask, capture=Capture(features=True))[1]  # type: ignore[no-any-return]


def card_fits(adapter: Adapter, passes: Passes) -> str:
    """The card is complete and consistent."""
    card = adapter.card
    able = capabilities(card)
    try:
        ModelCard.model_validate_json(card.model_dump_json())
    except ValueError as error:
        raise Problem(f"the card is not valid: {' '.join(str(error).split())}") from error
    names = [task.name for task in card.tasks]
    if not names or len(set(names)) < len(names):
        raise Problem(f"the card must name each task once and at least one; it names {', '.join(names) or 'none'}")
    (height, width), (rows, columns) = card.input_size, card.token_grid
    if min(height, width, rows, columns) < 1 or height % rows or width % columns or height // rows != width // columns:
        raise Problem(
            f"a token grid of {rows}x{columns} does not divide an input of {height}x{width} into squares; token_grid "
            "is the input's size over the stride of the tokens"
        )
    if not min(card.std) > 0:
        raise Problem(f"std {card.std} must be above 0; it divides the RGB values on [0, 1]")
    says = [f"trace {able.trace}" if able.trace else "", "features" if able.features else "",
            "gradients" if able.gradients else "", *(f"edit {edit}" for edit in able.edits)]  # fmt: skip
    return f"{card.name!r}, {len(names)} tasks, claims {', '.join(one for one in says if one) or 'predictions alone'}"


def prepares(adapter: Adapter, passes: Passes) -> str:
    """Images of any shape are brought to the card's input."""
    size = adapter.card.input_size
    for index, shape in enumerate(SIZES):
        made = adapter.prepare(passes.sample(index))
        if not isinstance(made, Prepared):
            raise Problem(f"prepare gave a {type(made).__name__}; give a Prepared(image, mask, letterbox)")
        if tuple(made.image.shape) != (1, 3, *size) or not made.image.is_floating_point():
            raise Problem(
                f"an image of {shape[0]}x{shape[1]} became {_shape(made.image)} {made.image.dtype}, but the card says "
                f"(1, 3, {size[0]}, {size[1]}); return a float tensor of that shape"
            )
        if not bool(made.image.isfinite().all()):
            raise Problem("the prepared image holds NaN or infinity; normalise with a std above 0")
        if (made.letterbox.source, made.letterbox.target) != (shape, size):
            raise Problem(
                "the letterbox does not lead from the image to the input; build it as Letterbox(sample.size, "
                "card.input_size)"
            )
        grid = adapter.card.token_grid
        if made.mask is not None and tuple(made.mask.shape) != (1, grid[0] * grid[1]):
            raise Problem(f"the mask has shape {_shape(made.mask)}, but the grid has {grid[0] * grid[1]} tokens")
    return f"images of any shape become {size[0]}x{size[1]}"


def shapes_fit(adapter: Adapter, passes: Passes) -> str:
    """Every task comes as (B, C, H, W), for one image and for two."""
    card, made = adapter.card, passes.prepared()
    for count in (1, 2):
        with torch.inference_mode():
            mask = None if made.mask is None else made.mask.repeat(count, 1)
            given = adapter.run(made.image.repeat(count, 1, 1, 1), mask=mask, capture=None, edit=None)
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Mapping)):
            kind = type(given).__name__
            raise Problem(f"run gave a {kind}; return predictions by task and a Trace: {{...}}, Trace()")
        found, trace = given
        names = {task.name for task in card.tasks}
        if set(found) != names:
            said = ", ".join(sorted(map(str, found))) or "nothing"
            raise Problem(
                f"run gave {said}, the card names {', '.join(sorted(names))}; give every task of the card, and no other"
            )
        for task in card.tasks:
            _check_shape(task.name, found[task.name], (count, task.channels, *card.input_size))
        if not isinstance(trace, Trace):
            kind = type(trace).__name__
            raise Problem(f"run gave a {kind} beside the predictions; give Trace() where nothing is recorded")
    return f"{len(card.tasks)} tasks at {card.input_size[0]}x{card.input_size[1]}, in batches of 1 and 2"


def _check_shape(name: str, out: object, wanted: tuple[int, ...]) -> None:
    if not isinstance(out, Tensor):
        raise Problem(f"{name} is a {type(out).__name__}, expected a torch.Tensor of {wanted}")
    if tuple(out.shape) != wanted or not out.is_floating_point():
        raise Problem(
            f"{name} has shape {_shape(out)} ({out.dtype}), expected floats of {wanted}: batch, channels "
            "of the task, height and width of the input; resize inside run"
        )
    if out.device.type != "cpu":
        raise Problem(f"{name} lies on {out.device}, but the image on cpu; stay on the device of the image")


def ranges_hold(adapter: Adapter, passes: Passes) -> str:
    """Values are finite, depth is above 0, normals have length 1."""
    for index in range(len(SIZES)):
        for name, out in passes.outputs(index).items():
            kind, bad = adapter.card.task(name).kind, int((~out.isfinite()).sum())
            if bad:
                raise Problem(f"{name} holds {bad} values that are NaN or infinite; look for log(0), 0/0, overflow")
            if probable := _probabilities(kind, out, adapter.card.trained != "random"):
                raise Problem(f"{name} {probable}; give the logits before it, since the app applies it itself")
            if kind == "depth" and float(out.min()) <= 0:
                raise Problem(
                    f"{name} goes down to {float(out.min()):.3g}, but distances are above 0; end in softplus or exp"
                )
            if kind == "normals" and float((out.norm(dim=1) - 1).abs().max()) > LENGTH_OFF:
                longest = float((out.norm(dim=1) - 1).abs().max())
                raise Problem(f"{name} has lengths off 1 by {longest:.3g}; end in functional.normalize(x, dim=1)")
    return "finite, depth above 0, normals of length 1, as far as the tasks have them"


def _probabilities(kind: str, out: Tensor, trained: bool) -> str:
    """How an output looks that is a probability where logits are expected, as a phrase; empty if it does not."""
    low, high = float(out.min()), float(out.max())
    if kind == "classes" and low >= 0 and float((out.sum(1) - 1).abs().max()) < LENGTH_OFF:
        return "sums to 1 at every pixel, as after a softmax"
    if kind == "binary" and trained and low >= 0 and high <= 1:
        return f"lies between {low:.2g} and {high:.2g}, as after a sigmoid"
    return ""


def edits_apply(adapter: Adapter, passes: Passes) -> str:
    """An edit that changes nothing changes nothing; those that can be tried without knowing the network run."""
    card, able = adapter.card, capabilities(adapter.card)
    clean = passes.outputs()
    if name := differing(clean, passes.outputs(edit=Edit())):
        raise Problem(f"the empty edit changes {name}; fields of Edit that are left alone change nothing")
    first = card.tasks[0].name
    tried = {
        "residual": Edit(residual=0.0), "noise": Edit(noise=(Noise(first, 1.0),)), "silenced": Edit(silenced=(first,)),
        "permuted": Edit(permuted=Permutation((first,))), "muted": Edit(muted=(0,)), "moved": Edit(moved=((0, 1),)),
    }  # fmt: skip
    for name in able.edits:
        if name in tried and not differing(clean, passes.outputs(edit=tried[name])):
            said = f"the card claims the edit {name!r}, but nothing changes under it"
            raise Problem(f"{said}; apply it in run, or take it off the card")
    return f"{len(able.edits)} claimed" if able.edits else "the card claims none"


def gradients_arrive(adapter: Adapter, passes: Passes) -> str:
    """Gradients reach the image, where the card claims them."""
    if not capabilities(adapter.card).gradients:
        return "the card does not claim them"
    made = passes.prepared()
    image = made.image.clone().requires_grad_(True)
    with torch.enable_grad():
        outputs, _ = adapter.run(image, mask=made.mask, capture=None, edit=None)
    for name, out in outputs.items():
        grad = None
        if out.requires_grad:
            weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(0))
            (grad,) = torch.autograd.grad((out * weights).sum(), image, retain_graph=True, allow_unused=True)
        if grad is None or not bool(grad.any()):
            raise Problem(
                f"no gradient of {name} reaches the image; remove detach(), no_grad() and numpy from run, or claim no "
                "gradients"
            )
    return f"from all {len(outputs)} tasks to the image"


def capabilities(card: ModelCard) -> Capabilities:
    """What the card claims; a card that claims nothing at all is a problem."""
    if card.capabilities is None:
        raise Problem("the card claims no capabilities; give it an OwnArchitecture and Capabilities(...)")
    return card.capabilities


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def differing(first: Outputs, second: Outputs) -> str:
    """The first task whose bits differ; NaN equals NaN."""
    same = {name: np.array_equal(_bits(first[name]), _bits(second[name])) for name in first}
    return next((name for name, alike in same.items() if not alike), "")


def _bits(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().contiguous().numpy()
    return array.view(np.uint8)
