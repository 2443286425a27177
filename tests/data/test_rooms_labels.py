"""The labels of one room agree with each other: they all come from one geometry."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, label

from mtlviz.data.rooms import RoomOptions, render_room
from mtlviz.data.rooms.labels import CLASS_NAMES, STRUCTURE, boundaries, salient_objects
from mtlviz.data.sample import Sample
from mtlviz.tasks import IGNORE, TASKS

SIZE = (60, 80)
FAST = RoomOptions(supersample=1, window_rays=1, ambient_rays=1)


@pytest.fixture(scope="module")
def rooms() -> list[Sample]:
    return [render_room(seed, SIZE, FAST) for seed in range(30)]


def _points(room: Sample) -> np.ndarray:
    """Camera coordinates ``(H, W, 3)`` of every pixel, from depth and intrinsics alone."""
    k, depth = room.intrinsics, room.labels["depth"].astype(float)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return np.stack([(columns - k.cx) / k.fx, -(rows - k.cy) / k.fy, -np.ones(SIZE)], 2) * depth[..., None]


def _flat_patches(room: Sample) -> np.ndarray:
    """Pixels whose 3 x 3 surroundings show one plane: one normal, and an affine inverse depth."""
    flat = np.zeros(SIZE, bool)
    flat[1:-1, 1:-1] = True
    inverse, normals = 1 / room.labels["depth"].astype(float), room.labels["normals"]
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            shift = {"shift": (dy, dx), "axis": (0, 1)}
            flat &= np.abs(normals - np.roll(normals, **shift)).max(2) < 1e-6
            opposite = np.roll(inverse, (-dy, -dx), (0, 1))
            flat &= np.abs(np.roll(inverse, **shift) + opposite - 2 * inverse) < 1e-4 * inverse
    return flat


def test_every_task_has_labels_of_the_documented_type(rooms: list[Sample]) -> None:
    for room in rooms:
        assert set(room.labels) == set(TASKS)
        assert room.image.shape == (*SIZE, 3)
        assert room.image.dtype == np.uint8
        assert room.labels["depth"].dtype == room.labels["normals"].dtype == np.float32
        assert room.instances.dtype == np.int32
        for name in ("semseg", "edge", "saliency", "human_parts"):
            assert room.labels[name].shape == SIZE
            assert room.labels[name].dtype == np.uint8
        assert room.labels["semseg"].max() < len(CLASS_NAMES)


def test_depth_is_positive_and_finite_everywhere_because_the_room_is_closed(rooms: list[Sample]) -> None:
    depth = np.stack([room.labels["depth"] for room in rooms])
    assert np.isfinite(depth).all()
    assert depth.min() > 0.1
    assert depth.max() < 10


def test_normals_are_unit_vectors_that_face_the_camera(rooms: list[Sample]) -> None:
    for room in rooms:
        normals = room.labels["normals"]
        assert np.abs(np.linalg.norm(normals, axis=2) - 1).max() < 1e-4
        assert ((normals * _points(room)).sum(2) <= 1e-5).all()


def test_normals_equal_those_of_the_depth_on_planes(rooms: list[Sample]) -> None:
    angles = []
    for room in rooms:
        points, flat = _points(room), _flat_patches(room)
        across = np.roll(points, -1, 1) - np.roll(points, 1, 1)
        down = np.roll(points, -1, 0) - np.roll(points, 1, 0)
        normal = np.cross(down, across)
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-12)
        # atan2 of the half angle: arccos loses all digits near zero.
        apart = np.linalg.norm(normal - room.labels["normals"], axis=2)
        together = np.linalg.norm(normal + room.labels["normals"], axis=2)
        angles.append(np.degrees(2 * np.arctan2(apart, together))[flat])
    pooled = np.concatenate(angles)
    assert len(pooled) > 20_000
    assert np.quantile(pooled, 0.999) < 1.0
    assert np.median(pooled) < 0.02


def test_floor_points_lie_in_one_plane_whose_normal_is_the_label(rooms: list[Sample]) -> None:
    checked = 0
    for room in rooms:
        floor = (room.labels["semseg"] == CLASS_NAMES.index("floor")) & (room.instances == 0)
        points, normals = _points(room)[floor], room.labels["normals"][floor]
        if len(points) < 100:
            continue
        up = np.median(normals, axis=0)
        height = points @ (up / np.linalg.norm(up))
        # A rug lies eight millimetres above the boards.
        assert np.quantile(np.abs(height - np.median(height)), 0.95) < 0.012
        checked += 1
    assert checked > 15


def test_ceiling_points_face_down_where_floor_points_face_up(rooms: list[Sample]) -> None:
    for room in rooms:
        floor = room.labels["semseg"] == CLASS_NAMES.index("floor")
        ceiling = room.labels["semseg"] == CLASS_NAMES.index("ceiling")
        if floor.sum() > 50 and ceiling.sum() > 50:
            up, down = (np.median(room.labels["normals"][m], axis=0) for m in (floor, ceiling))
            assert up @ down < -0.999


def test_edges_lie_only_where_the_label_changes(rooms: list[Sample]) -> None:
    for room in rooms:
        semseg = np.pad(room.labels["semseg"].astype(int), 1, mode="edge")
        middle = semseg[1:-1, 1:-1]
        others = (semseg[:-2, 1:-1], semseg[2:, 1:-1], semseg[1:-1, :-2], semseg[1:-1, 2:])
        change = np.any([other != middle for other in others], axis=0)
        edge = room.labels["edge"] > 0
        assert not (edge & ~change).any()
        # Thinning moves a boundary by a pixel; what it takes from crowded places is little.
        near = binary_dilation(edge, np.ones((5, 5)))
        assert (change & ~near).sum() <= 0.05 * change.sum()


def test_boundary_of_a_square_is_a_closed_line_one_pixel_wide() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[6:14, 6:14] = 3
    edge = boundaries(labels)
    assert edge[10].sum() == edge[:, 10].sum() == 2
    inside, count = label(edge == 0)
    assert count == 2
    assert inside[10, 10] != inside[0, 0]


def test_a_uniform_map_has_no_boundary() -> None:
    assert not boundaries(np.full((9, 9), IGNORE, np.uint8)).any()


def test_saliency_is_the_union_of_the_salient_objects(rooms: list[Sample]) -> None:
    for room in rooms:
        chosen = salient_objects(room.labels["semseg"], room.instances)
        assert len(chosen) <= 3
        assert np.array_equal(room.labels["saliency"] > 0, np.isin(room.instances, chosen))


def test_parts_of_the_room_itself_are_never_salient(rooms: list[Sample]) -> None:
    for room in rooms:
        names = {CLASS_NAMES[label] for label in np.unique(room.labels["semseg"][room.labels["saliency"] > 0])}
        assert not names & set(STRUCTURE)


def test_the_larger_and_more_central_object_is_the_most_salient() -> None:
    semseg, instances = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.int32)
    for number, (name, rows, columns) in enumerate(
        [
            ("chair", slice(16, 24), slice(16, 24)),
            ("chair", slice(0, 8), slice(0, 8)),
            ("table", slice(38, 40), slice(0, 4)),
        ]
    ):
        semseg[rows, columns], instances[rows, columns] = CLASS_NAMES.index(name), number + 1
    assert salient_objects(semseg, instances) == [1]


def test_human_parts_cover_exactly_the_pixels_of_people(rooms: list[Sample]) -> None:
    with_people = 0
    for room in rooms:
        person = room.labels["semseg"] == CLASS_NAMES.index("person")
        if not person.any():
            continue
        with_people += 1
        assert np.array_equal(room.labels["human_parts"] > 0, person)
        assert room.labels["human_parts"].max() <= 6
        assert room.valid["human_parts"].all()
    assert with_people >= 3


def test_human_parts_are_ignored_in_rooms_without_people(rooms: list[Sample]) -> None:
    empty = [room for room in rooms if not (room.labels["semseg"] == CLASS_NAMES.index("person")).any()]
    assert empty
    for room in empty:
        assert (room.labels["human_parts"] == IGNORE).all()
        assert not room.valid["human_parts"].any()


def test_an_instance_has_one_class_and_walls_floor_and_ceiling_have_none(rooms: list[Sample]) -> None:
    for room in rooms:
        shell = np.isin(room.labels["semseg"], [CLASS_NAMES.index(n) for n in ("wall", "floor", "ceiling")])
        assert np.array_equal(room.instances == 0, shell)
        for number in np.unique(room.instances[~shell]):
            assert len(np.unique(room.labels["semseg"][room.instances == number])) == 1


def test_more_samples_change_colours_at_borders_and_no_label() -> None:
    plain, smooth = (render_room(3, SIZE, RoomOptions(supersample=n)) for n in (1, 3))
    assert not np.array_equal(plain.image, smooth.image)
    for name in TASKS:
        assert np.array_equal(plain.labels[name], smooth.labels[name])


def test_the_layout_does_not_depend_on_the_size() -> None:
    small, large = render_room(5, (30, 40), FAST), render_room(5, (90, 120), FAST)
    # The middle one of three by three pixels has the same centre as the small image's pixel.
    for name in ("semseg", "human_parts"):
        assert np.array_equal(small.labels[name], large.labels[name][1::3, 1::3])
    assert np.allclose(small.labels["depth"], large.labels["depth"][1::3, 1::3], rtol=1e-4)
    assert large.intrinsics.fx == pytest.approx(3 * small.intrinsics.fx)
