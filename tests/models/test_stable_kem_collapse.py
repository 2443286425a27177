"""Stable KEM's rung ``collapse``: a vertex a class, the loss that pulls its tokens there, and what that is for."""

import math

import pytest
import torch
from torch.nn import functional

from mtlviz.errors import OptionError
from mtlviz.models.interactions import build_interaction
from mtlviz.models.interactions.base import from_tokens
from mtlviz.models.interactions.collapse_loss import centre_loss, dot_regression_loss
from mtlviz.tasks import IGNORE
from mtlviz.trace import INTERACTION
from tests.models.stable_kems import (
    CLASSES,
    COLLAPSE,
    PER_TASK,
    RUNGS,
    SLOTS,
    TASKS,
    TOKENS,
    WIDTH,
    built,
    compared,
    features,
    labels,
    stable,
)


def at_vertices(task="semseg"):
    """A module without maps of its own, tokens and slots that sit on the vertices of a task, and their classes."""
    module = stable(**COLLAPSE)
    module.projection_norm = module.memory_norm = torch.nn.Identity()
    for linear in (module.project, module.retrieve_query, module.retrieve_value):
        linear.weight.copy_(torch.eye(WIDTH))
    vertices = module.task_frame(task).T  # (C, D)
    classes = torch.arange(TOKENS) % len(vertices)
    tokens = vertices[classes] * torch.linspace(0.5, 2, TOKENS, dtype=torch.float64)[:, None]
    module.memory.copy_(vertices.repeat(2, 1)[:SLOTS])
    return module, from_tokens(tokens[None], features()), classes, torch.arange(SLOTS) % len(vertices)


@pytest.mark.parametrize("task", sorted(CLASSES))
def test_under_exact_collapse_the_gap_between_classes_is_constant(task):
    module, inputs, classes, wanted = at_vertices(task)
    _, trace, _ = module(inputs, capture=INTERACTION)
    scale, count = float(module.log_temperature[0].exp()), CLASSES[task]
    own = wanted[:, None] == classes
    gap = scale - trace.logits[~own]
    torch.testing.assert_close(trace.logits[own], torch.full_like(trace.logits[own], scale), rtol=0, atol=1e-5)
    torch.testing.assert_close(gap, torch.full_like(gap, scale * count / (count - 1)), rtol=0, atol=1e-5)
    assert torch.equal(classes[trace.picks], wanted[:, None].expand(-1, 3))


def test_noise_below_half_the_gap_does_not_change_the_class_that_a_slot_selects():
    module, inputs, classes, wanted = at_vertices()
    h = compared(module, inputs)
    noise = functional.normalize(torch.randn(h.shape, generator=torch.Generator().manual_seed(0)).double(), dim=-1)
    moved = functional.normalize(h + 0.5 * noise, dim=-1)
    # A vector moves its cosines by no more than it moves itself; half the gap is 0.5 * 5 / 4.
    assert (moved - h).norm(dim=1).max() < 0.625
    _, trace, _ = module(from_tokens(moved[None], features()), capture=INTERACTION)
    assert torch.equal(classes[trace.picks], wanted[:, None].expand(-1, 3))


def test_frames_of_tasks_are_orthogonal_and_belong_to_their_classes():
    module = built(**COLLAPSE)
    first, second = module.task_frame("semseg"), module.task_frame("human_parts")
    assert module.frame_tasks == CLASSES
    assert (first.shape[1], second.shape[1]) == (5, 4)
    torch.testing.assert_close(first.T @ second, torch.zeros(5, 4), rtol=0, atol=1e-6)
    torch.testing.assert_close(first.T @ first, (5 * torch.eye(5) - 1) / 4, rtol=0, atol=1e-6)
    assert torch.equal(torch.cat([first, second], 1), module.frame)


@pytest.mark.parametrize(
    ("options", "loss"),
    [({}, lambda h, c, w: centre_loss(h, c, w, 5.0)), ({"logit_scale": 2.0}, lambda h, c, w: centre_loss(h, c, w, 2.0)),
     ({"collapse_loss": "dot_regression"}, dot_regression_loss),
     ({"collapse_loss": "dot_regression", "class_lengths": True}, lambda h, c, w: dot_regression_loss(h, c, w, True))],
    ids=["centre", "centre, scale 2", "dot regression", "dot regression, class lengths"],
)  # fmt: skip
def test_the_loss_sums_over_tasks_with_classes_each_on_its_own_tokens(options, loss):
    module, inputs, known = stable(**COLLAPSE, **options), features(batch=3), labels(batch=3)
    assert module.auxiliary == ("collapse",)
    assert module(inputs)[2] == {}
    auxiliary = module(inputs, labels=known)[2]
    h = module.compared(inputs)
    terms = [
        loss(h[task].permute(0, 2, 3, 1).flatten(0, 2), known[task].flatten(), module.task_frame(task))
        for task in CLASSES
    ]
    torch.testing.assert_close(auxiliary, {"collapse": sum(terms)})
    changed = {**inputs, "depth": inputs["depth"] + 1}
    torch.testing.assert_close(module(changed, labels=known)[2], auxiliary)


def test_a_collapsed_batch_has_the_least_loss():
    module, inputs, classes, _ = at_vertices("semseg")
    parts = torch.full((1, PER_TASK), IGNORE)
    auxiliary = module(inputs, labels={"semseg": classes[None, :PER_TASK], "human_parts": parts})[2]
    assert float(auxiliary["collapse"]) == pytest.approx(math.log(1 + 4 * math.exp(-5 * 5 / 4)), abs=1e-5)


def test_labels_do_not_change_what_is_shared_and_other_rungs_have_no_loss():
    for options in RUNGS:
        module, inputs = stable(**options), features()
        plain, labelled = module(inputs), module(inputs, labels=labels())
        assert all(torch.equal(plain[0][task], labelled[0][task]) for task in TASKS)
        assert tuple(labelled[2]) == module.auxiliary == (("collapse",) if options == COLLAPSE else ())


def test_collapse_is_refused_without_classes_or_without_room_for_them():
    with pytest.raises(OptionError, match="needs a task with classes"):
        build_interaction("stable_kem", WIDTH, ("depth",), COLLAPSE)
    with pytest.raises(OptionError, match=r"5 \+ 4 classes need a width of at least 9; got 8"):
        build_interaction("stable_kem", 8, TASKS, COLLAPSE, CLASSES)
