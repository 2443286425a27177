"""Files of a data set on disk, read as what they claim to be or refused with one phrase; nothing is executed.

Arrays are read without unpickling, and no file makes the program reserve more memory than its own size explains.
Every problem is a ``ValueError`` whose text goes on from the file's name ("... holds Python objects"), so that the
caller can say which file is meant.
"""

import json
import math
import struct
import tokenize
import zlib
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mtlviz.data.images import MAX_BYTES, MAX_PIXELS, MAX_SIDE, read_image
from mtlviz.errors import ImageError

MAX_ARRAY_BYTES = 256 * 2**20
"""Most bytes of an array, which is 20 megapixels of normals in single precision."""

DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError),
    *(RuntimeError, MemoryError, struct.error, zlib.error, tokenize.TokenError),
)
"""What parsers raise on files that are damaged or made to hurt."""

_OVERSHOOT = 1e-3  # of colours in [0, 1] that were interpolated
_PLAIN_KINDS = "biuf"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_array(path: Path) -> np.ndarray:
    """The values of a label file: ``.npy``, or the stored numbers of a ``.png`` (palette indices stay indices)."""
    return read_npy(path) if path.suffix.lower() == ".npy" else read_png(path)


def read_npy(path: Path) -> np.ndarray:
    """An array of plain numbers.

    Raises:
        ValueError: if the file is no such array, is larger than 256 MB, or is not as long as its header says.
    """
    size = _size(path, MAX_ARRAY_BYTES)
    with path.open("rb") as stream:
        return npy_values(stream, size)


def npy_values(stream: BytesIO | BufferedReader, size: int) -> np.ndarray:
    """As ``read_npy``, of an open file of ``size`` bytes."""
    shape, dtype = npy_header(stream)
    if dtype.kind not in _PLAIN_KINDS:
        raise ValueError(f"holds {dtype} instead of plain numbers; objects are never loaded")
    expected = math.prod(shape) * dtype.itemsize
    if expected != size - stream.tell():
        raise ValueError(f"is cut short or damaged: its header promises {expected:,} bytes of values")
    stream.seek(0)
    array: np.ndarray = np.load(stream, allow_pickle=False)
    return array


def npy_header(stream: BytesIO | BufferedReader) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array; no value is read."""
    try:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(stream)](stream)
    except DAMAGE as error:
        raise ValueError("is not a readable .npy array; save it again with numpy.save") from error
    return shape, dtype


def read_png(path: Path) -> np.ndarray:
    """Stored numbers of a PNG: ``(H, W)`` or ``(H, W, C)``, of the file's own depth; no colour conversion.

    Raises:
        ValueError: if the file is not a PNG, is damaged or larger than images may be.
    """
    _size(path, MAX_BYTES)
    return png_values(path)


def png_values(source: Path | BytesIO, size: tuple[int, int] | None = None) -> np.ndarray:
    """As ``read_png``; a picture that is not of the given (height, width) is refused before it is decoded."""
    try:
        with Image.open(source, formats=("PNG",)) as picture:
            width, height = picture.size
            allowed = width * height <= MAX_PIXELS and max(width, height) <= MAX_SIDE
            if allowed and size in (None, (height, width)):
                return np.array(picture)
    except (*DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("is damaged or not a PNG") from error
    if size is None or not allowed:
        raise ValueError(f"has {width:,} x {height:,} pixels, more than is allowed")
    raise ValueError(wrong_size((height, width), size))


def wrong_size(found: tuple[int, int], wanted: tuple[int, int]) -> str:
    """What is wrong with a map of another (height, width) than its image."""
    sides = (*found[::-1], *wanted[::-1])
    return "is {} x {} pixels, its image {} x {} (width x height); the two must agree".format(*sides)


def picture_size(path: Path) -> tuple[int, int] | None:
    """(height, width) of an image or an array of pixels from its header; None where it cannot be told."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as stream:
                shape, _ = npy_header(stream)
            return shape[0], shape[1]
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as picture:
            return picture.height, picture.width
    except (*DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def read_picture(path: Path) -> np.ndarray:
    """``(H, W, 3)`` uint8 of a PNG, JPEG or WebP image."""
    try:
        return read_image(path).image
    except ImageError as error:
        raise ValueError(f"cannot be used as an image: {error}") from error


def read_unit_picture(path: Path) -> np.ndarray:
    """``(H, W, 3)`` uint8 of an array with colours in [0, 1]; values of v / 255 come back as v exactly."""
    values = read_npy(path)
    if values.ndim != 3 or values.shape[2] != 3 or 0 in values.shape:
        raise ValueError(f"has shape {values.shape}; (height, width, 3) is expected")
    if not np.isfinite(values).all() or values.min() < -_OVERSHOOT or values.max() > 1 + _OVERSHOOT:
        raise ValueError("holds colours outside [0, 1]")
    return np.asarray(np.rint(values.astype(np.float64).clip(0, 1) * 255), np.uint8)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    _size(path, MAX_BYTES)
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return found


def read_lines(path: Path) -> tuple[str, ...]:
    """The lines of a text file that are not empty."""
    _size(path, MAX_BYTES)
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("is not a text file in UTF-8") from error
    return tuple(line.strip() for line in lines if line.strip())


def _size(path: Path, limit: int) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if size > limit:
        raise ValueError(f"has more than {limit // 2**20} MB, the most that is allowed")
    return size
