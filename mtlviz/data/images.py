"""Images from outside the project: decoded safely, or refused with one sentence a person can act on.

What is allowed: PNG, JPEG and WebP (told by their content, whatever the file is called), one frame, at most
20 MB, at most 25 megapixels (so that the 5712 x 4284 of a 24-megapixel phone fits), each side 16 to 12,000
pixels. The size is checked before any pixel is decoded. Colour profiles and all other metadata are dropped;
colours are taken as sRGB.
"""

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageFile

from mtlviz.data.sample import Sample
from mtlviz.errors import ImageError

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 25_000_000
MIN_SIDE, MAX_SIDE = 16, 12_000
FORMATS = ("PNG", "JPEG", "WEBP")

# Process-wide, so that no other way into Pillow decodes more than we would.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)

_Turn = Image.Transpose
_UPRIGHT: Mapping[int, Image.Transpose] = {
    2: _Turn.FLIP_LEFT_RIGHT,
    3: _Turn.ROTATE_180,
    4: _Turn.FLIP_TOP_BOTTOM,
    5: _Turn.TRANSPOSE,
    6: _Turn.ROTATE_270,
    7: _Turn.TRANSVERSE,
    8: _Turn.ROTATE_90,
}
"""What undoes each EXIF orientation."""

_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, AttributeError),
    *(RuntimeError, MemoryError, struct.error, zlib.error),
)
"""What Pillow's parsers raise on files that are damaged or made to hurt."""


def read_image(source: bytes | Path, name: str | None = None) -> Sample:
    """An image file as an upright 8-bit RGB sample without labels.

    EXIF orientation is applied; grey (also 16-bit, scaled to the full range), palette, CMYK and 1-bit images
    become RGB; what is transparent shows white.

    Args:
        source: content of the file, or its path.
        name: what a person calls the image; by default the file's name.

    Returns:
        A sample whose image is ``(H, W, 3)`` uint8 and whose name is one short printable line.

    Raises:
        ImageError: if the file is missing, too large, of another format, animated or damaged.
    """
    title = display_name(name or (source.name if isinstance(source, Path) else "The image"))
    content = _read_file(source, title) if isinstance(source, Path) else source
    if not content:
        raise ImageError(f"{title} is empty; choose a PNG, JPEG or WebP image.")
    if len(content) > MAX_BYTES:
        raise ImageError(f"{title} has more than {MAX_BYTES // 2**20} MB, the most that is allowed; save it smaller.")
    return Sample(_decode(content, title), title)


def display_name(name: str) -> str:
    """The last part of a path or file name as one printable line of at most 80 characters.

    What is left may still hold markup: show it as text, never as HTML or Markdown.
    """
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in last).strip()
    return line if len(line) <= 80 else f"{line[:60]}…{line[-19:]}"


def starts_like_image(content: bytes) -> bool:
    """Whether a file's first 12 bytes are those of a PNG, JPEG or WebP image."""
    riff = content[:4] + content[8:12]
    return content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or riff == b"RIFFWEBP"


def image_sha256(image: Sample | UInt8[np.ndarray, "H W 3"]) -> str:
    """Hash of the decoded pixels and their shape: equal for equal pictures, whatever the file was."""
    pixels = image.image if isinstance(image, Sample) else image
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


PHOTOGRAPH_TITLES: Mapping[str, str] = {"china": "Photograph: temple", "flower": "Photograph: flower"}
"""Titles of ``photographs()`` for a picker, known without decoding anything."""


def photographs() -> dict[str, Callable[[], Sample]]:
    """Photographs that come with scikit-learn, by key; each is decoded when called.

    ``china`` by Daniel Buechele and ``flower`` by vultilion, both CC BY 2.0, 640 x 427 pixels.
    """

    def reader(key: str) -> Callable[[], Sample]:
        return lambda: read_image(_scikit_learn() / "datasets" / "images" / f"{key}.jpg", PHOTOGRAPH_TITLES[key])

    return {key: reader(key) for key in PHOTOGRAPH_TITLES}


def _scikit_learn() -> Path:
    """Folder of scikit-learn, found without the second that importing it takes."""
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ImageError("The photographs come with scikit-learn, which is missing; install requirements.txt.")
    return Path(spec.submodule_search_locations[0])


def _read_file(path: Path, title: str) -> bytes:
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no file"
        raise ImageError(f"There is {what} at {str(path)!r}; give the path of a PNG, JPEG or WebP image.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImageError(f"{title} cannot be read ({error.strerror}); check its permissions.") from error


def _decode(content: bytes, title: str) -> UInt8[np.ndarray, "H W 3"]:
    with _open(content, title) as picture:
        _check(picture, title)
        try:
            picture.load()
            return np.array(_upright(_to_rgb(picture), _orientation(picture)))
        except _DAMAGE as error:
            raise ImageError(_damaged(title)) from error


def _open(content: bytes, title: str) -> ImageFile.ImageFile:
    """Read the header; no pixel is decoded yet."""
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(_too_many_pixels(title)) from error
    except _DAMAGE as error:
        other = f"{title} is not a PNG, JPEG or WebP image; choose one, or convert it to one of these."
        raise ImageError(_damaged(title) if starts_like_image(content) else other) from error


def _check(picture: ImageFile.ImageFile, title: str) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise ImageError(_too_many_pixels(title))
    if min(picture.size) < MIN_SIDE or max(picture.size) > MAX_SIDE:
        raise ImageError(
            f"{title} is {picture.width:,} x {picture.height:,} pixels; each side must have {MIN_SIDE} to "
            f"{MAX_SIDE:,} pixels, so crop or resize it."
        )
    # Some phones put a second picture into a JPEG (MPO): no animation; the first picture is meant.
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise ImageError(f"{title} is animated; save one frame of it as a still image.")


def _damaged(title: str) -> str:
    return f"{title} is damaged or cut short; save or download it again."


def _too_many_pixels(title: str) -> str:
    return f"{title} has more than {MAX_PIXELS // 10**6} megapixels, the most that is allowed; resize it."


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        return _from_grey16(picture)
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours).convert("RGB")
    return picture.convert("RGB")


def _from_grey16(picture: Image.Image) -> Image.Image:
    """0 to 65535 becomes 0 to 255; Pillow's own conversion clips at 255."""
    values = np.asarray(picture).astype(np.uint32)
    grey = ((values * 255 + 32767) // 65535).clip(0, 255).astype(np.uint8)
    if "transparency" in picture.info:
        grey[values == picture.info["transparency"]] = 255
    return Image.fromarray(grey).convert("RGB")


def _orientation(picture: Image.Image) -> int | None:
    """EXIF orientation, or None; damaged EXIF does not spoil an image that can be decoded."""
    try:
        return picture.getexif().get(ExifTags.Base.Orientation)
    except _DAMAGE:
        return None


def _upright(picture: Image.Image, orientation: int | None) -> Image.Image:
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return picture if turn is None else picture.transpose(turn)
