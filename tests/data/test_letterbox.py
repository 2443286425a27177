import numpy as np
import pytest
from PIL import Image

from mtlviz.data.letterbox import Letterbox

TARGET = (128, 160)


def _random_shapes(count: int = 200) -> list[Letterbox]:
    sides = np.random.default_rng(1).integers(1, 2000, (count, 4))
    return [Letterbox((int(h), int(w)), (int(H), int(W))) for h, w, H, W in sides]


SHAPES = [*_random_shapes(), Letterbox((16, 12_000), TARGET), Letterbox((12_000, 16), TARGET)]


def test_the_box_lies_inside_the_target_and_fills_one_side_of_it() -> None:
    for letterbox in SHAPES:
        top, left, height, width = letterbox.box
        assert top >= 0
        assert left >= 0
        assert 1 <= height <= letterbox.target[0] - top
        assert 1 <= width <= letterbox.target[1] - left
        assert height == letterbox.target[0] or width == letterbox.target[1]


def test_the_box_is_centred_within_half_a_pixel() -> None:
    for letterbox in SHAPES:
        top, left, height, width = letterbox.box
        assert 0 <= letterbox.target[0] - height - 2 * top <= 1
        assert 0 <= letterbox.target[1] - width - 2 * left <= 1


def test_proportions_are_kept_within_one_pixel() -> None:
    for letterbox in SHAPES:
        _, _, height, width = letterbox.box
        scale = min(t / s for s, t in zip(letterbox.source, letterbox.target, strict=True))
        assert abs(height - letterbox.source[0] * scale) <= 1
        assert abs(width - letterbox.source[1] * scale) <= 1


@pytest.mark.parametrize(
    ("source", "box"),
    [((256, 320), (0, 0, 128, 160)), ((427, 640), (10, 0, 107, 160)), ((640, 480), (0, 32, 128, 96))],
)
def test_known_boxes(source: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    assert Letterbox(source, TARGET).box == box


def test_an_image_of_the_targets_size_comes_back_bit_for_bit(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (*TARGET, 3), dtype=np.uint8)
    letterbox = Letterbox(TARGET, TARGET)
    assert np.array_equal(letterbox.apply(image), image)
    assert letterbox.inside.all()
    assert np.array_equal(letterbox.crop(image[..., 0]), image[..., 0])


def test_an_image_that_only_needs_bars_keeps_every_bit(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (128, 100, 3), dtype=np.uint8)
    letterbox = Letterbox((128, 100), TARGET)
    framed = letterbox.apply(image, fill=(1, 2, 3))
    assert np.array_equal(letterbox.crop(framed.transpose(2, 0, 1)).transpose(1, 2, 0), image)
    assert (framed[~letterbox.inside] == (1, 2, 3)).all()


@pytest.mark.parametrize("source", [(480, 640), (427, 640), (640, 480), (300, 900), (96, 120)])
def test_a_ramp_survives_the_way_there_and_back(source: tuple[int, int]) -> None:
    rows, columns = np.linspace(0, 255, source[0]), np.linspace(0, 255, source[1])
    ramp = np.stack(np.broadcast_arrays(rows[:, None], columns, (rows[:, None] + columns) / 2), -1)
    letterbox = Letterbox(source, TARGET)
    framed = letterbox.apply(ramp.round().astype(np.uint8))
    inner = np.ascontiguousarray(letterbox.crop(framed.transpose(2, 0, 1)).transpose(1, 2, 0))
    back = np.asarray(Image.fromarray(inner).resize(source[::-1], Image.Resampling.BILINEAR))
    pixel = max(255 / side for side in letterbox.box[2:])  # what the ramp grows within one target pixel
    assert np.abs(back - ramp).max() <= pixel + 1
    assert np.abs(back - ramp).mean() <= 1


def test_a_checkerboard_becomes_grey_rather_than_a_moire() -> None:
    board = (np.indices((1280, 1600)).sum(0) % 2 * 255).astype(np.uint8)
    framed = Letterbox((1280, 1600), TARGET).apply(np.repeat(board[..., None], 3, -1))
    assert np.abs(framed.astype(int) - 127).max() <= 3


def test_crop_keeps_leading_axes_and_shares_memory() -> None:
    letterbox = Letterbox((64, 160), TARGET)
    array = np.zeros((2, 3, *TARGET), np.float32)
    inner = letterbox.crop(array)
    assert inner.shape == (2, 3, 64, 160)
    assert np.shares_memory(inner, array)


@pytest.mark.parametrize("stride", [4, 8, 16])
def test_the_token_box_holds_exactly_the_tokens_that_see_the_image(stride: int) -> None:
    for source in [(427, 640), (640, 480), (16, 12_000), (128, 160), (720, 1280)]:
        letterbox = Letterbox(source, TARGET)
        seen = letterbox.inside.reshape(128 // stride, stride, 160 // stride, stride).any((1, 3))
        row, column, rows, columns = letterbox.token_box(stride)
        expected = np.zeros_like(seen)
        expected[row : row + rows, column : column + columns] = True
        assert np.array_equal(seen, expected)


def test_wrong_shapes_are_refused_with_both_shapes_named() -> None:
    letterbox = Letterbox((10, 20), TARGET)
    with pytest.raises(ValueError, match=r"\(10, 20, 3\).*\(20, 10, 3\)"):
        letterbox.apply(np.zeros((20, 10, 3), np.uint8))
    with pytest.raises(ValueError, match=r"\(128, 160\).*\(3, 10, 20\)"):
        letterbox.crop(np.zeros((3, 10, 20)))
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Letterbox((0, 20), TARGET)
