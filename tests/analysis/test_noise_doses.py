"""Experiments: nothing leaks without an interaction, nothing changes without a dose, and sets are summed up."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlviz.analysis.attention_statistics import TOP_PS
from mtlviz.analysis.noise.doses import (
    DRAWS_APART,
    FEATURES,
    RECORDED,
    SHUFFLED,
    Dose,
    Material,
    can_apply,
    dose_effects,
    dose_grid,
    draw_effect,
    edit_of,
    effect,
    feature_change,
    features_of,
    image_effect,
    task_features,
)
from mtlviz.analysis.noise.names import CURVES, dose_measures, map_measures
from mtlviz.analysis.noise.oracles import ORACLES, label_names, oracle_labels
from mtlviz.analysis.noise.record import model_record
from mtlviz.analysis.noise.summary import noise_summary
from mtlviz.analysis.scores import image_score
from mtlviz.analysis.token_labels import UNKNOWN
from mtlviz.cli.answers import plain
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit, Noise
from mtlviz.errors import DataError
from mtlviz.tasks import TASKS
from tests.analysis.test_stability_record import tiny

FEW = (
    *(Dose(kind, task, 1.0) for kind in ("noise", "repeated") for task in ("semseg", "depth")),
    Dose("swap", "depth"),
    Dose("image", level=0.1),
    Dose("distractors", level=0.5),
    *(Dose("oracle", oracle=oracle) for oracle in (*ORACLES, SHUFFLED)),
)
"""One experiment of every kind, on tasks enough for a mean."""


def room(seed: int = 0, height: int = 64, width: int = 96) -> Sample:
    """Noise with labels of every kind, a label in each corner its own."""
    draw = np.random.default_rng(seed)
    corner = (np.arange(height)[:, None] * 2 // height) * 2 + np.arange(width)[None] * 2 // width
    normals = draw.normal(size=(height, width, 3)).astype(np.float32)
    labels = {
        "semseg": corner.astype(np.uint8),
        "depth": (1.0 + corner).astype(np.float32),
        "normals": normals / np.linalg.norm(normals, axis=-1, keepdims=True),
        "edge": (draw.random((height, width)) < 0.2).astype(np.uint8),
    }
    image = draw.integers(0, 256, (height, width, 3), np.uint8)
    return Sample(image, f"room {seed}", labels, instances=(corner * 7).astype(np.int32))


def material(engine, sample, seed=3) -> Material:
    run = engine.run(sample, capture=RECORDED)
    features = features_of(run)
    other = task_features(features_of(engine.run(room(9), capture=FEATURES)))
    return Material(seed, features.layout.tokens, other, oracle_labels(run))


@pytest.mark.parametrize("size", [(64, 96), (64, 64)])
def test_without_an_interaction_nothing_reaches_the_other_tasks(size):
    engine, sample = tiny("none"), room(1, *size)
    doses = [dose for dose in dose_grid(engine.card.tasks) if can_apply(engine, dose)]
    assert {dose.kind for dose in doses} == {"noise", "swap", "repeated", "image"}
    doses = [dose for dose in doses if dose.kind in ("noise", "swap")]
    clean = engine.run(sample, capture=RECORDED)
    for dose, row in zip(doses, dose_effects(engine, clean, doses, material(engine, sample)).values(), strict=True):
        assert row.pop("dose") > 0.1
        assert not any(key.endswith(f":{dose.task}") for key in row)
        assert set(row.values()) == {0.0}


@pytest.mark.parametrize(("name", "options"), [("kem", {}), ("cross_attention", {}), ("ctal", {"grid": (8, 12)})])
def test_a_dose_of_nothing_changes_nothing_and_a_dose_reaches_every_other_task(name, options):
    engine, sample = tiny(name, **options), room(1)
    clean = engine.run(sample, capture=RECORDED)
    nothing = effect(clean, engine.run(sample, capture=FEATURES, edit=Edit(noise=(Noise("depth", 0.0),))), "depth")
    assert set(nothing.values()) == {0.0}
    assert set(effect(clean, clean).values()) == {0.0}
    dose = Dose("noise", "depth", 1.0)
    found = dose_effects(engine, clean, [dose], material(engine, sample))[dose.key]
    assert found["dose"] == pytest.approx(1, abs=0.1)
    assert all(found[f"features:{task.name}"] > 0 for task in engine.card.tasks if task.name != "depth")
    assert "features:depth" not in found


@pytest.mark.parametrize("size", [(64, 96), (100, 130)])
def test_noise_on_the_image_goes_unchanged_past_no_interaction_and_grows_with_its_level(size):
    engine, sample = tiny("none"), room(1, *size)
    clean = engine.run(sample, capture=RECORDED)
    assert set(image_effect(engine, clean, 0.0, 3).values()) == {0.0}
    weak, strong = (image_effect(engine, clean, level, 3) for level in (0.05, 0.2))
    assert 0 < weak["dose"] < strong["dose"]
    assert weak["features"] == pytest.approx(weak["dose"])  # the decoders receive what the task encoders gave
    assert {f"change:{task.name}" for task in engine.card.tasks} <= set(weak)
    assert "gain:semseg" in weak
    assert ("gain:depth" in weak) == (size == (64, 96))  # labels in metres do not survive another size


def test_noise_on_the_image_is_the_same_for_every_model_and_for_every_run():
    sample = room(1)
    first, again = (image_effect(tiny("kem"), tiny("kem").run(sample, capture=RECORDED), 0.1, 3) for _ in range(2))
    assert first == again
    with pytest.raises(ValueError, match="no edit"):
        edit_of(Dose("image", level=0.1), Material(0, 1, {}, {}))


def test_noise_in_uniform_attention_is_all_variance_of_the_size_that_averaging_leaves():
    """Read alike, noise of size sigma on one task's N tokens moves every reader by sigma^2 |W|^2 N / n^2, bias none."""
    engine, sample = tiny("cross_attention"), room(1)
    layer = engine._network.interaction
    torch.nn.init.zeros_(layer.query.weight)
    clean = engine.run(sample, capture=RECORDED)
    found = draw_effect(engine, clean, "depth", seed=5, level=1.0, draws=24)
    features = features_of(clean)
    rows, places = (np.asarray(features.places[place], np.float64) for place in ("task_encoder", "interaction_output"))
    depth = features.layout.tasks.index("depth")
    readers = [task for task in range(len(TASKS)) if task != depth]
    power = np.square(rows[depth]).mean()
    weight = (layer.output.weight @ layer.value.weight).double().numpy()
    count, read = rows.shape[1], (len(TASKS) - 1) * rows.shape[1]
    moved = power * np.square(weight).sum() * count / read**2  # of every token
    expected = np.mean([count * moved / np.square(places[task]).sum() for task in readers])
    assert found["leak_variance"] == pytest.approx(expected, rel=0.3)
    assert abs(found["leak_bias"]) < 0.1 * found["leak_variance"]
    assert found["leak_variance_share"] > 0.9


