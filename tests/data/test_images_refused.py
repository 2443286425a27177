"""Files that are refused, each in one sentence."""

import os
import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlviz.data import images
from mtlviz.data.images import read_image
from mtlviz.errors import ImageError
from tests.data.image_files import colours, file_bytes, png


def refusal(content: bytes | Path, name: str | None = "photo.png") -> str:
    with pytest.raises(ImageError) as caught:
        read_image(content, name)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def png_of_size(width: int, height: int, colour_type: int = 2) -> bytes:
    """A PNG that only claims its size: decoding it would fail."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_an_empty_file_is_refused() -> None:
    assert "is empty" in refusal(b"")


@pytest.mark.parametrize(
    "content",
    [
        b"hello, I am a text file",
        b"\x00" * 1000,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        file_bytes(Image.fromarray(colours()), "GIF"),
        file_bytes(Image.fromarray(colours()), "BMP"),
        file_bytes(Image.fromarray(colours()), "TIFF"),
        b"RIFF\x10\x00\x00\x00WAVEfmt ",
    ],
    ids=["text", "zeros", "svg", "pdf", "gif", "bmp", "tiff", "wave"],
)
def test_what_is_not_png_jpeg_or_webp_is_refused_whatever_its_name(content: bytes) -> None:
    message = refusal(content, "photo.png")
    assert message.startswith("photo.png is not a PNG, JPEG or WebP image")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_file_is_refused(form: str, rng: np.random.Generator) -> None:
    content = file_bytes(Image.fromarray(rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)), form)
    assert "is damaged or cut short" in refusal(content[: len(content) // 2])
    assert "is damaged or cut short" in refusal(content[: len(content) - 500])


@pytest.mark.parametrize("start", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x10\x00\x00\x00WEBPVP8 "])
def test_a_bare_signature_counts_as_cut_short(start: bytes) -> None:
    assert "is damaged or cut short" in refusal(start)


def test_a_damaged_checksum_is_refused() -> None:
    content = bytearray(png(64, 64))
    content[content.index(b"IDAT") + 20] ^= 0xFF
    assert "is damaged or cut short" in refusal(bytes(content))


def test_more_than_20_mb_are_refused_before_anything_is_parsed() -> None:
    assert "more than 20 MB" in refusal(png() + b"\x00" * images.MAX_BYTES)


def test_exactly_20_mb_are_read() -> None:
    assert read_image(png() + b"\x00" * (images.MAX_BYTES - len(png()))).size == (32, 48)


def test_no_more_than_20_mb_of_a_large_file_are_read_from_disk(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)  # sparse: takes no space
    assert "more than 20 MB" in refusal(path, None)


@pytest.mark.parametrize(("width", "height"), [(50_000, 2), (1, 1), (15, 300), (300, 15), (12_001, 16), (16, 12_001)])
def test_sides_outside_16_to_12000_are_refused_with_the_size_named(width: int, height: int) -> None:
    message = refusal(png_of_size(width, height))
    assert f"{width:,} x {height:,} pixels" in message
    assert "16 to 12,000" in message


@pytest.mark.parametrize("size", [(5001, 5000), (7000, 7000), (11_000, 11_000), (100_000, 100_000)])
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int], action: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter(action, Image.DecompressionBombWarning)  # whatever anyone else has set
        assert "more than 25 megapixels" in refusal(png_of_size(*size))


def test_a_text_chunk_that_explodes_is_refused_or_ignored() -> None:
    body = b"comment\x00\x00" + zlib.compress(b"a" * 200_000_000, 9)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    content = png()
    assert refusal(content[:33] + chunk + content[33:])


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_animations_are_refused(form: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "green", "blue")]
    content = file_bytes(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
    assert "is animated; save one frame" in refusal(content)


def test_a_missing_path_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "There is no file at" in refusal(tmp_path / "none.png", None)
    assert "There is a folder at" in refusal(tmp_path, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "no file at" in refusal(tmp_path / "pipe.png", None)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data", "ignore:Tag data larger than file")
def test_random_damage_gives_an_image_or_one_of_our_errors(rng: np.random.Generator) -> None:
    picture = Image.fromarray(colours())
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [file_bytes(picture, form, exif=exif) for form in ("PNG", "JPEG", "WEBP")]
    files.append(file_bytes(picture.convert("P"), "PNG", transparency=3))
    for content in files:
        for _ in range(150):
            damaged = bytearray(content)
            for place in rng.integers(0, min(len(content), 400), rng.integers(1, 6)):
                damaged[place] = rng.integers(256)
            with suppress(ImageError):
                read_image(bytes(damaged))
