"""Image files in memory, made for the tests."""

import io
from typing import Any

import numpy as np
from PIL import Image


def file_bytes(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def colours(height: int = 32, width: int = 48) -> np.ndarray:
    """A picture that no flip or turn leaves as it is."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 7, columns * 5, (rows + columns) * 2], -1).astype(np.uint8)


def png(height: int = 32, width: int = 48) -> bytes:
    return file_bytes(Image.fromarray(colours(height, width)))
