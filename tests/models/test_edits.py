"""Interventions: an edit that does nothing changes no bit, and every other one does what its definition says."""

import pytest
import torch

from mtlviz.edits import Distractors, Edit, Noise, Permutation
from mtlviz.errors import OptionError
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import to_tokens
from mtlviz.models.interactions.edited import ALWAYS, distractor_tokens, edited_inputs
from mtlviz.trace import INTERACTION

TASKS = ("semseg", "depth", "normals")
WIDTH, GRID = 16, (3, 4)
N = GRID[0] * GRID[1]
S = len(TASKS) * N
MODELS = {"kem": {"slots": 5}, "cross_attention": {}, "pair_attention": {}}


def build(name, **options):
    torch.manual_seed(0)
    module = build_interaction(name, WIDTH, TASKS, {**MODELS.get(name, {}), **options}).double().requires_grad_(False)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return module


def features():
    generator = torch.Generator().manual_seed(1)
    return {task: torch.randn(1, WIDTH, *GRID, generator=generator, dtype=torch.float64) for task in TASKS}


def tokens(module, edit=None):
    inputs = edited_inputs(features(), edit)
    out, trace, _ = module(inputs, edit=edit, capture=INTERACTION)
    return to_tokens(out)[0], to_tokens(inputs)[0], trace


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "edit",
    [Edit(), Edit(residual=1.0), Edit(swapped=((2, 2),)), Edit(picks=3), Edit(moved=((4, 4),)),
     Edit(noise=(Noise("depth", 0.0),))],
    ids=str,
)  # fmt: skip
def test_an_identity_edit_changes_no_bit(name, edit):
    module = build(name)
    if not edit.used <= ALWAYS | module.edits:
        with pytest.raises(OptionError, match="cannot apply the edit"):
            module.check(edit)
        return
    plain, edited = tokens(module)[0], tokens(module, edit)[0]
    if edit.moved:  # what is added is built on its own then, a different order of sums
        torch.testing.assert_close(plain, edited, rtol=0, atol=1e-12)
    else:
        assert torch.equal(plain, edited)


@pytest.mark.parametrize("name", MODELS)
def test_muted_tokens_receive_nothing_and_the_others_as_before(name):
    module = build(name)
    plain, before, _ = tokens(module)
    edited, _, _ = tokens(module, Edit(muted=(3, 17)))
    assert torch.equal(edited[[3, 17]], before[[3, 17]])
    rest = [i for i in range(S) if i not in (3, 17)]
    torch.testing.assert_close(edited[rest], plain[rest])


@pytest.mark.parametrize("name", MODELS)
def test_a_moved_write_arrives_at_its_new_token(name):
    module = build(name)
    plain, before, _ = tokens(module)
    edited, _, _ = tokens(module, Edit(moved=((3, 17),)))
    torch.testing.assert_close(edited[17] - before[17], plain[3] - before[3])
    torch.testing.assert_close(edited[3], plain[3])


@pytest.mark.parametrize("name", MODELS)
def test_what_a_silenced_task_holds_reaches_no_other_task(name):
    module = build(name)
    changed = {"semseg": features()["semseg"], "depth": features()["depth"], "normals": features()["normals"] + 1}
    edit = Edit(silenced=("normals",))
    out, _, _ = module(features(), edit=edit)
    other, _, _ = module(changed, edit=edit)
    loud, _, _ = module(changed)
    for task in ("semseg", "depth"):
        torch.testing.assert_close(out[task], other[task])
        assert not torch.allclose(loud[task], other[task])


def test_a_dropped_slot_takes_exactly_its_term_out_of_the_write_sum():
    module = build("kem")
    plain, _, trace = tokens(module)
    edited, _, after = tokens(module, Edit(zeroed=(2,)))
    contents = module._contents(trace.memory_after[None])[0]
    torch.testing.assert_close(plain - edited, trace.write[:, 2, None] * contents[2])
    assert torch.equal(after.memory_after, trace.memory_after)