def test_noise_that_is_no_noise_has_neither_bias_nor_variance():
    engine = tiny("kem")
    clean = engine.run(room(1), capture=RECORDED)
    found = draw_effect(engine, clean, "depth", seed=5, level=0.0)
    assert (found["leak_bias"], found["leak_variance"]) == (0, 0)
    assert np.isnan(found["leak_variance_share"])
    none = tiny("none")
    assert draw_effect(none, none.run(room(1), capture=RECORDED), "depth", seed=5)["leak_variance"] == 0


def test_a_leak_is_its_bias_and_its_variance():
    """The mean square of the change over draws is both together, up to the spread of the draws."""
    engine, sample = tiny("kem"), room(1)
    clean = engine.run(sample, capture=RECORDED)
    found = draw_effect(engine, clean, "depth", seed=5, draws=4)
    squares = []
    for draw in range(4):
        edit = Edit(noise=(Noise("depth", 1.0, 5 + DRAWS_APART * draw),))
        row = effect(clean, engine.run(sample, capture=FEATURES, edit=edit), "depth")
        squares.append(np.mean([row[f"features:{task}"] ** 2 for task in TASKS if task != "depth"]))
    assert found["leak_bias"] + found["leak_variance"] == pytest.approx(np.mean(squares), rel=1e-5)


