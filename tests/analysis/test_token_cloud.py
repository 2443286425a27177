"""Tokens keep their features, their place, their class and their errors, alone and pooled."""

import numpy as np
import pytest
import torch

from mtlviz.analysis.neighbourhood import (
    agreement,
    class_silhouettes,
    map_trustworthiness,
    mean_silhouette,
    nearest_tokens,
    queried,
)
from mtlviz.analysis.token_cloud import SHARED, image_clouds, merged, own_error, own_rank
from mtlviz.analysis.token_errors import cell_means, token_errors
from mtlviz.analysis.token_labels import token_classes
from mtlviz.analysis.token_selection import TokenSelection
from mtlviz.checkpoints import ModelCard
from mtlviz.data.letterbox import Letterbox
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine, Run
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import PLACES, Capture

NAMES = ("semseg", "depth", "normals", "edge")
TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
TASK_PLACES = PLACES[1:]


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A tiny KEM network."""
    torch.manual_seed(0)
    tasks = tuple(TASKS[name] for name in NAMES)
    config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction="kem")
    card = ModelCard(
        name="tiny", title="Tiny", summary="tiny", trained="random", architecture=config, tasks=tasks,
        input_size=(64, 96), token_grid=(8, 12),
    )  # fmt: skip
    return Engine(MultiTaskNetwork(config, tasks).eval(), card)


def sample(size: tuple[int, int] = (64, 96), seed: int = 0, *, labelled: bool = True) -> Sample:
    """Noise with labels in blocks."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 255, (*size, 3), np.uint8)
    if not labelled:
        return Sample(image, f"noise {seed}")
    classes = np.kron(rng.integers(0, 4, (4, 6)), np.ones((size[0] // 4, size[1] // 6))).astype(np.uint8)
    depth = (1 + rng.random(size)).astype(np.float32)
    return Sample(image, f"noise {seed}", {"semseg": classes, "depth": depth})


@pytest.fixture(scope="module")
def run(engine) -> Run:
    return engine.run(sample(), capture=Capture(features=True))


@pytest.mark.parametrize("place", PLACES)
def test_a_token_has_the_features_of_its_place(run, place):
    cloud, trace = image_clouds(run)[place], run.trace.features
    rows = np.asarray(trace.places[place])
    at = cloud["row"].astype(int) * trace.grids[place][1] + cloud["column"]
    assert np.array_equal(cloud.features, rows[cloud["group"], at])
    assert len(cloud) == cloud.total == rows.shape[0] * rows.shape[1]
    assert cloud.groups == ((SHARED,) if place == "encoder" else NAMES)


def test_a_token_has_the_class_of_what_it_covers(run):
    for place in ("interaction_output", "decoder"):
        cloud = image_clouds(run)[place]
        stride = 64 // cloud.grid[0]
        expected = token_classes(run.sample.labels["semseg"], run.letterbox.box, cloud.grid, stride)
        assert cloud.class_tasks == ("semseg",)
        assert cloud.classes("semseg")[1]
        assert np.array_equal(cloud.classes("semseg")[0], expected[cloud["row"].astype(int) * cloud.grid[1]
                                                                   + cloud["column"]])  # fmt: skip


def test_predictions_stand_in_for_missing_classes(engine):
    cloud = image_clouds(engine.run(sample(labelled=False), capture=Capture(features=True)))["decoder"]
    labels, true = cloud.classes("semseg")
    assert not true
    assert np.array_equal(labels, cloud["said semseg"])
    assert cloud.error_tasks == ()


def test_padding_is_left_out(engine):
    run = engine.run(sample((40, 96), labelled=False), capture=Capture(features=True))
    cloud = image_clouds(run)["interaction_input"]
    assert set(np.unique(cloud["row"])) == set(range(1, 7))
    assert len(cloud) == int(run.trace.features.layout.valid_tokens().sum())


def test_a_token_reads_the_slot_of_its_largest_write_weight(run):
    trace = run.trace.interaction
    clouds = image_clouds(run)
    cloud = clouds["interaction_output"]
    assert cloud.slots == len(trace.picks)
    assert np.array_equal(cloud["slot"], trace.write.argmax(1))
    assert set(np.flatnonzero(cloud["picked"] >= 0)) == set(trace.picks[trace.picks >= 0])
    fine = clouds["decoder"]
    token = fine["group"] * 96 + fine["row"] // 2 * 12 + fine["column"] // 2
    assert np.array_equal(fine["slot"], trace.write.argmax(1)[token])
    assert clouds["encoder"].slots == 0


def test_the_mean_error_of_all_tokens_is_that_of_the_image(run):
    errors = token_errors(run, (8, 12))
    assert set(errors) == {"semseg", "depth"}
    difference = np.abs(run.prediction("depth").values - run.sample.labels["depth"])
    assert errors["depth"].mean() == pytest.approx(difference.mean(), rel=1e-5)
    assert errors["semseg"].mean() == pytest.approx((run.prediction("semseg").values
                                                     != run.sample.labels["semseg"]).mean(), rel=1e-5)  # fmt: skip


def test_cell_means_are_block_means_and_unknown_without_a_known_pixel():
    values = np.random.default_rng(0).random((32, 48)).astype(np.float32)
    values[:8, :8] = np.nan
    means = cell_means(values, Letterbox((32, 48), (32, 48)), (4, 6))
    blocks = values.reshape(4, 8, 6, 8).mean((1, 3)).ravel()
    np.testing.assert_allclose(means, blocks, rtol=1e-5)
    assert np.isnan(means[0])
    tall = cell_means(np.ones((20, 10), np.float32), Letterbox((20, 10), (32, 48)), (4, 6))
    assert np.isnan(tall.reshape(4, 6)[:, 0]).all()


def test_own_errors_are_ranked_within_their_task(run):
    cloud = image_clouds(run)["interaction_output"]
    errors, ranks = own_error(cloud), own_rank(cloud)
    for index, task in enumerate(NAMES[:2]):
        members = cloud["group"] == index
        assert np.array_equal(errors[members], cloud[f"error {task}"][members])
        assert ranks[members].min() >= 0
        assert ranks[members].max() <= 1
        assert ranks[members][errors[members].argmax()] == ranks[members].max()
    assert np.isnan(ranks[cloud["group"] >= 2]).all()


def test_pooled_tokens_know_their_image(engine):
    runs = [engine.run(sample(seed=seed), capture=Capture(features=True)) for seed in range(3)]
    clouds = [image_clouds(one)["task_encoder"] for one in runs]
    pooled = merged([merged(clouds[:2]), clouds[2]])
    assert pooled.images == ("noise 0", "noise 1", "noise 2")
    assert pooled.total == len(pooled) == sum(map(len, clouds))
    assert np.array_equal(pooled.take(pooled["image"] == 2).features, clouds[2].features)
    drawn = pooled.sample(200)
    assert len(drawn) == 200
    pairs = {(group, label) for group, label in zip(drawn["group"], drawn.classes("semseg")[0], strict=True)}
    assert pairs == {(group, label) for group in range(4) for label in np.unique(pooled.classes("semseg")[0])}
    with pytest.raises(ValueError, match="different places"):
        merged([clouds[0], image_clouds(runs[0])["encoder"]])


def test_the_tokens_of_one_task_are_a_fourth(run):
    cloud = image_clouds(run)["interaction_output"]
    depth = cloud.of_task("depth")
    assert len(depth) == depth.total == len(cloud) // 4
    assert set(depth["group"]) == {1}
    shared = image_clouds(run)["encoder"]
    assert shared.of_task("depth") is shared


def chosen(cloud, mask: np.ndarray) -> TokenSelection:
    """A selection of some tokens of a cloud."""
    rows = np.stack([cloud[name][mask] for name in ("group", "row", "column", "image")], 1)
    return TokenSelection.of_rows("noise", cloud.groups, cloud.grid, rows)


@pytest.mark.parametrize("place", PLACES)
def test_a_selection_finds_exactly_its_tokens_again(run, place):
    cloud = image_clouds(run)[place]
    mask = np.random.default_rng(0).random(len(cloud)) < 0.2
    assert np.array_equal(chosen(cloud, mask).mask(cloud), mask)
    half = cloud.sample(len(cloud) // 2)
    assert chosen(cloud, mask).mask(half).sum() <= mask.sum()


def test_a_selection_follows_its_tokens_through_the_network(run):
    clouds = image_clouds(run)
    cloud, fine, shared = (clouds[place] for place in ("task_encoder", "decoder", "encoder"))
    mask = (cloud["group"] == 1) & (cloud["row"] == 2) & (cloud["column"] == 5)
    there = chosen(cloud, mask).mask(fine)
    assert there.sum() == 4
    assert set(fine["group"][there]) == {1}
    assert set(fine["row"][there] // 2) == {2}
    assert set(fine["column"][there] // 2) == {5}
    before = chosen(cloud, mask).mask(shared)
    assert (shared["row"][before], shared["column"][before]) == (2, 5)
    back = chosen(shared, before).mask(cloud)
    assert back.sum() == 4
    assert set(cloud["group"][back]) == {0, 1, 2, 3}


def test_nearest_tokens_are_those_of_all_distances():
    features = np.random.default_rng(0).normal(size=(80, 5))
    distances = np.linalg.norm(features[:, None] - features[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    queries = np.array([3, 50, 79])
    assert np.array_equal(nearest_tokens(features, queries, 7), distances[queries].argsort(1)[:, :7])


def test_a_token_is_never_its_own_neighbour_even_among_equal_ones():
    features = np.ones((40, 3))
    found = nearest_tokens(features, np.arange(40), 15)
    assert found.shape == (40, 15)
    assert not (found == np.arange(40)[:, None]).any()


def test_agreement_is_one_in_clear_groups_and_chance_counts_pairs():
    labels = np.repeat([0, 1], [30, 10])
    features = np.random.default_rng(0).normal(size=(40, 4)) + 100 * labels[:, None]
    queries = np.arange(40)
    found = agreement(nearest_tokens(features, queries, 5), queries, labels)
    assert found.share == 1
    assert found.chance == pytest.approx((30 * 29 + 10 * 9) / (40 * 39))
    unknown = np.where(np.arange(40) < 20, -1, labels)
    assert agreement(nearest_tokens(features, queries, 5), queries, unknown).tokens <= 40
    assert np.isnan(agreement(nearest_tokens(features, queries, 5), queries, np.full(40, -1)).share)


def test_a_map_that_is_the_features_is_fully_trustworthy():
    features = np.random.default_rng(0).normal(size=(100, 2))
    assert map_trustworthiness(features, features) == 1
    shuffled = map_trustworthiness(features, np.random.default_rng(1).permutation(features))
    assert 0.3 < shuffled < 0.7
    assert np.isnan(map_trustworthiness(features[:20], features[:20]))


def test_silhouettes_are_those_of_each_task_alone():
    from sklearn.metrics import silhouette_samples

    rng = np.random.default_rng(0)
    labels, groups = np.tile([0, 1, 2], 40), np.repeat([0, 1], 60)
    features = rng.normal(size=(120, 4)) + 3 * labels[:, None] * (groups == 0)[:, None] + 50 * groups[:, None]
    found = class_silhouettes(features, groups, labels)
    assert len(found) == 6
    for one in found:
        inside = groups == one.group
        values = silhouette_samples(features[inside], labels[inside])
        assert one.mean == pytest.approx(values[labels[inside] == one.label].mean())
    assert min(one.mean for one in found if one.group == 0) > max(one.mean for one in found if one.group == 1)
    assert class_silhouettes(features[:3], groups[:3], labels[:3]) == ()
    assert np.isnan(mean_silhouette(()))


def test_a_number_on_a_sample_is_drawn_from_a_seed():
    assert np.array_equal(queried(5000, 1, 100), queried(5000, 1, 100))
    assert len(np.unique(queried(5000, 1, 100))) == 100
    assert np.array_equal(queried(50, 1, 100), np.arange(50))
