"""PASCAL_MT: palette PNG, MATLAB parts, derived edges in a cache that is never trusted."""

import numpy as np
import pytest

from mtlviz.data.sets import edge_cache, open_data, pascal_context
from mtlviz.data.sets.context_classes import NORMALS_CLASSES
from mtlviz.data.sets.edge_cache import cached_edges, label_map_edges
from mtlviz.errors import DataError
from tests.data.sets import formats
from tests.data.sets.formats import PASCAL, save_palette, save_parts

NOBODY, PARTS, NO_PARTS = PASCAL["train"] + PASCAL["val"]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MTLVIZ_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def pascal(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "PASCAL_MT"
    return root, formats.pascal(root)


@pytest.fixture
def own(tmp_path):
    formats.pascal(tmp_path)
    return tmp_path


def test_five_tasks_on_images_of_mixed_sizes(pascal):
    data = open_data(pascal[0], "train")
    assert {task.name for task in data.tasks} == {"semseg", "normals", "edge", "saliency", "human_parts"}
    assert [data[index].size for index in range(2)] == [(375, 500), (500, 333)]
    assert data.variant == "PASCAL_MT (PASCAL-Context)"


def test_palette_indices_are_the_labels_and_255_is_none(pascal):
    root, scenes = pascal
    data = open_data(root, "train")
    for index, name in enumerate(data.names):  # the second has only pascal-context/
        expected = np.array([0, 12, 15, 1, 2])[scenes[name].plane]
        sample = data.only(["semseg"])[index]
        np.testing.assert_array_equal(sample.labels["semseg"][2:-2], expected[2:-2])
        assert not sample.valid["semseg"][[0, 1, -2, -1]].any()


def test_voc_wins_where_both_labels_exist(own):
    save_palette(own / "semseg" / "pascal-context" / f"{NOBODY}.png", np.full((375, 500), 7))
    assert 7 not in open_data(own, "train").only(["semseg"])[0].labels["semseg"]


def test_saliency_is_above_one_half(pascal):
    root, scenes = pascal
    salient = open_data(root, "train").only(["saliency"])[0].labels["saliency"]
    np.testing.assert_array_equal(salient, scenes[NOBODY].plane == 4)


def test_normals_count_on_the_classes_of_nyu_alone(pascal):
    root, scenes = pascal
    one, sample = scenes[NOBODY], open_data(root, "train").only(["normals"])[0]
    expected = np.zeros(one.size, bool)
    expected[one.size[0] // 2 :] = True
    expected |= one.plane == 2  # persons
    expected[-1] = False  # (128, 127, 128)
    np.testing.assert_array_equal(sample.valid["normals"], expected)
    assert np.abs(sample.labels["normals"] - one.normals)[expected].max() < 1 / 127
    assert (sample.labels["normals"][~expected] == 0).all()


def test_the_trusted_classes_are_the_intersection_of_the_two_lists():
    assert len(NORMALS_CLASSES) == 169 + 1
    assert len(set(NORMALS_CLASSES.values())) == len(NORMALS_CLASSES)
    assert list(NORMALS_CLASSES) == sorted(NORMALS_CLASSES)  # the numbers follow the alphabet, as in PASCAL-Context
    assert list(NORMALS_CLASSES.values()) == sorted(NORMALS_CLASSES.values())
    assert "unknown" not in NORMALS_CLASSES


# Parts


def test_an_image_without_a_person_has_no_parts(pascal):
    sample = open_data(pascal[0], "train").only(["human_parts"])[0]
    assert not sample.valid["human_parts"].any()
    assert (sample.labels["human_parts"] == 255).all()


def test_a_person_without_parts_has_none_either(pascal):
    assert not open_data(pascal[0], "val").only(["human_parts"])[0].valid["human_parts"].any()


def test_parts_are_painted_in_the_order_of_the_file(pascal):
    sample = open_data(pascal[0], "train").only(["human_parts"])[1]
    parts = sample.labels["human_parts"]
    assert (parts[:51] == 2).all()  # torso, painted first
    assert (parts[51:] == 6).all()  # a foot over it
    assert sample.valid["human_parts"].all()


def test_every_part_of_a_person_is_known():
    labels = pascal_context.PART_LABELS
    assert len(labels) == 24
    assert {labels["lear"], labels["hair"]} == {1}
    assert [labels[name] for name in ("neck", "ruarm", "lhand", "luleg", "rfoot")] == [2, 3, 4, 5, 6]


def test_an_annotation_without_objects_has_no_label(own):
    save_parts(own / "human_parts" / f"{NOBODY}.mat", [])
    sample = open_data(own, "train").only(["human_parts"])[0]
    assert sample.labels["human_parts"].shape == (375, 500)
    assert not sample.valid["human_parts"].any()


def test_an_unknown_part_is_refused(own):
    whole = np.ones((375, 500), bool)
    save_parts(own / "human_parts" / f"{NOBODY}.mat", [(15, whole, [formats.part("tail", whole)])])
    with pytest.raises(DataError, match=f"human_parts/{NOBODY}.mat names the part 'tail'"):
        open_data(own, "train")[0]


# Edges


def test_edges_are_where_the_laplacian_is_not_zero_thinned(rng):
    label_map = np.kron(rng.integers(1, 460, (5, 7)), np.ones((9, 8), int))
    around = np.pad(label_map, 1, mode="reflect")
    total = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    candidates = total != 4 * label_map
    edges = label_map_edges(label_map)
    assert (edges <= candidates).all()
    assert 0 < edges.sum() < 0.7 * candidates.sum()
    assert label_map_edges(np.full((9, 9), 65535, np.uint16)).sum() == 0


def test_a_label_map_of_16_bits_does_not_overflow():
    low, high = (np.where(np.arange(20) < 10, *pair)[None].repeat(12, 0) for pair in ((1, 2), (1, 65535)))
    np.testing.assert_array_equal(label_map_edges(low.astype(np.uint16)), label_map_edges(high.astype(np.uint16)))


def test_edges_come_from_the_cache_the_second_time_and_never_touch_the_data(pascal, cache, monkeypatch):
    root = pascal[0]
    before = sorted(root.rglob("*"))
    data = open_data(root, "train").only(["edge"])
    first = data[0].labels["edge"]
    assert any(cache.rglob("*"))
    monkeypatch.setattr(edge_cache, "label_map_edges", None)
    np.testing.assert_array_equal(data[0].labels["edge"], first)
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("spoil", [lambda c: c[:-1], lambda c: c[:-1] + bytes([c[-1] ^ 8]), lambda c: b"\0" * len(c)])
def test_a_spoilt_entry_is_computed_again(tmp_path, rng, spoil):
    label_map = np.kron(rng.integers(0, 9, (4, 4)), np.ones((6, 6), int))
    edges = cached_edges(label_map, tmp_path)
    entry = next(path for path in tmp_path.rglob("*") if path.is_file())
    entry.write_bytes(spoil(entry.read_bytes()))
    np.testing.assert_array_equal(cached_edges(label_map, tmp_path), edges)
    np.testing.assert_array_equal(cached_edges(label_map, tmp_path), label_map_edges(label_map))


def test_an_entry_of_another_map_is_not_taken(tmp_path, rng):
    one, other = (np.kron(rng.integers(0, 9, (4, 4)), np.ones((6, 6), int)) for _ in range(2))
    cached_edges(one, tmp_path)
    stolen = next(path for path in tmp_path.rglob("*") if path.is_file()).read_bytes()
    cached_edges(other, tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(stolen)
    np.testing.assert_array_equal(cached_edges(other, tmp_path), label_map_edges(other))


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path, rng):
    (tmp_path / "file").write_text("in the way")
    label_map = np.kron(rng.integers(0, 9, (4, 4)), np.ones((6, 6), int))
    np.testing.assert_array_equal(cached_edges(label_map, tmp_path / "file"), label_map_edges(label_map))
