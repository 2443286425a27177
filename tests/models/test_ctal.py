"""CTAL against the released code's form, its two computations against each other, and the invariants of ctal.md 1.8."""

import pytest
import torch

from mtlviz.edits import Edit
from mtlviz.models.interactions.affinity import affinity, unit_features
from mtlviz.trace import INTERACTION
from tests.models.ctal_modules import (
    BOTH,
    CHANNELS,
    COUNT,
    GRID,
    TASKS,
    features,
    joined,
    module,
    padding,
    relative,
)
from tests.models.literal_ctal import affinities, diffused, fused


@pytest.mark.parametrize(
    "options",
    [{}, {"fusion": "per_task"}, {"interleaved": False}, {"fusion": "per_task", "interleaved": False}],
    ids=str,
)
def test_equals_the_form_of_the_released_code(options):
    ctal, inputs = module(**options), features(batch=2)
    with torch.inference_mode():
        projected = ctal.projected(inputs)
        result = ctal.core(projected)
        for image in range(2):
            one = {task: feature[image] for task, feature in projected.items()}
            expected = diffused(ctal, one)
            for task in TASKS:
                torch.testing.assert_close(result[task][image], expected[task], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str)
@pytest.mark.parametrize("mask", [None, padding()], ids=["whole", "letterboxed"])
@pytest.mark.parametrize("options", BOTH, ids=str)
def test_the_linear_computation_is_the_dense_one_with_its_gradients(options, mask, dtype, limit):
    dense, linear = (module(dtype, computation=name, **options) for name in ("dense", "linear"))
    mask = None if mask is None else mask.expand(2, -1)
    results, gradients = [], []
    for ctal in (dense, linear):
        inputs = {task: feature.requires_grad_() for task, feature in features(2, dtype).items()}
        result = joined(ctal.core(ctal.projected(inputs), mask))
        wanted = [*inputs.values(), *ctal.parameters()]
        found = torch.autograd.grad(result.square().sum(), wanted, allow_unused=True)
        results.append(result.detach())
        gradients.append([gradient for gradient in found if gradient is not None])
        with torch.inference_mode():  # works in place
            torch.testing.assert_close(joined(ctal.core(ctal.projected(inputs), mask)), results[-1])
    assert relative(*results) < limit
    assert len(gradients[0]) == len(gradients[1]) >= len(TASKS)
    assert all(relative(one, other) < limit for one, other in zip(*gradients, strict=True) if other.any())


def test_affinities_are_cosines():
    tokens = torch.randn(1, COUNT, CHANNELS, dtype=torch.float64)
    tokens[0, 3] = 0
    found = affinity(unit_features(tokens))[0]
    diagonal = torch.ones(COUNT, dtype=torch.float64)
    diagonal[3] = 0
    torch.testing.assert_close(found.diagonal(), diagonal)
    torch.testing.assert_close(found, found.T)
    assert found.abs().max() <= 1 + 1e-12
    assert torch.linalg.eigvalsh(found).min() > -1e-12


def test_the_length_of_a_feature_does_not_matter_to_affinities():
    tokens = torch.randn(1, COUNT, CHANNELS, dtype=torch.float64)
    scaled = tokens * torch.rand(1, COUNT, 1, dtype=torch.float64).add(0.1)
    torch.testing.assert_close(affinity(unit_features(scaled)), affinity(unit_features(tokens)))


def test_the_centre_weights_alone_give_the_mean_affinity():
    ctal, mean = module(), module(fusion="mean")
    with torch.no_grad():
        ctal.fusion_weights.zero_()[:, :, 1, 1] = 1 / len(TASKS)
        ctal.fusion_bias.zero_()
        mean.load_state_dict({k: v for k, v in ctal.state_dict().items() if not k.startswith("fusion")})
        torch.testing.assert_close(joined(ctal(features())[0]), joined(mean(features())[0]))
        projected = ctal.projected(features())
        matrix = fused(
            affinities({task: feature[0] for task, feature in projected.items()}),
            ctal.fusion_weights, ctal.fusion_bias, GRID,
        )  # fmt: skip
        attended = ctal(features(), capture=INTERACTION)[1].attended
        torch.testing.assert_close(attended[1], matrix @ ctal._values(projected, None)[0, :, CHANNELS : 2 * CHANNELS])


