"""What is asked for, which methods there are, and what an answer will cost."""

import hashlib
import math
from dataclasses import dataclass, fields

from mtlviz.analysis.attribution.baselines import BASELINES
from mtlviz.analysis.attribution.targets import Target
from mtlviz.errors import OptionError

SALIENCY, INTEGRATED, GRAD_CAM, OCCLUSION, ABLATION, SHAPLEY = METHODS = (
    "saliency", "integrated gradients", "layer gradcam", "occlusion", "feature ablation", "shapley values",
)  # fmt: skip
PIXELS, SUPERPIXELS, SLOTS, TASKS = FEATURES = ("pixels", "superpixels", "slots", "tasks")
"""What a prediction can be owed to."""
OF_METHOD = {
    SALIENCY: (PIXELS,),
    INTEGRATED: (PIXELS,),
    GRAD_CAM: (PIXELS,),
    OCCLUSION: (PIXELS,),
    ABLATION: (SUPERPIXELS, SLOTS, TASKS),
    SHAPLEY: (SUPERPIXELS, SLOTS, TASKS),
}
"""By method the features that it works on."""
MOST_EXACT = 6
"""Shapley values of so few features are computed exactly, over all orders."""
NODES = 8
"""Gradients on one segment of Integrated Gradients' path."""
START = 4
"""Segments that it starts with."""
CURVE_STEPS = 12
"""Points on a deletion or insertion curve after the first."""
RANDOM_ORDERS = 3
"""Random orders that a map's own order is compared with."""


@dataclass(frozen=True)
class Request:
    """One attribution.

    Attributes:
        target: what is explained.
        method: of ``METHODS``.
        features: of ``FEATURES``, one that the method works on.
        baseline: of ``BASELINES``: what takes the place of what is taken away; slots and tasks are switched off.
        steps: most gradients on Integrated Gradients' path.
        samples: random orders of Shapley values.
        parts: superpixels that are asked for.
        window: side of the occluded square in tokens.
        layer: of GradCAM, ``encoder`` or ``task encoder``.
        seed: of the noise, of random orders.
    """

    target: Target
    method: str = SALIENCY
    features: str = PIXELS
    baseline: str = "blurred"
    steps: int = 256
    samples: int = 12
    parts: int = 40
    window: int = 2
    layer: str = "encoder"
    seed: int = 0

    def __post_init__(self) -> None:
        self._check("method", METHODS)
        self._check("features", OF_METHOD[self.method])
        self._check("baseline", tuple(BASELINES))
        self._check("layer", ("encoder", "task encoder"))
        for name, low, high in (("steps", NODES * START, 1024), ("samples", 2, 200), ("parts", 2, 400),
                                ("window", 1, 16), ("seed", 0, 2**31 - 1)):  # fmt: skip
            if not low <= getattr(self, name) <= high:
                raise OptionError(f"Attribution takes {name} from {low} to {high}; got {getattr(self, name)}.")

    def digest(self, *of: str) -> str:
        """Names the answer: this request on that model and image.

        Args:
            of: hashes of weights and image, the device.
        """
        parts = [*of, *(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _check(self, name: str, allowed: tuple[str, ...]) -> None:
        if getattr(self, name) not in allowed:
            given = getattr(self, name)
            raise OptionError(f"Attribution knows no {name} {given!r} here; choose one of {', '.join(allowed)}.")


@dataclass(frozen=True)
class Cost:
    """Passes of one image.

    Attributes:
        forward: without gradients.
        backward: with gradients, forward and backward.
    """

    forward: int
    backward: int

    @property
    def passes(self) -> int:
        """Both together."""
        return self.forward + self.backward

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.forward + other.forward, self.backward + other.backward)


@dataclass(frozen=True)
class Sizes:
    """What costs depend on.

    Attributes:
        grid: (rows, columns) of the tokens that show the image.
        slots: of the interaction.
        tasks: of the model.
        selects: whether its interaction selects tokens, so that Integrated Gradients runs twice.
    """

    grid: tuple[int, int]
    slots: int
    tasks: int
    selects: bool


def map_cost(request: Request, sizes: Sizes) -> Cost:
    """At most so many passes for the map, with f(image) and f(baseline)."""
    ends = Cost(2, 0)
    if request.method in (SALIENCY, GRAD_CAM):
        return ends + Cost(0, 1)
    if request.method == INTEGRATED:
        segments = request.steps // NODES
        once = Cost(2 * (2 * segments - START), 2 * request.steps - NODES * START)  # segments that were split again
        return ends + (once + Cost(2 * segments, request.steps) if sizes.selects else once)
    if request.method == OCCLUSION:
        rows, columns = sizes.grid
        return ends + Cost(occluded(rows, request.window) * occluded(columns, request.window), 0)
    count = features_count(request, sizes)
    if request.method == ABLATION:
        return ends + Cost(count, 0)
    if count <= MOST_EXACT:
        return ends + Cost(2**count, 0)
    return ends + Cost(request.samples * count, 0)


def curve_cost(request: Request, sizes: Sizes) -> Cost:
    """At most so many passes for the deletion and insertion curves."""
    steps = min(CURVE_STEPS, features_count(request, sizes))
    return Cost(2 * (steps + 1) + 2 * RANDOM_ORDERS * (steps - 1), 0)


def features_count(request: Request, sizes: Sizes) -> int:
    """What is ranked: tokens for maps of pixels, else superpixels, slots or tasks."""
    return {PIXELS: math.prod(sizes.grid), SUPERPIXELS: request.parts, SLOTS: sizes.slots,
            TASKS: sizes.tasks}[request.features]  # fmt: skip


def occluded(tokens: int, window: int) -> int:
    """Windows along one side that move by half their size."""
    return max(1, math.ceil((tokens - window) / max(1, window // 2)) + 1)
