"""Depth, disparity, normals, masks and camera stay true to one another under every change of geometry."""

from dataclasses import replace

import numpy as np
import pytest

from mtlviz.data.geometry import crop, flip, pad, random_crop, resize, rotate, scale, zoom
from mtlviz.data.sample import Intrinsics, Sample

SIZE = (40, 56)
FOCAL, BASELINE = 50.0, 0.2


def rays(camera: Intrinsics, size: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]] + 0.5
    return np.stack([(columns - camera.cx) / camera.fx, -(rows - camera.cy) / camera.fy, -np.ones(size)], -1)


def plane(normal: tuple[float, float, float] = (0.3, 0.5, 0.8)) -> Sample:
    """A camera that sees one plane, with every kind of label and normals and depth under a second name."""
    camera = Intrinsics(FOCAL, FOCAL, 30.0, 17.0)
    unit = np.asarray(normal) / np.linalg.norm(normal)
    depth = (-3.0 / (rays(camera, SIZE) @ unit)).astype(np.float32)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    semseg = (2 * (rows > 17) + (columns > 30)).astype(np.uint8)
    normals = np.broadcast_to(unit, (*SIZE, 3)).astype(np.float32)
    labels = {
        "semseg": semseg,
        "depth": depth,
        "disparity": (FOCAL * BASELINE / depth).astype(np.float32),
        "normals": normals,
        "normals_again": normals,
        "depth_again": depth,
        "edge": (rows == 18).astype(np.uint8),
    }
    image = np.stack([rows * 6, columns * 4, 255 - rows * 5], -1).astype(np.uint8)
    return Sample(image, "plane", labels, {"depth": semseg != 3}, semseg.astype(np.int32), camera)


def normal_of_points(sample: Sample, where: np.ndarray) -> np.ndarray:
    """Normal, towards the camera, of the plane through the points in space of some pixels."""
    points = (rays(sample.intrinsics, sample.size) * sample.labels["depth"][..., None])[where]
    normal = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][2]
    return normal if normal @ points.mean(0) < 0 else -normal


