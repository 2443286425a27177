from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from mtlviz.data.rooms.labels import boundaries
from mtlviz.data.sample import Intrinsics, Sample
from mtlviz.data.transforms import Augmentation, augment, flip, vary_colour, zoom

SIZE = (48, 64)
QUIET = Augmentation(flip=0, zoom=0, colour=0, blur=0, noise=0)


def plane(normal: tuple[float, float, float], distance: float = 3.0) -> Sample:
    """A camera that sees one plane, labelled by quadrant."""
    camera = Intrinsics(50.0, 52.0, 30.0, 25.0)
    unit = np.asarray(normal) / np.linalg.norm(normal)
    depth = (-distance / (rays(camera, SIZE) @ unit)).astype(np.float32)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    semseg = (2 * (rows > 17) + (columns > 40)).astype(np.uint8)
    image = np.stack([rows * 5, columns * 3, 255 - rows * 5], -1).astype(np.uint8)
    labels = {
        "semseg": semseg,
        "depth": depth,
        "normals": np.broadcast_to(unit, (*SIZE, 3)).astype(np.float32),
        "edge": boundaries(semseg),
    }
    return Sample(image, "plane", labels, {"depth": semseg != 3}, semseg.astype(np.int32), camera)


def rays(camera: Intrinsics, size: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return np.stack([(columns - camera.cx) / camera.fx, -(rows - camera.cy) / camera.fy, -np.ones(size)], -1)


def normal_of_points(sample: Sample) -> np.ndarray:
    """Normal, towards the camera, of the plane through all pixels' points in space."""
    points = (rays(sample.intrinsics, sample.size) * sample.labels["depth"][..., None]).reshape(-1, 3)
    normal = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][2]
    return normal if normal @ points.mean(0) < 0 else -normal


def angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def assert_same(a: Sample, b: Sample) -> None:
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.instances, b.instances)
    assert a.labels.keys() == b.labels.keys()
    assert a.valid.keys() == b.valid.keys()
    for task, label in a.labels.items():
        np.testing.assert_array_equal(label, b.labels[task])
    for task, mask in a.valid.items():
        np.testing.assert_array_equal(mask, b.valid[task])
    assert a.intrinsics == b.intrinsics


def test_flipping_twice_changes_nothing():
    sample = plane((0.3, 0.8, 0.6))
    assert_same(flip(flip(sample)), sample)


def test_a_zoom_by_one_changes_nothing():
    sample = plane((0.3, 0.8, 0.6))
    assert_same(zoom(sample, 1, 0, 0, boundaries), sample)


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.3, 0.8, 0.6), (-0.5, 0.1, 0.7)])
def test_normals_still_follow_from_depth_and_camera(normal):
    sample = plane(normal)
    for varied in (flip(sample), zoom(sample, 1.37, 5.3, 11.9), zoom(flip(sample), 1.5, 16, 0)):
        assert angle(normal_of_points(varied), varied.labels["normals"][5, 7]) < 0.7


def test_zoom_divides_depth_by_the_scale():
    sample = plane((0.3, 0.8, 0.6))
    zoomed = zoom(sample, 1.5, 16, 10)
    rows = (np.arange(SIZE[0]) + 0.5) / 1.5 + 16
    columns = (np.arange(SIZE[1]) + 0.5) / 1.5 + 10
    source = sample.labels["depth"][rows.astype(int)[:, None], columns.astype(int)]
    np.testing.assert_allclose(zoomed.labels["depth"] * 1.5, source, rtol=1e-6)


def test_zoom_keeps_image_and_labels_aligned():
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    ramp = (2 * rows + 1.5 * columns).astype(np.float32)
    image = np.repeat(ramp[..., None].astype(np.uint8), 3, -1)
    zoomed = zoom(Sample(image, "ramp", {"depth": ramp}), 1.4, 3.2, 7.7)
    difference = zoomed.image[..., 0] - zoomed.labels["depth"] * 1.4
    assert abs(difference.mean()) < 0.7  # uint8 truncation leaves -0.25
    assert np.abs(difference).max() < 3.5  # half a pixel of the steepest direction, twice rounded


def test_masks_and_instances_move_with_the_labels(rng):
    sample = plane((0, 0, 1))
    varied = augment(sample, rng, Augmentation(flip=1, zoom=1, scale=(1.3, 1.3)))
    np.testing.assert_array_equal(varied.valid["depth"], varied.labels["semseg"] != 3)
    np.testing.assert_array_equal(varied.instances, varied.labels["semseg"])


def test_edges_are_those_of_the_zoomed_labels():
    sample = plane((0, 0, 1))
    zoomed = zoom(sample, 1.5, 5, 15, boundaries)
    np.testing.assert_array_equal(zoomed.labels["edge"], boundaries(zoomed.labels["semseg"]))
    widened = zoom(sample, 1.5, 5, 15).labels["edge"]
    assert zoomed.labels["edge"].sum() < widened.sum()


def test_a_part_outside_the_image_is_refused():
    with pytest.raises(ValueError, match=r"leaves the image of 48x64"):
        zoom(plane((0, 0, 1)), 1.5, 17, 0)


def test_a_generator_fixes_the_result_and_the_sample_stays():
    sample = plane((0.3, 0.8, 0.6))
    before = replace(sample, image=sample.image.copy(), labels={t: v.copy() for t, v in sample.labels.items()})
    strong = Augmentation(colour=1, blur=0.5, noise=0.5)
    first, again, other = (augment(sample, np.random.default_rng(s), strong, boundaries) for s in (3, 3, 4))
    assert_same(first, again)
    assert not np.array_equal(first.image, other.image)
    assert_same(sample, before)


def test_without_strength_nothing_changes(rng):
    sample = plane((0.3, 0.8, 0.6))
    assert_same(augment(sample, rng, QUIET), sample)


def test_colour_changes_stay_moderate(rng):
    image = np.full((*SIZE, 3), 120, np.uint8)
    means = [vary_colour(image, rng, Augmentation(colour=0.4)).mean() for _ in range(50)]
    assert 40 < min(means) < max(means) < 230
    assert np.std(means) > 8


@pytest.mark.parametrize("scale", [(0.5, 1), (1.5, 1.2)])
def test_only_zooming_in_is_allowed(scale):
    with pytest.raises(ValidationError, match="1 <= low <= high"):
        Augmentation(scale=scale)
