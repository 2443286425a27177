"""What the app relies on in an adapter: the example keeps it all, and each broken promise fails its own check."""

import re
from pathlib import Path
from typing import ClassVar

import pytest

from mtlviz.adapters.checks import CHECKS, check_adapter
from mtlviz.adapters.sources import load_adapter
from tests.adapters import broken

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "task_exchange_adapter.py"

BREAKS = {
    broken.WrongShape: ("shapes", r"depth has shape \(1, 1, 16, 24\) .* expected floats of \(1, 1, 32, 48\)"),
    broken.MissingTask: ("shapes", "run gave semseg, the card names depth, normals, semseg"),
    broken.Nan: ("ranges", "semseg holds [0-9]+ values that are NaN"),
    broken.BehindTheCamera: ("ranges", "depth goes down to .*softplus or exp"),
    broken.LongNormals: ("ranges", "normals has lengths off 1 by 1"),
    broken.Random: ("determinism", "differ in semseg; put the network into eval"),
    broken.Hooked: ("hooks", "a hook on the network behind; remove hooks"),
    broken.Remembering: ("hooks", "the tensor 'last' on the network behind"),
    broken.Detached: ("gradients", r"no gradient of normals reaches the image; remove detach\(\)"),
    broken.Shared: ("threads", "keep what belongs to a pass in local variables"),
    broken.OddGrid: ("card", "a token grid of 5x6 does not divide an input of 32x48"),
    broken.TwiceTheSameTask: ("card", "name each task once"),
    broken.ClaimsAttention: ("trace", "claims a trace of attention, but run records NoneType"),
    broken.ClaimsFeatures: ("trace", "claims features, but run records none"),
    broken.ClaimsAnEdit: ("edits", "claims the edit 'residual', but nothing changes"),
    broken.OtherSize: ("prepare", r"became \(1, 3, 32, 40\) .* the card says \(1, 3, 32, 48\)"),
    broken.Raising: ("shapes", r"line [0-9]+ of broken\.py raised RuntimeError: the weights are on the moon"),
    broken.Leaving: ("shapes", r"line [0-9]+ of broken\.py raised SystemExit: 3"),
    broken.ChangesItsInput: ("hooks", "run changes the image that it is given; leave out in-place"),
    broken.Hoarding: ("hooks", "leaves the tensor 'kept' on the adapter behind"),
    broken.Seeding: ("hooks", "moves torch's own random numbers; draw from a torch.Generator"),
    broken.LooksAtTheBatch: ("batches", "semseg of an image changes with the image beside it"),
    broken.Probabilities: ("ranges", "semseg sums to 1 at every pixel, as after a softmax; give the logits"),
    broken.NoTrace: ("shapes", r"run gave a dict; return predictions by task and a Trace: \{...\}, Trace\(\)"),
    broken.OfNumpy: ("shapes", r"semseg is a ndarray, expected a torch\.Tensor of \(1, 17, 32, 48\)"),
    broken.Elsewhere: ("shapes", "semseg lies on meta, but the image on cpu"),
    broken.PreparesNothing: ("prepare", r"prepare gave a NoneType; give a Prepared\(image, mask, letterbox\)"),
}


def outcomes(adapter):
    return {one.name: one for one in check_adapter(adapter)}


@pytest.mark.parametrize("adapter", [broken.Small, broken.Training, lambda: load_adapter(f"{EXAMPLE}:TaskExchange")])
def test_an_adapter_that_keeps_its_promises_passes_every_check(adapter):
    found = outcomes(adapter())
    assert list(found) == list(CHECKS)
    assert {one.outcome for one in found.values()} == {"pass"}


@pytest.mark.parametrize("adapter", BREAKS)
def test_a_broken_promise_fails_its_own_check_with_a_sentence_that_helps(adapter):
    check, sentence = BREAKS[adapter]
    found = outcomes(adapter())
    assert [name for name, one in found.items() if one.outcome == "fail"] == [check]
    assert re.search(sentence, found[check].sentence), found[check].sentence
    assert "\n" not in found[check].sentence
    dependent = {name for name, (_, needs) in CHECKS.items() if check in needs}
    assert dependent <= {name for name, one in found.items() if one.outcome == "skip"}


def test_a_check_leaves_the_adapter_as_it_was():
    adapter = broken.Small()
    before = dict(vars(adapter)), dict(adapter.network.state_dict())
    outcomes(adapter)
    assert dict(vars(adapter)) == before[0]
    assert all(tensor is before[1][name] or bool((tensor == before[1][name]).all())
               for name, tensor in adapter.network.state_dict().items())  # fmt: skip


def test_no_gradients_are_asked_of_a_card_that_claims_none():
    class Quiet(broken.Detached):
        changes: ClassVar = {"capabilities": broken.ABLE.model_copy(update={"gradients": False})}

    assert outcomes(Quiet())["gradients"].outcome == "pass"
