"""From radiance to a picture: exposure, white balance, tone curve, blur, vignette and noise."""

import numpy as np
from scipy.ndimage import gaussian_filter

from mtlviz.data.rooms.materials import Generator
from mtlviz.data.rooms.vectors import dot

Array = np.ndarray


def expose(rng: Generator, radiance: Array, size: tuple[int, int], indoors: Array, noise_rng: Generator) -> Array:
    """An sRGB image ``(H, W, 3)`` uint8.

    Args:
        rng: generator of the camera's settings; they do not depend on the size of the image.
        radiance: ``(H * W, 3)`` linear.
        size: (height, width).
        indoors: ``(H * W,)`` bool, pixels the exposure is metered on.
        noise_rng: generator of the sensor noise.
    """
    height, width = size
    key, balance = rng.normal(0, 0.28), rng.normal(0, 0.07, 2)
    blur, dark, grain = rng.uniform(0.0, 0.003), rng.uniform(0.0, 0.35), rng.uniform(0.002, 0.01)
    contrast, saturation = rng.uniform(0.9, 1.05), rng.uniform(0.75, 1.05)
    luminance = dot(radiance[indoors], np.array([0.21, 0.72, 0.07], np.float32))
    middle = np.exp(np.log(np.maximum(luminance, 1e-4)).mean()) if len(luminance) else 0.2
    mean_colour = np.maximum(radiance[indoors].mean(0) if len(luminance) else radiance.mean(0), 1e-4)
    # A camera removes most of the light's colour, never all of it.
    neutral = (mean_colour.mean() / mean_colour) ** rng.uniform(0.4, 0.8)
    gain = neutral * np.exp([balance[0], 0.3 * balance[1], -balance[0] + balance[1]])
    image = (radiance * (gain * (0.21 * np.exp(key) / middle)).astype(np.float32)).reshape(height, width, 3)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    off_axis = ((x + 0.5 - width / 2) ** 2 + (y + 0.5 - height / 2) ** 2) / ((width**2 + height**2) / 4)
    image = image * (1 - dark * off_axis)[..., None]
    if blur * width > 0.25:
        image = np.stack([gaussian_filter(image[..., c], blur * width) for c in range(3)], 2)
    image = np.maximum(image + noise_rng.standard_normal(image.shape, np.float32) * grain * np.sqrt(image + 0.02), 0)
    curve = image * (2.51 * image + 0.03) / (image * (2.43 * image + 0.59) + 0.14)
    grey = curve.mean(2, keepdims=True)
    curve = np.clip(grey + (curve - grey) * saturation, 0, 1)
    srgb = np.where(curve < 0.0031308, 12.92 * curve, 1.055 * np.maximum(curve, 1e-6) ** (1 / 2.4) - 0.055)
    srgb = np.clip(0.5 + (srgb - 0.5) * contrast, 0, 1)
    return np.asarray(np.round(srgb * 255), np.uint8)