def test_labels_are_named_alike_in_all_images():
    first, other = (tiny("kem").run(room(seed)) for seed in (0, 1))
    nearer = replace(room(1), labels={**room(1).labels, "depth": room(1).labels["depth"] * np.float32(0.25)})
    names = label_names(first, oracle_labels(first))
    assert names == label_names(other, oracle_labels(other))
    assert names["classes"][2] == TASKS["semseg"].class_names[2]
    for label, name in names["depth"].items():
        low, high = map(float, name.removesuffix(" m").split("-"))
        corner = next(depth for depth in (1.0, 2.0, 3.0, 4.0) if low - 0.01 <= depth <= high + 0.01)
        places = oracle_labels(first)["depth"].reshape(8, 12)
        assert places[int(corner - 1) // 2 * 4, int(corner - 1) % 2 * 6] == label
    scaled = tiny("kem").run(nearer)
    assert set(label_names(scaled, oracle_labels(scaled))["depth"].values()) != set(names["depth"].values())
    assert set(names["instances"].values()) == {"16-31 tokens"}  # each corner has 4 x 6


def test_a_task_that_gets_its_own_features_back_changes_nothing():
    engine, sample = tiny("cross_attention"), room(1)
    clean = engine.run(sample, capture=RECORDED)
    own = Material(0, 1, task_features(features_of(clean)), {})
    assert set(dose_effects(engine, clean, [Dose("swap", "depth")], own)["swap:depth"].values()) == {0.0}


def test_an_oracle_of_one_label_changes_nothing():
    engine, sample = tiny("cross_attention"), room(1)
    clean = engine.run(sample, capture=RECORDED)
    same = np.zeros(clean.card.token_grid[0] * clean.card.token_grid[1], np.int16)
    found = dose_effects(engine, clean, [Dose("oracle", oracle="classes")], Material(0, 1, {}, {"classes": same}))
    assert set(found["oracle:classes"].values()) == {0.0}


def test_the_change_of_features_is_the_relative_norm():
    engine, sample = tiny("kem"), room(1)
    before, after = (features_of(engine.run(one, capture=FEATURES)) for one in (sample, room(2)))
    first, second = (np.asarray(trace.after, np.float64).reshape(len(TASKS), -1) for trace in (before, after))
    index = before.layout.tasks.index("normals")
    expected = np.linalg.norm(second[index] - first[index]) / np.linalg.norm(first[index])
    assert feature_change(before, after, "interaction_output", "normals") == pytest.approx(expected, rel=1e-5)


def test_a_gain_is_positive_where_the_metric_got_better():
    engine, sample = tiny("kem"), room(1)
    clean = engine.run(sample, capture=RECORDED)
    changed = engine.run(sample, capture=FEATURES, edit=Edit(noise=(Noise("semseg", 3.0),)))
    found = effect(clean, changed, "semseg")
    rmse = [image_score(run.prediction("depth"), sample).headline for run in (changed, clean)]
    assert found["gain:depth"] == pytest.approx(rmse[1] - rmse[0])
    score = [image_score(run.prediction("edge"), sample).headline for run in (changed, clean)]
    assert found["gain:edge"] == pytest.approx(score[0] - score[1])


def test_oracles_come_from_the_labels():
    run = tiny("kem").run(room(1))
    labels = oracle_labels(run)
    assert tuple(labels) == ORACLES
    grid = np.stack([labels[oracle].reshape(8, 12) for oracle in ORACLES])
    assert set(labels["classes"]) == {0, 1, 2, 3}
    assert (grid[2, :4, :6] == UNKNOWN).all()  # id 0 is no object
    assert set(grid[2].ravel()) == {UNKNOWN, 0, 1, 2}
    assert oracle_labels(tiny("kem").run(Sample(room(1).image, "bare"))) == {}
    assert edit_of(Dose("oracle", oracle="classes"), Material(0, 1, {}, {})) is None


def test_the_same_seed_gives_every_model_the_same_noise():
    dose, grid = Dose("noise", "depth", 1.0), dose_grid(tuple(TASKS.values()))
    assert edit_of(dose, Material(4, 1, {}, {})).noise == edit_of(dose, Material(4, 9, {}, {})).noise
    assert len({one.key for one in grid}) == len(grid)
    assert (dose.key, dose.group) == ("noise:1:depth", "noise:1")


def test_a_model_with_itself_has_no_difference_and_the_summary_is_plain():
    rooms = [room(seed) for seed in range(2)]
    records = [model_record(tiny(name), rooms, FEW) for name in ("kem", "kem", "none")]
    found = noise_summary(records, seed=0)
    json.dumps(plain(found), allow_nan=False)
    same, none = found["differences"]
    numbers = [
        one[key] for group in same["doses"].values() for one in group.values() for key in ("mean", "low", "high")
    ]
    numbers += [one["mean"] for one in same["maps"].values()]
    assert len(numbers) > 100
    assert set(numbers) == {0.0}
    assert none["maps"] == {}
    kem, _, bare = found["models"]
    assert bare["left_out"] == [group for group in found["experiments"] if group[0] in "do"]
    leak = {group: one["features"]["mean"] for group, one in kem["doses"].items() if "features" in one}
    assert len(leak) == len(found["experiments"]) - 1
    assert all(value > 0 for value in leak.values())
    nothing = {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 2}
    inside = {group: one for group, one in bare["doses"].items() if not group.startswith("image")}
    assert all(one.get("features", one.get("leak_variance")) == nothing for one in inside.values())
    known = {**map_measures(), **dose_measures(tuple(TASKS.values()))}
    assert set(kem["maps"]) | {key for one in kem["doses"].values() for key in one} <= set(known)
    assert [point["fraction"] for point in kem["curve"]] == [0.125, 0.25, 0.5, 1.0]
    assert (kem["maps_note"], "no interaction" in bare["maps_note"]) == ("", True)
    assert [point["tasks"] for point in kem["task_curve"]] == list(range(1, len(TASKS) + 1))
    assert [point["p"] for point in kem["top_p"]] == list(TOP_PS)
    assert kem["labels"]["classes"] == kem["classes"]
    assert [one["name"] for one in kem["labels"]["depth"]] == sorted(one["name"] for one in kem["labels"]["depth"])
    for point in (*kem["curve"], *kem["task_curve"], *kem["top_p"], *kem["classes"]):
        assert set(point) - {"fraction", "tasks", "p", "name"} <= set(CURVES) <= set(found["measures"])
    assert kem["curve"][-1]["noise"]["mean"] == pytest.approx(kem["maps"]["noise:classes"]["mean"])


def test_ctal_has_sizes_in_place_of_a_noise_mass_and_says_why():
    record = model_record(tiny("ctal", grid=(8, 12)), [room(0), room(1)], FEW[:1])
    (found,) = noise_summary([record], seed=0)["models"]
    assert {"size_noise:classes", "positive_share", "read_share_size", "written_variation"} <= set(found["maps"])
    assert set(found["maps"]) <= set(map_measures())
    assert not {"noise:classes", "entropy", "effective_rank"} & set(found["maps"])
    assert "signed" in found["maps_note"]
    assert (found["curve"], found["task_curve"], found["top_p"], found["labels"]) == ([], [], [], {})


def test_groups_are_means_over_the_disturbed_tasks():
    record = model_record(tiny("kem"), [room(0), room(1)], [Dose("noise", task, 1.0) for task in TASKS])
    single = [record.effects[f"noise:1:{task.name}"]["features"] for task in record.card.tasks]
    np.testing.assert_allclose(record.grouped()["noise:1"]["features"], np.mean(single, 0))


def test_one_image_has_no_other_to_swap_in_and_none_is_refused():
    record = model_record(tiny("kem"), [room(0)], FEW)
    assert record.effects["swap:depth"] == {}
    assert record.effects["noise:1:depth"]
    with pytest.raises(DataError, match="holds no image"):
        model_record(tiny("kem"), [])