def test_a_slot_without_write_weight_has_no_effect_and_all_slots_together_are_the_whole_effect():
    module = build("kem")
    plain, before, trace = tokens(module)
    lesions = [plain - tokens(module, Edit(zeroed=(slot,)))[0] for slot in range(5)]
    torch.testing.assert_close(sum(lesions), plain - before)
    assert torch.equal(tokens(module, Edit(zeroed=tuple(range(5))))[0], before)
    twice = Edit(zeroed=(1, 1))
    assert torch.equal(tokens(module, twice)[0], tokens(module, Edit(zeroed=(1,)))[0])
    nothing = tokens(module, Edit(zeroed=(1,)))[2]
    assert (nothing.write[:, 1] == 0).all()
    assert torch.equal(nothing.write[:, 0], trace.write[:, 0])


def test_renormalised_weights_sum_to_one_without_the_dropped_slot():
    _, _, trace = tokens(build("kem"), Edit(zeroed=(0, 4), renormalised=True))
    torch.testing.assert_close(trace.write.sum(1), torch.ones(S, dtype=torch.float64))
    assert (trace.write[:, [0, 4]] == 0).all()


def test_a_frozen_slot_keeps_its_row_of_the_memory_and_a_given_content_is_held():
    module = build("kem")
    given = torch.arange(WIDTH, dtype=torch.float64)
    _, _, trace = tokens(module, Edit(frozen=(1,), contents={3: given}))
    assert torch.equal(trace.memory_after[1], module.memory[1])
    assert torch.equal(trace.memory_after[3], given)
    _, _, plain = tokens(module)
    assert torch.equal(trace.memory_after[[0, 2, 4]], plain.memory_after[[0, 2, 4]])


def test_transplanting_the_own_content_changes_nothing():
    module = build("kem")
    plain, _, trace = tokens(module)
    assert torch.equal(tokens(module, Edit(contents={2: trace.memory_after[2]}))[0], plain)


def test_swapped_slots_hand_out_each_others_content():
    module = build("kem")
    _, before, trace = tokens(module)
    edited, _, _ = tokens(module, Edit(swapped=((0, 3),)))
    contents = module._contents(trace.memory_after[None])[0][[3, 1, 2, 0, 4]]
    torch.testing.assert_close(edited, before + trace.write @ contents)


def test_picks_at_run_time_equal_a_model_with_that_option():
    few, many = build("kem", picks=2), build("kem", picks=7)
    many.load_state_dict(few.state_dict())
    assert torch.equal(tokens(few, Edit(picks=7))[0], tokens(many)[0])


@pytest.mark.parametrize("name", ["kem", "cross_attention"])
def test_distractors_without_energy_only_dilute_and_identical_ones_change_nothing_else(name):
    module = build(name)
    assert torch.equal(tokens(module, Edit(distractors=Distractors(0)))[0], tokens(module)[0])
    _, _, trace = tokens(module, Edit(distractors=Distractors(6, 2.0, seed=3)))
    assert trace.layout.tokens == S
    extra = distractor_tokens(to_tokens(features()), Distractors(6, 2.0, seed=3))
    if name == "cross_attention":
        keys = torch.cat([to_tokens(features())[0, N:], extra[0]]) @ module.key.weight.T
        values = torch.cat([to_tokens(features())[0, N:], extra[0]]) @ module.value.weight.T
        weights = (trace.queries[:N] @ keys.T / WIDTH**0.5).softmax(-1)
        torch.testing.assert_close(trace.written[:N], weights @ values @ module.output.weight.T)
    else:
        competing = torch.cat([to_tokens(features())[0], extra[0]])
        best = (module._probes() @ competing.T).topk(3).indices
        expected = torch.where(best < S, best, -1)
        assert torch.equal(trace.picks, expected)
        assert (trace.picks == -1).any()


@pytest.mark.parametrize("name", MODELS)
def test_an_oracle_with_one_label_changes_nothing_and_with_no_label_leaves_the_residual_path(name):
    module = build(name)
    plain, before, _ = tokens(module)
    torch.testing.assert_close(tokens(module, Edit(oracle=torch.zeros(N, dtype=torch.long)))[0], plain)
    off = tokens(module, Edit(oracle=-torch.ones(N, dtype=torch.long)))[0]
    bias = module.output_bias.repeat_interleave(N, 0) if name == "pair_attention" else 0
    torch.testing.assert_close(off, before + bias)