@pytest.mark.parametrize("computation", ["dense", "linear"])
def test_without_gamma_the_features_stay_what_they_are(computation):
    ctal, inputs = module(computation=computation), features()
    with torch.inference_mode():
        out, trace, _ = ctal(inputs, capture=INTERACTION, edit=Edit(residual=0.0))
        projected = ctal.projected(inputs)
        assert torch.equal(trace.diffused, trace.projected)
        for index, task in enumerate(TASKS):
            assert torch.equal(trace.projected[index], projected[task][0].flatten(1).T)
            assert torch.equal(out[task], ctal.outputs[task](projected[task]))


def test_the_order_of_the_tasks_does_not_matter():
    ctal, order = module(), (2, 0, 1)
    swapped = module(tasks=tuple(TASKS[index] for index in order))
    state = ctal.state_dict()
    state["fusion_weights"] = state["fusion_weights"][:, order]
    swapped.load_state_dict(state)
    inputs = features()
    with torch.inference_mode():
        before = ctal(inputs)[0]
        after = swapped({TASKS[index]: inputs[TASKS[index]] for index in order})[0]
    for task in TASKS:
        torch.testing.assert_close(after[task], before[task])


def test_a_row_of_g_follows_from_the_same_row_of_every_affinity():
    ctal, inputs = module(), features()
    with torch.inference_mode():
        projected = {task: feature[0] for task, feature in ctal.projected(inputs).items()}
        found = affinities(projected)
        whole = fused(found, ctal.fusion_weights, ctal.fusion_bias, GRID)
        others = torch.randn_like(found)
        others[:, 11] = found[:, 11]
        changed = fused(others, ctal.fusion_weights, ctal.fusion_bias, GRID)
    torch.testing.assert_close(changed[11], whole[11])
    assert not torch.isclose(changed[12], whole[12]).any()


def test_no_content_crosses_between_tasks():
    ctal, inputs = module(), features()
    with torch.inference_mode():
        before = ctal.core(ctal.projected(inputs))
        for parameter in ctal.values["depth"].parameters():
            parameter.mul_(-3)
        after = ctal.core(ctal.projected(inputs))
    assert torch.equal(after["semseg"], before["semseg"])
    assert torch.equal(after["normals"], before["normals"])
    assert not torch.allclose(after["depth"], before["depth"])


def test_another_task_changes_where_a_task_looks():
    ctal, inputs = module(), features()
    other = {**inputs, "depth": features(seed=2)["depth"]}
    alone = module(fusion="per_task", own_task=True)
    with torch.inference_mode():
        assert not torch.allclose(ctal(inputs)[0]["semseg"], ctal(other)[0]["semseg"])
        assert torch.equal(alone(inputs)[0]["semseg"], alone(other)[0]["semseg"])


@pytest.mark.parametrize(
    ("edit", "same_as"),
    [({"silenced": ("depth",)}, "depth"), ({"silenced": TASKS}, "all")],
    ids=str,
)
def test_nobody_looks_at_a_silenced_task(edit, same_as):
    ctal, without = module(), module()
    gone = list(range(3)) if same_as == "all" else [TASKS.index(same_as)]
    without.fusion_weights.data[:, gone] = 0
    with torch.inference_mode():
        out, trace, _ = ctal(features(), capture=INTERACTION, edit=Edit(**edit))
        torch.testing.assert_close(joined(out), joined(without(features())[0]))
    assert not trace.weights[:, :, gone].any()


def test_a_muted_token_keeps_its_features_and_a_moved_one_receives_anothers():
    ctal, token, other = module(), COUNT + 4, COUNT + 9  # both of depth
    with torch.inference_mode():
        _, before, _ = ctal(features(), capture=INTERACTION)
        _, after, _ = ctal(features(), capture=INTERACTION, edit=Edit(muted=(token,), moved=((3, other),)))
    torch.testing.assert_close(after.diffused[1, 4], before.projected[1, 4])
    torch.testing.assert_close(after.attended[1, 9], before.attended[0, 3])
    left = [position for position in range(COUNT) if position not in (4, 9)]
    torch.testing.assert_close(after.attended[1, left], before.attended[1, left])


def test_one_image_does_not_depend_on_the_others_of_its_batch():
    ctal, inputs = module(computation="linear"), features(batch=3)
    with torch.inference_mode():
        together = ctal(inputs)[0]
        alone = ctal({task: feature[1:2] for task, feature in inputs.items()})[0]
    for task in TASKS:
        torch.testing.assert_close(together[task][1:2], alone[task])
