"""Experiments: nothing leaks without an interaction, nothing changes without a dose, and sets are summed up."""

import json

import numpy as np
import pytest

from mtlviz.analysis.noise.doses import (
    FEATURES,
    RECORDED,
    Dose,
    Material,
    can_apply,
    dose_effects,
    dose_grid,
    edit_of,
    effect,
    feature_change,
    features_of,
    task_features,
)
from mtlviz.analysis.noise.names import dose_measures, map_measures
from mtlviz.analysis.noise.oracles import ORACLES, oracle_labels
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
    assert {dose.kind for dose in doses} == {"noise", "swap"}
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
    rooms = [room(seed) for seed in range(3)]
    records = [model_record(tiny(name), rooms) for name in ("kem", "kem", "none")]
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
    leak = {group: one["features"]["mean"] for group, one in kem["doses"].items()}
    assert all(value > 0 for value in leak.values())
    assert all(one["features"] == {"mean": 0.0, "low": 0.0, "high": 0.0, "n": 3} for one in bare["doses"].values())
    known = {**map_measures(), **dose_measures(tuple(TASKS.values()))}
    assert set(kem["maps"]) | {key for one in kem["doses"].values() for key in one} <= set(known)
    assert [point["fraction"] for point in kem["curve"]] == [0.125, 0.25, 0.5, 1.0]
    assert kem["curve"][-1]["noise"]["mean"] == pytest.approx(kem["maps"]["noise:classes"]["mean"])


def test_groups_are_means_over_the_disturbed_tasks():
    record = model_record(tiny("kem"), [room(0), room(1)])
    single = [record.effects[f"noise:1:{task.name}"]["features"] for task in record.card.tasks]
    np.testing.assert_allclose(record.grouped()["noise:1"]["features"], np.mean(single, 0))


def test_one_image_has_no_other_to_swap_in_and_none_is_refused():
    record = model_record(tiny("kem"), [room(0)])
    assert record.effects["swap:depth"] == {}
    assert record.effects["noise:1:depth"]
    with pytest.raises(DataError, match="holds no image"):
        model_record(tiny("kem"), [])