def test_an_oracle_keeps_the_weights_between_equal_labels_as_they_are():
    labels = torch.arange(N) % 3
    same = labels.repeat(3)[:, None] == labels.repeat(3)[None]
    kem = build("kem")
    _, before, trace = tokens(kem)
    retrieve = torch.zeros(5, S, dtype=torch.float64).scatter(1, trace.picks, trace.weights)
    values = to_tokens(features())[0] @ kem.retrieve_value.weight.T @ kem.write_value.weight.T
    edited, _, _ = tokens(kem, Edit(oracle=labels))
    torch.testing.assert_close(edited, before + (trace.write @ retrieve * same) @ values)


def test_noise_has_the_level_that_it_names_and_the_same_seed_gives_the_same():
    edit = Edit(noise=(Noise("depth", 0.5, seed=4),))
    inputs = {task: torch.randn(1, 64, 40, 50, generator=torch.Generator().manual_seed(2)) for task in TASKS}
    first, second = edited_inputs(inputs, edit), edited_inputs(inputs, edit)
    assert torch.equal(first["depth"], second["depth"])
    assert first["semseg"] is inputs["semseg"]
    added = (first["depth"] - inputs["depth"]).square().mean().sqrt()
    torch.testing.assert_close(added, 0.5 * inputs["depth"].square().mean().sqrt(), rtol=0.02, atol=0)


def test_permuted_tasks_change_places_alike():
    edited = edited_inputs(features(), Edit(permuted=Permutation(("semseg", "depth"), seed=1)))
    place = [(edited["semseg"].flatten(2) == features()["semseg"].flatten(2)[..., [i]]).all(1).nonzero()[0, 1]
             for i in range(N)]  # fmt: skip
    assert sorted(int(p) for p in place) == list(range(N))
    for i, p in enumerate(place):
        assert torch.equal(edited["depth"].flatten(2)[..., p], features()["depth"].flatten(2)[..., i])
    assert torch.equal(edited["normals"], features()["normals"])


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("kem", Edit(zeroed=(5,)), "slot 5; this model's slots are 0 to 4"),
        ("kem", Edit(zeroed=tuple(range(5)), renormalised=True), "no weights left"),
        ("kem", Edit(silenced=TASKS), "keep at least one task"),
        ("kem", Edit(picks=0), "at least one pick"),
        ("kem", Edit(contents={0: torch.zeros(3)}), "has 16 numbers"),
        ("kem", Edit(muted=(S,)), "tokens are 0 to 35"),
        ("kem", Edit(features={"depth": torch.zeros(2, 2, 2)}), "of that shape"),
        ("kem", Edit(features={"edge": torch.zeros(2, 2, 2)}), "does not have"),
        ("cross_attention", Edit(zeroed=(0,)), "cannot apply the edit 'zeroed'"),
        ("pair_attention", Edit(distractors=Distractors(1)), "cannot apply the edit 'distractors'"),
    ],
    ids=str,
)
def test_an_edit_that_cannot_be_is_refused_in_one_sentence(name, edit, words):
    module = build(name)

    def apply():
        module.check(edit)
        module(edited_inputs(features(), edit), edit=edit)

    with pytest.raises(OptionError, match=words):
        apply()


def test_an_edit_describes_itself_as_plain_data():
    edit = Edit(zeroed=(1,), contents={0: torch.zeros(2)}, noise=(Noise("depth", 0.5),), residual=0.0)
    described = edit.described()
    assert described["zeroed"] == [1]
    assert described["residual"] == 0.0
    assert described["noise"] == [{"task": "depth", "level": 0.5, "seed": 0}]
    assert len(described["contents"]["0"]) == 16
    assert Edit(contents={0: torch.ones(2)}).described() != Edit(contents={0: torch.zeros(2)}).described()
    assert Edit().used == frozenset()


def test_edits_applied_together_equal_edits_applied_one_by_one():
    module = build("kem")
    cheap = [Edit(), Edit(zeroed=(1,)), Edit(swapped=((0, 3),), residual=0.5), Edit(muted=(2,)), Edit(moved=((4, 9),))]
    for edits in (cheap, [*cheap, Edit(picks=1), Edit(silenced=("depth",)), Edit(noise=(Noise("depth", 0.5),))]):
        together = module.each(features(), edits)
        for index, edit in enumerate(edits):
            torch.testing.assert_close(to_tokens({t: f[index, None] for t, f in together.items()})[0],
                                       tokens(module, edit)[0])  # fmt: skip