def angle(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


CHANGES = {
    "flip": flip,
    "zoom": lambda s: zoom(s, 1.4, 5, 9),
    "resize": lambda s: resize(s, (60, 60)),
    "scale": lambda s: scale(s, 0.7),
    "crop": lambda s: crop(s, 3, 7, (20, 30)),
    "pad": lambda s: pad(s, (50, 61)),
    "rotate": lambda s: rotate(s, 17.0),
    "rotate the other way": lambda s: rotate(s, -140.0),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("normal", [(0.3, 0.5, 0.8), (-0.4, 0.6, 0.5)])
def test_normals_still_follow_from_depth_and_camera(change, normal):
    varied = CHANGES[change](plane(normal))
    where = varied.valid.get("normals", np.ones(varied.size, bool))
    stored = varied.labels["normals"][where]
    assert angle(normal_of_points(varied, where), stored[0]) < 1.5
    np.testing.assert_allclose(np.linalg.norm(stored, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("change", CHANGES)
def test_a_task_is_changed_for_what_it_is_not_for_its_name(change):
    varied = CHANGES[change](plane())
    np.testing.assert_array_equal(varied.labels["normals_again"], varied.labels["normals"])
    np.testing.assert_array_equal(varied.labels["depth_again"], varied.labels["depth"])


@pytest.mark.parametrize("change", CHANGES)
def test_depth_times_disparity_stays_that_of_the_scene(change):
    varied = CHANGES[change](plane())
    where = varied.valid.get("disparity", np.ones(varied.size, bool))
    product = (varied.labels["depth"] * varied.labels["disparity"])[where]
    np.testing.assert_allclose(product, FOCAL * BASELINE, rtol=1e-5)


@pytest.mark.parametrize("change", CHANGES)
def test_the_sample_given_stays_as_it_is_and_every_array_moves(change):
    sample, before = plane(), plane()
    varied = CHANGES[change](sample)
    for task, label in before.labels.items():
        np.testing.assert_array_equal(sample.labels[task], label)
        assert varied.labels[task].dtype == label.dtype
        assert varied.labels[task].shape[:2] == varied.size
    assert varied.instances.shape == varied.size
    inside = varied.valid.get("semseg", np.ones(varied.size, bool))
    np.testing.assert_array_equal(varied.instances[inside], varied.labels["semseg"][inside])
    np.testing.assert_array_equal(varied.valid["depth"][inside], (varied.labels["semseg"] != 3)[inside])


def test_a_zoom_divides_depth_and_multiplies_disparity():
    sample = plane()
    sample = replace(sample, labels={t: np.full_like(sample.labels[t], 2) for t in ("depth", "disparity")})
    zoomed = zoom(sample, 1.25, 0, 0)
    np.testing.assert_allclose(zoomed.labels["depth"], 1.6)
    np.testing.assert_allclose(zoomed.labels["disparity"], 2.5)
    larger = scale(sample, 2)
    assert larger.size == (80, 112)
    assert (larger.labels["depth"] == 1).all()
    assert (larger.labels["disparity"] == 4).all()


def test_resizing_alone_changes_no_value():
    sample = plane()
    twice = resize(sample, (80, 112))
    np.testing.assert_array_equal(twice.labels["depth"], sample.labels["depth"].repeat(2, 0).repeat(2, 1))
    assert twice.intrinsics == Intrinsics(100, 100, 60, 34)
    back = resize(twice, SIZE)
    np.testing.assert_array_equal(back.labels["semseg"], sample.labels["semseg"])


@pytest.mark.parametrize("size", [(24, 40), (17, 33), (24, 200)])
def test_thin_edges_stay_whole_where_an_image_is_made_smaller(size):
    edges = np.zeros((96, 120), np.uint8)
    edges[50], edges[:, 7] = 1, 1
    valid = np.ones((96, 120), bool)
    valid[90:] = False
    sample = Sample(np.zeros((96, 120, 3), np.uint8), "lines", {"edge": edges}, {"edge": valid})
    found = resize(sample, size)
    assert found.labels["edge"].all(1).sum() == 1
    assert found.labels["edge"].all(0).sum() == max(1, size[1] // 120)
    assert not found.valid["edge"][-1].any()
    assert scale(sample, 0.25).labels["edge"].sum() < resize(sample, (24, 30)).labels["edge"].sum()


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_exact(turns):
    sample = crop(plane(), 0, 0, (40, 40))
    turned = rotate(sample, 90 * turns)
    np.testing.assert_array_equal(turned.image, np.rot90(sample.image, turns))
    np.testing.assert_array_equal(turned.labels["semseg"], np.rot90(sample.labels["semseg"], turns))
    assert all(mask.all() for task, mask in turned.valid.items() if task != "depth")


def test_turning_counter_clockwise_takes_right_to_up():
    sample = Sample(np.zeros((8, 8, 3), np.uint8), "x", {"normals": np.tile(np.float32([1, 0, 0]), (8, 8, 1))})
    np.testing.assert_allclose(rotate(sample, 90).labels["normals"][4, 4], [0, 1, 0], atol=1e-6)


def test_a_turn_and_its_opposite_leave_the_middle_as_it_was():
    sample = plane()
    back = rotate(rotate(sample, 30), -30)
    middle = (slice(18, 22), slice(26, 30))
    np.testing.assert_allclose(back.labels["normals"][middle], sample.labels["normals"][middle], atol=1e-6)
    np.testing.assert_allclose(back.labels["depth"][middle], sample.labels["depth"][middle], rtol=0.05)
    assert abs(back.intrinsics.cx - sample.intrinsics.cx) < 1e-9


@pytest.mark.parametrize("change", [lambda s: rotate(s, 20), lambda s: pad(s, (60, 80))])
def test_what_comes_from_outside_has_no_label_and_is_never_class_0(change):
    varied = change(plane())
    outside = ~varied.valid["semseg"]
    assert outside.any()
    assert (varied.labels["semseg"][outside] == 255).all()
    for task in varied.labels:
        assert not varied.valid[task][outside].any()
    assert (varied.labels["edge"][outside] == 0).all()
    assert (varied.image[outside].astype(int).mean(0) > 50).all()


def test_a_padded_sample_can_be_cropped_back():
    sample = plane()
    back = crop(pad(sample, (50, 61)), 5, 2, SIZE)
    np.testing.assert_array_equal(back.image, sample.image)
    for task, label in sample.labels.items():
        np.testing.assert_array_equal(back.labels[task], label)
    assert back.intrinsics == sample.intrinsics


def test_a_camera_with_oblong_pixels_does_not_survive_a_turn():
    sample = replace(plane(), intrinsics=Intrinsics(50, 60, 28, 20))
    assert rotate(sample, 5).intrinsics is None


def test_a_random_crop_avoids_being_filled_by_one_class(rng):
    labels = np.zeros((60, 60), np.uint8)
    labels[:, 45:] = 1
    labels[:5] = 255
    sample = Sample(np.zeros((60, 60, 3), np.uint8), "x", {"semseg": labels})
    shares = []
    for _ in range(60):
        part = random_crop(sample, (20, 20), rng).labels["semseg"]
        assert part.shape == (20, 20)
        known = part[part != 255]
        shares.append(max((known == 0).mean(), (known == 1).mean()))
    free = [random_crop(sample, (20, 20), rng, largest_share=1).labels["semseg"].mean() for _ in range(60)]
    assert np.mean(np.array(shares) <= 0.75) > 0.9
    assert np.mean(np.array(free) == 0) > 0.2


def test_a_crop_larger_than_the_image_is_the_image(rng):
    sample = plane()
    assert random_crop(sample, (100, 30), rng).size == (40, 30)
    assert random_crop(Sample(sample.image, "x"), (30, 100), rng).size == (30, 56)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: crop(s, 30, 0, (20, 20)), "leaves the image"),
        (lambda s: pad(s, (30, 100)), "cannot be padded"),
        (lambda s: scale(s, 0.001), "no pixel"),
        (lambda s: rotate(s, float("nan")), "not finite"),
    ],
)
def test_impossible_changes_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        change(plane())
