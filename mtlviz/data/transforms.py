"""Augmentation that keeps image, labels and camera true to one another.

A zoom by s multiplies the focal length by s and, as the literature does, divides depth by s: together the scene
shrinks by s as a whole, so that normals stay. A mirrored scene has mirrored normals.
Every random number comes from the generator passed in, so that a generator fixes the result.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtlviz.data.sample import Intrinsics, Sample

Edges = Callable[[np.ndarray], np.ndarray]
"""Edges of a label map, ``(H, W)`` uint8 to ``(H, W)`` uint8 0 or 1."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# RGB to YIQ (luma, orange-blue, purple-green); rotating I and Q turns the hue.
YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]], np.float32)
RGB = np.linalg.inv(YIQ)


class Augmentation(BaseModel):
    """How strongly samples are varied.

    Attributes:
        flip: probability of a horizontal flip.
        zoom: probability of a zoom; the others keep the size at which models are used.
        scale: range of the zoom-in factor, drawn log-uniformly.
        colour: half-width of the colour changes, 0 for none, 1 for strong.
        blur: probability of a slight blur (radius up to 1 pixel).
        noise: probability of pixel noise (deviation up to 8 of 255).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: float = Field(default=0.5, ge=0, le=1)
    zoom: float = Field(default=0.8, ge=0, le=1)
    scale: tuple[float, float] = (1.0, 1.5)
    colour: float = Field(default=0.4, ge=0, le=1)
    blur: float = Field(default=0.15, ge=0, le=1)
    noise: float = Field(default=0.25, ge=0, le=1)

    @model_validator(mode="after")
    def _zooms_in(self) -> "Augmentation":
        if not 1 <= self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be [low, high] with 1 <= low <= high; got {list(self.scale)}")
        return self


def augment(sample: Sample, rng: np.random.Generator, options: Augmentation, edges: Edges | None = None) -> Sample:
    """A random variation of a sample, of the same size.

    Args:
        sample: what is varied; it stays as it is.
        rng: source of all randomness.
        options: strengths and probabilities.
        edges: how edge labels follow from ``semseg``; see ``zoom``.
    """
    low, high = options.scale
    scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    top, left = rng.random(2) * (1 - 1 / scale) * sample.size
    mirrored, zoomed = rng.random(2) < (options.flip, options.zoom)
    if zoomed and scale > 1:
        sample = zoom(sample, scale, float(top), float(left), edges)
    if mirrored:
        sample = flip(sample)
    return replace(sample, image=vary_colour(sample.image, rng, options))


def flip(sample: Sample) -> Sample:
    """The mirrored scene: columns reversed, x of the normals negated, the principal point mirrored."""
    labels = {task: np.ascontiguousarray(label[:, ::-1]) for task, label in sample.labels.items()}
    if "normals" in labels:
        labels["normals"][..., 0] *= -1
    camera = sample.intrinsics
    return replace(
        sample,
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        labels=labels,
        valid={task: np.ascontiguousarray(mask[:, ::-1]) for task, mask in sample.valid.items()},
        instances=None if sample.instances is None else np.ascontiguousarray(sample.instances[:, ::-1]),
        intrinsics=None if camera is None else replace(camera, cx=sample.size[1] - camera.cx),
    )


def zoom(sample: Sample, scale: float, top: float, left: float, edges: Edges | None = None) -> Sample:
    """The part of the image that starts at (top, left) and is 1 / scale as large, at the sample's full size.

    The image is interpolated, labels take the nearest pixel, depth is divided by ``scale``.

    Args:
        sample: what is zoomed.
        scale: at least 1.
        top: first row of the part, in source pixels, fractions allowed.
        left: first column of the part.
        edges: computes edge labels from the zoomed ``semseg``, so that lines stay thin; without it (or
            without ``semseg``) edge labels take the nearest pixel as the others.

    Raises:
        ValueError: if the part leaves the image.
    """
    height, width = sample.size
    bottom, right = top + height / scale, left + width / scale
    if scale < 1 or min(top, left) < 0 or bottom > height + 1e-6 or right > width + 1e-6:
        raise ValueError(f"a zoom by {scale} from ({top}, {left}) leaves the image of {height}x{width} pixels")
    box = (left, top, min(right, width), min(bottom, height))
    image = Image.fromarray(sample.image).resize((width, height), Image.Resampling.BILINEAR, box=box)
    rows, columns = _nearest(height, scale, top), _nearest(width, scale, left)

    def nearest(array: np.ndarray) -> np.ndarray:
        return array.take(rows, 0).take(columns, 1)

    labels = {task: nearest(label) for task, label in sample.labels.items()}
    if "depth" in labels:
        labels["depth"] = labels["depth"] / np.float32(scale)
    if "edge" in labels and "semseg" in labels and edges is not None:
        labels["edge"] = edges(labels["semseg"])
    return replace(
        sample,
        image=np.asarray(image),
        labels=labels,
        valid={task: nearest(mask) for task, mask in sample.valid.items()},
        instances=None if sample.instances is None else nearest(sample.instances),
        intrinsics=None if sample.intrinsics is None else _zoomed(sample.intrinsics, scale, top, left),
    )


def _nearest(size: int, scale: float, start: float) -> np.ndarray:
    """Source pixel whose area holds the centre of each target pixel."""
    return np.minimum(((np.arange(size) + 0.5) / scale + start).astype(np.intp), size - 1)


def _zoomed(camera: Intrinsics, scale: float, top: float, left: float) -> Intrinsics:
    centre = ((camera.cx - left) * scale, (camera.cy - top) * scale)
    return Intrinsics(camera.fx * scale, camera.fy * scale, *centre)


def vary_colour(
    image: UInt8[np.ndarray, "H W 3"], rng: np.random.Generator, options: Augmentation
) -> UInt8[np.ndarray, "H W 3"]:
    """Change gamma, brightness, contrast, white balance, saturation and hue; sometimes blur or add noise."""
    strength = options.colour
    gamma = np.exp(rng.uniform(-1, 1) * strength)
    matrix, offset = _colour_map(rng, strength, float(image[::4, ::4].mean()))
    blurred, radius = rng.random() < options.blur, rng.uniform(0.3, 1)
    noisy, deviation = rng.random() < options.noise, rng.uniform(1, 8)
    if blurred:
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))
    if strength == 0 and not noisy:
        return image
    curve = (255 * (np.arange(256, dtype=np.float32) / 255) ** np.float32(gamma)).astype(np.float32)
    values = curve[image].reshape(-1, 3) @ matrix.T + offset
    if noisy:
        values += np.float32(deviation) * rng.standard_normal(values.shape, dtype=np.float32)
    np.clip(values, 0, 255, out=values)
    varied: np.ndarray = values.round().astype(np.uint8).reshape(image.shape)
    return varied


def _colour_map(rng: np.random.Generator, strength: float, mean: float) -> tuple[Float[np.ndarray, "3 3"], np.float32]:
    """Hue, saturation, white balance, brightness and contrast (about ``mean``) as one affine map of RGB."""
    brightness, contrast, saturation = np.exp(rng.uniform(-1, 1, 3) * strength)
    balance = np.exp(rng.uniform(-0.5, 0.5, 3) * strength)
    turn = rng.uniform(-0.5, 0.5) * strength
    cos, sin = np.cos(turn) * saturation, np.sin(turn) * saturation
    hue = RGB @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ YIQ
    matrix = brightness * contrast * np.diag(balance / (balance @ LUMA)) @ hue
    return matrix.astype(np.float32), np.float32(brightness * (1 - contrast) * mean)
