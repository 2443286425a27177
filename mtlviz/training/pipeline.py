"""The field's ways of varying training images, built on ``mtlviz.data.geometry`` so that every label follows."""

from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mtlviz.data import geometry
from mtlviz.data.sample import Sample

BRIGHTNESS, CONTRAST, SATURATION, HUE = 32.0, (0.5, 1.5), (0.5, 1.5), 18 / 180
"""Half-width in grey levels, factors, factors, and half-width as a share of the colour circle."""


class Pipeline(BaseModel):
    """How an image is varied before it gets the network's size.

    Attributes:
        factors: of the zoom; one of them is drawn, or any value between the first and the last.
        continuous: whether it is any value between, uniformly.
        framing: ``centre`` zooms about the middle and ``place`` about any place, both at the image's size and
            followed by a resize; ``crop`` makes the image larger or smaller, then takes a crop of the network's size
            and pads what is smaller.
        largest_share: largest share of a crop's labelled pixels that one class of ``semseg`` may have; ten tries.
        flip: probability of a mirrored image.
        turn: largest angle in degrees.
        distort: probability of each change of brightness (32 of 255), contrast and saturation (half to one and a
            half) and hue (36 degrees).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factors: tuple[float, ...] = Field(default=(1.0,), min_length=1)
    continuous: bool = False
    framing: Literal["centre", "place", "crop"] = "centre"
    largest_share: float = Field(default=geometry.LARGEST_SHARE, gt=0, le=1)
    flip: float = Field(default=0.5, ge=0, le=1)
    turn: float = Field(default=0.0, ge=0, le=180)
    distort: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _factors(self) -> "Pipeline":
        if not all(0.1 <= factor <= 10 for factor in self.factors):
            raise ValueError(f"factors must lie between 0.1 and 10; got {list(self.factors)}")
        if self.continuous and not (len(self.factors) == 2 and self.factors[0] <= self.factors[1]):
            raise ValueError(f"continuous factors are [low, high]; got {list(self.factors)}")
        return self


PIPELINES: dict[str, Pipeline] = {
    "flip": Pipeline(),
    "vandenhende-nyud": Pipeline(factors=(1.0, 1.2, 1.5)),
    "vandenhende-pascal": Pipeline(factors=(0.75, 1.25), continuous=True, turn=20.0),
    "atrc": Pipeline(factors=(0.5, 2.0), continuous=True, framing="crop", distort=0.5),
    "mtan": Pipeline(factors=(1.0, 1.2, 1.5), framing="place"),
}
"""By name what published work does: ``vandenhende-*`` is MTFormer's too, ``atrc`` that of InvPT, TaskPrompter, MLoRE
and CTAL on PASCAL-Context, ``mtan`` the optional one of MTAN; ``flip`` is EMA-Net's and CTAL's on MTAN's data."""


def vary(sample: Sample, rng: np.random.Generator, pipeline: Pipeline, size: tuple[int, int]) -> Sample:
    """A random variation of a sample, of the network's size.

    Args:
        sample: what is varied; it stays as it is.
        rng: source of all randomness.
        pipeline: what may be done.
        size: (H, W) that the network takes.
    """
    factors = pipeline.factors
    factor = float(rng.uniform(factors[0], factors[-1]) if pipeline.continuous else rng.choice(factors))
    mirrored, place = rng.random() < pipeline.flip, rng.random(2)
    angle = float(rng.uniform(-pipeline.turn, pipeline.turn))
    if angle:
        sample = geometry.rotate(sample, angle)
    if pipeline.framing == "crop":
        sample = geometry.random_crop(geometry.scale(sample, factor), size, rng, pipeline.largest_share)
    else:
        sample = _zoomed(sample, factor, place if pipeline.framing == "place" else np.full(2, 0.5))
    if mirrored:
        sample = geometry.flip(sample)
    if pipeline.distort:
        sample = replace(sample, image=distorted(sample.image, rng, pipeline.distort))
    return geometry.pad(sample, size) if pipeline.framing == "crop" else geometry.resize(sample, size)


def _zoomed(sample: Sample, factor: float, place: np.ndarray) -> Sample:
    """The scene nearer or farther at the same size; ``place`` (0 to 1) says where a nearer one lies."""
    if factor == 1:
        return sample
    if factor < 1:
        return geometry.pad(geometry.scale(sample, factor), sample.size)
    top, left = place * (1 - 1 / factor) * sample.size
    return geometry.zoom(sample, factor, float(top), float(left))


def distorted(
    image: UInt8[np.ndarray, "H W 3"], rng: np.random.Generator, probability: float
) -> UInt8[np.ndarray, "H W 3"]:
    """Change brightness, contrast, saturation and hue, each with this probability; contrast comes first or last."""
    brighter, contrasted, saturated, turned, early = rng.random(5) < (*[probability] * 4, 0.5)
    brightness, contrast = rng.uniform(-BRIGHTNESS, BRIGHTNESS), rng.uniform(*CONTRAST)
    saturation, hue = rng.uniform(*SATURATION), rng.uniform(-HUE, HUE)
    values = image.astype(np.float32)
    if brighter:
        values += np.float32(brightness)
    if contrasted and early:
        values *= np.float32(contrast)
    if saturated or turned:
        values = _recoloured(values, saturation if saturated else 1.0, hue if turned else 0.0)
    if contrasted and not early:
        values *= np.float32(contrast)
    varied: np.ndarray = np.clip(values.round(), 0, 255).astype(np.uint8)
    return varied


def _recoloured(values: np.ndarray, saturation: float, hue: float) -> np.ndarray:
    """RGB in 0 to 255 with its saturation multiplied and its hue turned by a share of the circle."""
    picture = Image.fromarray(np.clip(values.round(), 0, 255).astype(np.uint8)).convert("HSV")
    hsv = np.asarray(picture).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + round(hue * 256)) % 256
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255).round()
    return np.asarray(Image.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB")).astype(np.float32)
