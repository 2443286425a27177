"""Images that are read, as they are; their names and hashes."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from mtlviz.data import images
from mtlviz.data.images import display_name, image_sha256, photographs, read_image
from tests.data.image_files import colours, file_bytes, png


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_lossless_files_come_back_bit_for_bit(form: str) -> None:
    sample = read_image(file_bytes(Image.fromarray(colours()), form, lossless=True), "photo")
    assert np.array_equal(sample.image, colours())
    assert sample.image.dtype == np.uint8
    assert sample.name == "photo"


def test_a_jpeg_comes_back_nearly() -> None:
    sample = read_image(file_bytes(Image.fromarray(colours()), "JPEG", quality=95), "photo.jpg")
    assert np.abs(sample.image.astype(int) - colours()).mean() < 4


def test_a_path_gives_the_image_its_name(tmp_path: Path) -> None:
    (tmp_path / "room.png").write_bytes(png())
    assert read_image(tmp_path / "room.png").name == "room.png"


def test_a_wrong_extension_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(png())
    assert np.array_equal(read_image(tmp_path / "photo.jpg").image, colours())


def test_grey_becomes_three_equal_channels() -> None:
    grey = colours()[..., 1]
    sample = read_image(file_bytes(Image.fromarray(grey)))
    assert np.array_equal(sample.image, np.repeat(grey[..., None], 3, -1))


def test_16_bit_grey_is_scaled_to_the_full_range() -> None:
    values = np.linspace(0, 65535, 32 * 48).reshape(32, 48).astype(np.uint16)
    content = file_bytes(Image.fromarray(values))
    assert content[24] == 16, "the fixture must be a 16-bit file"
    sample = read_image(content)
    assert np.array_equal(sample.image[..., 0], np.round(values / 257).astype(np.uint8))
    assert (sample.image.min(), sample.image.max()) == (0, 255)


def test_a_transparent_value_of_16_bit_grey_shows_white() -> None:
    values = np.full((20, 20), 30_000, np.uint16)
    values[:, :10] = 77
    content = file_bytes(Image.fromarray(values), transparency=77)
    assert (read_image(content).image[:, :10] == 255).all()


def test_1_bit_becomes_black_and_white() -> None:
    board = np.indices((32, 32)).sum(0) % 2 == 1
    sample = read_image(file_bytes(Image.fromarray(board)))
    assert np.array_equal(sample.image[..., 2], board * np.uint8(255))


def test_a_palette_with_a_transparent_entry_shows_white_there() -> None:
    picture = Image.fromarray((np.indices((20, 20))[1] // 10).astype(np.uint8), "P")
    picture.putpalette([200, 10, 10, 10, 200, 10])
    image = read_image(file_bytes(picture, transparency=0)).image
    assert (image[:, :10] == 255).all()
    assert (image[:, 10:] == (10, 200, 10)).all()


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_half_transparent_colours_are_mixed_with_white(form: str) -> None:
    pixels = np.full((20, 20, 4), (200, 0, 100, 255), np.uint8)
    pixels[:10, :, 3] = 0
    pixels[10:15, :, 3] = 51
    image = read_image(file_bytes(Image.fromarray(pixels), form, lossless=True)).image.astype(int)
    assert (image[:10] == 255).all()
    assert np.abs(image[10:15] - (244, 204, 224)).max() <= 1
    assert (image[15:] == (200, 0, 100)).all()


def test_grey_with_alpha_is_mixed_with_white() -> None:
    pixels = np.zeros((20, 20, 2), np.uint8)
    pixels[:10, :, 1] = 255
    image = read_image(file_bytes(Image.fromarray(pixels, "LA"))).image
    assert (image[:10] == 0).all()
    assert (image[10:] == 255).all()


def test_cmyk_becomes_rgb_and_not_its_negative() -> None:
    ink = Image.new("CMYK", (32, 32), (0, 255, 255, 0))  # magenta and yellow: red
    red = read_image(file_bytes(ink, "JPEG", quality=95)).image.mean((0, 1))
    assert red[0] > 200
    assert red[1:].max() < 60


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(form: str, orientation: int) -> None:
    upright = Image.new("RGB", (48, 32), "black")
    upright.paste("white", (0, 0, 12, 8))  # a mark in the top left corner
    stored = {
        1: lambda p: p,
        2: lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda p: p.transpose(Image.Transpose.ROTATE_180),
        4: lambda p: p.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda p: p.transpose(Image.Transpose.TRANSPOSE),
        6: lambda p: p.transpose(Image.Transpose.ROTATE_90),
        7: lambda p: p.transpose(Image.Transpose.TRANSVERSE),
        8: lambda p: p.transpose(Image.Transpose.ROTATE_270),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_image(file_bytes(stored, form, exif=exif)).image.astype(int)
    assert image.shape == (32, 48, 3)
    assert np.abs(image - np.asarray(upright)).mean() < 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_spoil_a_good_image() -> None:
    content = file_bytes(Image.fromarray(colours()), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff\x01")
    assert read_image(content).size == (32, 48)


def test_a_phones_jpeg_with_a_second_picture_inside_is_a_still_image() -> None:
    picture = Image.fromarray(colours())
    content = file_bytes(picture, "MPO", save_all=True, append_images=[picture])
    assert read_image(content).size == (32, 48)


def test_the_largest_and_smallest_sizes_are_allowed() -> None:
    assert read_image(png(16, 16)).size == (16, 16)
    assert read_image(file_bytes(Image.new("L", (12_000, 16)))).size == (16, 12_000)


def test_a_24_megapixel_phone_photograph_is_allowed() -> None:
    assert read_image(file_bytes(Image.new("L", (5712, 4284)))).size == (4284, 5712)


# Names, hashes, photographs


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("photo.png", "photo.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("a\nb\x00c\u202egnp.exe", "a�b�c�gnp.exe"),
        ("日本語.jpg", "日本語.jpg"),
    ],
)
def test_names_become_one_printable_line(given: str, shown: str) -> None:
    assert display_name(given) == shown


def test_long_names_keep_their_start_and_their_extension() -> None:
    shown = display_name("x" * 500 + ".webp")
    assert len(shown) == 80
    assert shown.endswith(".webp")


def test_the_hash_depends_on_pixels_and_shape_only() -> None:
    first = read_image(png(), "a")
    second = read_image(file_bytes(Image.fromarray(colours()), "WEBP", lossless=True), "b")
    assert image_sha256(first) == image_sha256(second) == image_sha256(first.image)
    assert image_sha256(first) == hashlib.sha256(b"(32, 48, 3)" + colours().tobytes()).hexdigest()
    assert image_sha256(colours().reshape(48, 32, 3)) != image_sha256(colours())
    assert image_sha256(np.asfortranarray(colours())) == image_sha256(colours())


@pytest.mark.parametrize("key", ["china", "flower"])
def test_photographs_are_scikit_learns(key: str) -> None:
    sample = photographs()[key]()
    assert np.array_equal(sample.image, load_sample_image(f"{key}.jpg"))
    assert sample.name == images.PHOTOGRAPH_TITLES[key]


def test_reading_images_imports_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from mtlviz.data.images import photographs; photographs()['china']();"
        "assert not {'torch', 'sklearn', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
