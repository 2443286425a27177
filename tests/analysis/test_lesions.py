"""Lesions: no weight no effect, all slots together are the residual path, and nothing changes without an edit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtlviz.analysis.compare import difference
from mtlviz.analysis.lesions.effects import (
    TOGETHER,
    VISIBLE,
    changed_share,
    edit_effects,
    effects_of_edits,
    on_top,
    possible_edits,
    prediction_change,
)
from mtlviz.analysis.lesions.regions import changes_by_class
from mtlviz.analysis.lesions.silencing import silencing
from mtlviz.analysis.lesions.slots import KINDS, SlotLesions, lesion, slot_count, slot_lesions, slot_weights
from mtlviz.edits import NOTHING, Edit
from mtlviz.errors import OptionError
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture
from tests.analysis.test_stability_record import TASK_TUPLE, picture, tiny

SLOTTED = {"kem": {"slots": 5}, "stable_kem": {"slots": 5, "rung": "collapse"}}
OPTIONS = {**SLOTTED, "ctal": {"grid": (8, 12)}}


def loud(name="kem", **options):
    """A tiny network whose interaction is not drowned by what it is added to."""
    engine = tiny(name, **(OPTIONS.get(name, {}) | options))
    with torch.no_grad():
        for parameter in engine._network.interaction.parameters():
            parameter.mul_(3.0)
    return engine


@pytest.fixture(scope="module")
def engine():
    return loud()


@pytest.fixture(scope="module")
def clean(engine):
    return engine.run(picture(labelled=True))


@pytest.fixture(scope="module")
def lesions(engine, clean):
    return slot_lesions(engine, clean)


def deafened(engine, slot):
    """The same network, in which no token reads a slot: its Write weight is set to exactly 0 in every pass."""
    module = engine._network.interaction
    weights = module._write_weights

    def without(*args):
        write = weights(*args).clone()
        write[..., slot] = 0
        return write

    module._write_weights = without
    return engine


def test_a_slot_with_zero_write_weight_has_exactly_zero_effect():
    engine = deafened(loud(), 2)
    clean = engine.run(picture())
    found = slot_lesions(engine, clean)
    assert (found.weights[2] == 0).all()
    assert (found.effects[2] == 0).all()
    assert (found.effects[[0, 1, 3, 4]] > 0).any(1).all()


@pytest.mark.parametrize("name", SLOTTED)
def test_lesioning_all_slots_equals_the_residual_path_alone(name):
    engine = loud(name)
    sample = picture()
    everything = engine.run(sample, edit=Edit(zeroed=tuple(range(5))))
    path = engine.run(sample, edit=Edit(residual=0.0))
    for task, output in path.outputs.items():
        assert np.array_equal(everything.outputs[task], output)
    found = slot_lesions(engine, engine.run(sample))
    np.testing.assert_array_equal(found.together, effects_of_edits(engine, sample, [Edit(residual=0.0)])[0])
    assert (edit_effects(everything, path) == 0).all()


def test_comparing_a_run_with_itself_gives_zeros(clean):
    assert (edit_effects(clean, clean) == 0).all()
    assert all(changed_share(prediction_change(clean, clean, task.name)) == 0 for task in TASK_TUPLE)


@pytest.mark.parametrize("name", ["none", "kem", "stable_kem", "cross_attention", "ctal"])
def test_an_identity_edit_changes_nothing_bit_for_bit(name):
    engine, sample = loud(name), picture()
    plain, edited = engine.run(sample), engine.run(sample, edit=NOTHING)
    for task, output in plain.outputs.items():
        assert np.array_equal(edited.outputs[task], output)
    assert (edit_effects(plain, edited) == 0).all()


def test_edits_that_do_nothing_have_exactly_zero_effect_in_any_batch(engine):
    nothing = [NOTHING, Edit(swapped=((2, 2),)), Edit(residual=1.0)]
    edits = [lesion(slot % 5) for slot in range(TOGETHER)]
    found = effects_of_edits(engine, picture(), [*edits, *nothing])
    assert (found[TOGETHER:] == 0).all()
    np.testing.assert_array_equal(found[:5], found[5:10])


def test_effects_of_many_edits_are_those_of_single_runs(engine, clean, lesions):
    for slot in range(5):
        single = edit_effects(clean, engine.run(clean.sample, edit=lesion(slot)))
        np.testing.assert_allclose(lesions.effects[slot], single, atol=5e-4, rtol=1e-3)


def test_the_effect_is_the_mean_difference_of_the_predictions(engine, clean):
    after = engine.run(clean.sample, edit=lesion(1))
    effects = dict(zip((task.name for task in TASK_TUPLE), edit_effects(clean, after), strict=True))
    classes = clean.prediction("semseg").values != after.prediction("semseg").values
    assert effects["semseg"] == pytest.approx(classes.mean())
    metres = np.abs(clean.prediction("depth").values - after.prediction("depth").values)
    assert effects["depth"] == pytest.approx(metres.mean(), rel=1e-5)
    assert changed_share(prediction_change(clean, after, "depth")) == (metres > VISIBLE["depth"]).mean()


def test_weights_are_the_mean_write_weights_of_every_tasks_tokens(engine, clean, lesions):
    write = np.asarray(clean.trace.interaction.write, np.float64)
    by_task = write.reshape(len(TASK_TUPLE), -1, 5).mean(1).T
    np.testing.assert_allclose(lesions.weights, by_task, rtol=1e-6)
    np.testing.assert_allclose(lesions.weights.sum(0), 1)


def test_weights_are_the_mean_over_all_heads():
    engine = loud("kem", heads=2)
    clean = engine.run(picture())
    heads = [engine.run(picture(), capture=Capture(head=head)).trace.interaction.write for head in (0, 1)]
    by_task = [np.asarray(write, np.float64).reshape(len(TASK_TUPLE), -1, 5).mean(1).T for write in heads]
    assert not np.allclose(*by_task)
    np.testing.assert_allclose(slot_weights(engine, clean), np.mean(by_task, 0), rtol=1e-6)


def test_padding_enters_no_weight(engine):
    clean = engine.run(picture(32, 96))
    trace = clean.trace.interaction
    valid = trace.layout.valid_tokens()
    assert not valid.all()
    write = np.asarray(trace.write, np.float64)[valid].reshape(len(TASK_TUPLE), -1, 5).mean(1).T
    np.testing.assert_allclose(slot_weights(engine, clean), write, rtol=1e-6)


def test_shares_are_in_units_of_the_whole_effect_and_ranked(lesions):
    np.testing.assert_allclose(lesions.shares * lesions.together, lesions.effects)
    means = np.nan_to_num(lesions.shares).mean(1)[lesions.ranked]
    assert (np.diff(means) <= 0).all()
    still = replace(lesions, together=np.zeros(len(TASK_TUPLE)))
    assert np.isnan(still.shares).all()


def test_faithfulness_is_one_where_effects_follow_the_weights():
    weights = np.array([[0.1, 0.3], [0.2, 0.2], [0.7, 0.5]])
    effects = np.stack([weights[:, 0] ** 2, -weights[:, 1] + 1], 1)
    found = SlotLesions((TASKS["depth"], TASKS["normals"]), "zero", effects, effects.sum(0), weights)
    np.testing.assert_allclose(found.faithfulness, [1, -1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_lesion_is_its_edit(engine, clean, kind):
    found = slot_lesions(engine, clean, kind)
    assert found.kind == kind
    expected = effects_of_edits(engine, clean.sample, [lesion(3, kind)])[0]
    np.testing.assert_allclose(found.effects[3], expected, atol=5e-4, rtol=1e-3)


def test_a_silenced_task_moves_no_other_one_in_cross_attention_that_does_not_read_it():
    engine = loud("cross_attention")
    clean = engine.run(picture())
    found = silencing(engine, clean)
    assert (np.diag(found.effects) == 0).all()
    assert (np.diag(found.mass) == 0).all()
    np.testing.assert_allclose(found.mass.sum(0), 1, rtol=1e-5)
    assert (found.effects[found.pairs] > 0).any()
    assert -1 <= found.faithfulness <= 1


def test_the_mass_of_kem_is_that_of_its_composite_map(engine, clean):
    found = silencing(engine, clean)
    trace = clean.trace.interaction
    retrieve = np.zeros((5, trace.layout.tokens))
    np.put_along_axis(retrieve, np.asarray(trace.picks), np.asarray(trace.weights, np.float64), 1)
    tasks = len(TASK_TUPLE)
    rows = (np.asarray(trace.write, np.float64) @ retrieve).reshape(tasks, -1, tasks, trace.layout.tokens_per_task)
    np.testing.assert_allclose(found.mass, rows.sum(3).mean(1).T, rtol=1e-5, atol=1e-9)


def test_ctal_can_silence_tasks_and_has_no_mass():
    engine = loud("ctal")
    found = silencing(engine, engine.run(picture()))
    assert found.mass is None
    assert np.isnan(found.faithfulness)
    assert (found.effects >= 0).all()


def test_a_model_without_slots_or_exchange_is_refused_in_one_sentence():
    engine = tiny("none")
    clean = engine.run(picture())
    assert slot_count(engine.card) == 0
    assert possible_edits(engine) == {"noise", "features", "permuted"}
    with pytest.raises(OptionError, match="has no memory slots"):
        slot_lesions(engine, clean)
    with pytest.raises(OptionError, match="no task reads another one"):
        silencing(engine, clean)


def test_changes_by_class_add_up_to_the_change_of_the_image(engine, clean):
    after, whole = (engine.run(clean.sample, edit=edit) for edit in (lesion(1), Edit(residual=0.0)))
    for task in ("semseg", "depth"):
        found = changes_by_class(clean, after, task, whole)
        pixels = sum(region.pixels for region in found)
        assert pixels == clean.sample.labels["semseg"].size
        for run, side in ((after, "first"), (whole, "second")):
            mean = sum(getattr(region, side) * region.pixels for region in found) / pixels
            assert mean == pytest.approx(prediction_change(clean, run, task).mean, rel=1e-5)


def test_without_labels_the_models_own_classes_are_the_regions(engine):
    clean = engine.run(picture())
    after = engine.run(clean.sample, edit=lesion(1))
    own = clean.prediction("semseg").values
    for region in changes_by_class(clean, after, "depth"):
        inside = own == TASKS["semseg"].class_names.index(region.name)
        apart = difference(TASKS["depth"], after.prediction("depth").values, clean.prediction("depth").values, inside)
        assert region.first == pytest.approx(apart.mean, rel=1e-5)
        assert region.second == 0


def test_lesions_under_another_edit_are_compared_with_that_edit(engine, clean):
    base = Edit(swapped=((0, 1), (1, 2)))
    before = engine.run(clean.sample, edit=base)
    found = slot_lesions(engine, before, base=base)
    np.testing.assert_allclose(found.together, edit_effects(before, engine.run(clean.sample, edit=Edit(residual=0.0))),
                               rtol=1e-4, atol=1e-7)  # fmt: skip
    single = edit_effects(before, engine.run(clean.sample, edit=on_top(base, Edit(zeroed=(1,)))))
    np.testing.assert_allclose(found.effects[1], single, rtol=1e-4, atol=1e-7)
    assert not np.allclose(found.effects, slot_lesions(engine, clean).effects)


def test_two_edits_of_the_same_thing_are_refused():
    both = on_top(Edit(swapped=((0, 1),)), Edit(zeroed=(2,), renormalised=True))
    assert (both.swapped, both.zeroed, both.renormalised) == (((0, 1),), (2,), True)
    assert on_top(NOTHING, both) == both
    with pytest.raises(OptionError, match="'zeroed' at once"):
        on_top(Edit(zeroed=(1,)), both)
