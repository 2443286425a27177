"""Small changes of an image or of a network, a pure function of kind, strength, seed and image."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from mtlviz.analysis.stability.windows import Window
from mtlviz.data.images import image_sha256
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError

Generator = np.random.Generator
Pixels = Float[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class Kind:
    """One way to change an image or a network a little.

    Attributes:
        key: its name in results and links.
        title: for a person.
        quantity: what the strength is, with its unit.
        explanation: one sentence.
        low: smallest strength.
        high: largest strength.
        step: between strengths.
        start: the strength that a person sees first.
        nothing: the strength that changes nothing.
        weights: whether the network is changed instead of the image.
    """

    key: str
    title: str
    quantity: str
    explanation: str
    low: float
    high: float
    step: float
    start: float
    nothing: float
    weights: bool = False


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("noise", "image noise", "standard deviation, RGB from 0 to 1",
             "Every channel of every pixel that the network sees gets its own Gaussian number.",
             0.0, 0.3, 0.01, 0.05, 0.0),
        Kind("brightness", "brightness", "factor",
             "All channels are multiplied by the factor and cut off at white.", 0.5, 1.5, 0.05, 1.2, 1.0),
        Kind("jitter", "colour jitter", "largest relative change",
             "Contrast and saturation change by factors of up to 1 ± the strength, the balance of the three channels "
             "by up to 1 ± half of it; the seed draws them.", 0.0, 0.6, 0.05, 0.2, 0.0),
        Kind("shift", "shift", "tokens",
             "The image moves by whole tokens in one of eight directions that the seed draws; its edge is repeated.",
             0, 4, 1, 1, 0),
        Kind("crop", "crop", "share of each side that is kept",
             "A window that the seed places is enlarged to the size of the image.", 0.5, 1.0, 0.05, 0.9, 1.0),
        Kind("weights", "weight noise", "standard deviation over that of each weight tensor",
             "Every trained tensor of the network gets Gaussian noise; the image stays.", 0.0, 0.2, 0.01, 0.02, 0.0,
             weights=True),
    )
}  # fmt: skip
"""Every kind by key, in the order in which they are shown."""


@dataclass(frozen=True)
class Perturbation:
    """A kind at one strength.

    Attributes:
        kind: key of ``KINDS``.
        strength: in the kind's quantity.
    """

    kind: str
    strength: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise OptionError(f"Perturbation {self.kind!r} is unknown; choose one of {', '.join(KINDS)}.")
        low, high = self.about.low, self.about.high
        if not low - 1e-9 <= self.strength <= high + 1e-9:
            raise OptionError(f"{self.about.title.capitalize()} goes from {low:g} to {high:g}; got {self.strength:g}.")

    @property
    def about(self) -> Kind:
        """What kind it is."""
        return KINDS[self.kind]

    @property
    def key(self) -> str:
        """Its name in results, e.g. ``noise_0.05``."""
        return f"{self.kind}_{self.strength:g}"

    @property
    def title(self) -> str:
        """Its name for a person, e.g. ``image noise 0.05``."""
        return f"{self.about.title} {self.strength:g}"

    @property
    def nothing(self) -> bool:
        """Whether it changes nothing."""
        return self.strength == self.about.nothing


IDENTITY = Perturbation("noise", 0.0)
"""Changes nothing, by the same code as everything else."""

GRID = (
    IDENTITY,
    *(Perturbation("noise", strength) for strength in (0.02, 0.05, 0.1)),
    *(Perturbation("brightness", strength) for strength in (0.8, 1.2)),
    Perturbation("jitter", 0.2),
    Perturbation("shift", 1),
    Perturbation("crop", 0.9),
    *(Perturbation("weights", strength) for strength in (0.02, 0.05)),
)
"""What ``stability`` measures; the identity is its own check."""


@dataclass(frozen=True)
class View:
    """A changed copy of an image.

    Attributes:
        sample: the copy, of the original's size, without labels.
        window: the part of the original that it shows.
    """

    sample: Sample
    window: Window


def as_seen(sample: Sample, input_size: tuple[int, int]) -> Sample:
    """The image at the resolution at which a network sees it, so that noise means the same for every image.

    An image that needs no resizing is returned as it is; of others only labels of classes are kept.
    """
    letterbox = Letterbox(sample.size, input_size)
    size = letterbox.box[2:]
    if size == sample.size:
        return sample
    image = np.moveaxis(letterbox.crop(np.moveaxis(letterbox.apply(sample.image), -1, 0)), 0, -1)
    nearest = np.ix_(*(((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(size, sample.size, strict=True)))
    labels = {name: label[nearest] for name, label in sample.labels.items() if name in ("semseg", "human_parts")}
    valid = {name: mask[nearest] for name, mask in sample.valid.items() if name in labels}
    return replace(sample, image=np.ascontiguousarray(image), labels=labels, valid=valid, instances=None,
                   intrinsics=None)  # fmt: skip


def perturbed(sample: Sample, perturbation: Perturbation, seed: int, token: tuple[int, int] = (8, 8)) -> View:
    """The changed copy of an image; noise on weights leaves it as it is.

    The draw follows from the seed, the kind and the pixels: another strength scales the same draw, and every model
    gets the same copy.

    Args:
        sample: as a network sees it, see ``as_seen``.
        perturbation: what to do.
        seed: of the draw.
        token: (height, width) of a token in pixels, for shifts.
    """
    bare = replace(sample, labels={}, valid={}, instances=None, intrinsics=None)
    if perturbation.nothing or perturbation.about.weights:
        return View(bare, Window.whole(sample.size))
    key = [seed, zlib.crc32(perturbation.kind.encode()), int(image_sha256(sample)[:12], 16)]
    draw, strength = np.random.default_rng(key), perturbation.strength
    name = f"{sample.name}, {perturbation.title} (seed {seed})"
    if perturbation.kind in _COLOURS:
        changed = _COLOURS[perturbation.kind](sample.image.astype(np.float64) / 255, strength, draw)
        image, window = (changed.clip(0, 1) * 255).round().astype(np.uint8), Window.whole(sample.size)
    elif perturbation.kind == "shift":
        image, window = _shifted(sample.image, int(strength), token, draw)
    else:
        image, window = _cropped(sample.image, strength, draw)
    return View(replace(bare, image=image, name=name), window)


def _noisy(pixels: Pixels, strength: float, draw: Generator) -> Pixels:
    return pixels + strength * draw.standard_normal(pixels.shape)


def _brighter(pixels: Pixels, strength: float, draw: Generator) -> Pixels:
    return pixels * strength


def _jittered(pixels: Pixels, strength: float, draw: Generator) -> Pixels:
    contrast, saturation, *balance = 1 + strength * draw.uniform(-1, 1, 5) * (1, 1, 0.5, 0.5, 0.5)
    mean = pixels.mean()
    pixels = mean + contrast * (pixels - mean)
    grey = pixels.mean(-1, keepdims=True)
    balanced: Pixels = (grey + saturation * (pixels - grey)) * balance
    return balanced


_COLOURS: dict[str, Callable[[Pixels, float, Generator], Pixels]] = {
    "noise": _noisy, "brightness": _brighter, "jitter": _jittered,
}  # fmt: skip


def _shifted(
    image: UInt8[np.ndarray, "H W 3"], tokens: int, token: tuple[int, int], draw: Generator
) -> tuple[UInt8[np.ndarray, "H W 3"], Window]:
    directions = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    direction = directions[draw.integers(len(directions))]
    height, width = image.shape[:2]
    top, left = (tokens * sign * side for sign, side in zip(direction, token, strict=True))
    rows, columns = np.arange(height) + top, np.arange(width) + left
    moved = image[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))]
    return moved, Window(float(top), float(left), float(height), float(width))


def _cropped(
    image: UInt8[np.ndarray, "H W 3"], share: float, draw: Generator
) -> tuple[UInt8[np.ndarray, "H W 3"], Window]:
    height, width = image.shape[:2]
    top, left = draw.uniform(0, 1, 2) * (height * (1 - share), width * (1 - share))
    window = Window(float(top), float(left), height * share, width * share)
    box = (window.left, window.top, window.left + window.width, window.top + window.height)
    enlarged = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(enlarged), window
