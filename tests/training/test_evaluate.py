import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from mtlviz.data import geometry
from mtlviz.data.rooms import Rooms, class_frequencies
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.errors import DataError
from mtlviz.metrics import build_meter
from mtlviz.tasks import IGNORE, TASKS
from mtlviz.trace import FeatureTrace, SlotTrace, TokenLayout, Trace
from mtlviz.training import build_network, evaluate_network, evaluate_training, train
from mtlviz.training.config import IMAGENET_MEAN, IMAGENET_STD
from mtlviz.training.data import First, join, normalised, to_batch
from mtlviz.training.evaluate import fit_constants
from mtlviz.training.losses import task_loss
from mtlviz.training.scoring import Conventions, resized_output
from mtlviz.training.sharing import _of_one_image, sharing_statistics
from tests.models.literal_kem import literal_kem
from tests.training.tiny import tiny_config


@pytest.fixture(scope="module")
def network(rooms):
    return build_network(tiny_config(rooms)).eval()


@pytest.fixture(scope="module")
def val(rooms):
    return Rooms(rooms / "val")


def test_evaluation_does_not_depend_on_the_size_of_batches(rooms, network, val):
    tasks = tiny_config(rooms).task_list()
    one, two = (evaluate_network(network, val, tasks, batch=batch) for batch in (1, 4))
    for task in one["tasks"]:
        assert one["tasks"][task]["metrics"] == pytest.approx(two["tasks"][task]["metrics"], rel=1e-3)


def test_switched_off_metrics_are_those_of_a_zero_residual(rooms, network, val):
    result = evaluate_network(network, val, tiny_config(rooms).task_list())
    batch = join([to_batch(val[index], ["depth"]) for index in range(len(val))])
    meter = build_meter(TASKS["depth"])
    with torch.inference_mode():
        outputs, _, _ = network(normalised(batch, IMAGENET_MEAN, IMAGENET_STD), edit=Edit(residual=0.0))
    meter.update(outputs["depth"], batch.labels["depth"], batch.valid["depth"])
    assert result["interaction_off"]["depth"] == pytest.approx(meter.compute(), rel=1e-4)
    assert result["interaction_off"]["depth"] != result["tasks"]["depth"]["metrics"]


def test_a_result_says_what_it_is(rooms, network, val):
    seen = []
    result = evaluate_network(network, val, tiny_config(rooms).task_list(), progress=lambda *count: seen.append(count))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert (result["images"], result["size"]) == (5, [32, 64])
    for name, entry in result["tasks"].items():
        assert entry["headline"] in entry["metrics"], name
        assert entry["constant"].keys() == entry["metrics"].keys()
        assert entry["protocol"]
    frequencies = [entry["frequency"] for entry in result["tasks"]["semseg"]["classes"].values()]
    np.testing.assert_allclose(frequencies, class_frequencies(val[index] for index in range(len(val))), atol=1e-6)
    assert seen[-1] == (5, 5)
    assert not network.training


def test_without_interaction_there_is_nothing_to_switch_off(rooms, val):
    config = tiny_config(rooms, network={"interaction": "none", "options": {}})
    result = evaluate_network(build_network(config), val, config.task_list())
    assert not {"interaction_off", "sharing"} & set(result)


def test_a_training_is_scored_beside_constants_of_its_training_images(rooms, tmp_path):
    config = tiny_config(rooms, budget=8)
    result = evaluate_training(config, train(config, tmp_path), limit=3)
    training = Rooms(rooms / "train")
    mean = np.mean([training[index].labels["depth"] for index in range(len(training))])
    errors = [Rooms(rooms / "val")[index].labels["depth"] - mean for index in range(3)]
    assert result["tasks"]["depth"]["constant"]["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), 1e-4)
    assert result["constants_from"] == str(rooms / "train")


def test_an_evaluation_needs_held_out_rooms(rooms, tmp_path):
    config = tiny_config(rooms, data={"val": None})
    with pytest.raises(DataError, match=r"names no data\.val"):
        evaluate_training(config, tmp_path / "weights.safetensors")


def test_constants_are_fitted_on_every_label(rooms, val):
    fits = {fit.task.name: fit for fit in fit_constants(First(val, 5), tiny_config(rooms).task_list(), batch=2)}
    assert fits["depth"].count == 5 * 32 * 64
    assert float(fits["edge"].sums[0]) == sum(val[index].labels["edge"].sum() for index in range(5))


def test_constants_are_fitted_on_what_counts(rooms, val):
    limits = Conventions(depth={"closest": 2.0, "cap": 4.0})
    fit = fit_constants(val, [TASKS["depth"]], limits)[0]
    depth = np.concatenate([val[index].labels["depth"].ravel() for index in range(len(val))])
    assert float(fit.output()) == pytest.approx(depth[(depth > 2) & (depth < 4)].mean(), rel=1e-5)


def test_limits_of_depth_are_named_in_the_protocol_and_take_the_place_of_the_family_s(rooms, network, val):
    asked = {"closest": 1.0, "cap": 4.0, "median_scaling": True}
    result = evaluate_network(
        network, val, tiny_config(rooms).task_list(), protocol="mtformer", depth=asked, switched_off=False
    )
    line = result["tasks"]["depth"]["protocol"]
    assert line.startswith("mtformer with other limits of depth: RMSE in metres")
    assert "pixels at 4.0 m or more left out, pixels at 1.0 m or less left out, scaled to the true median" in line
    assert result["tasks"]["semseg"]["protocol"].startswith("mtformer: ")


def test_large_images_come_in_smaller_batches_with_the_same_result(rooms, network, val, monkeypatch):
    tasks = tiny_config(rooms).task_list()
    whole = evaluate_network(network, val, tasks, switched_off=False)["tasks"]["depth"]["metrics"]
    monkeypatch.setattr("mtlviz.training.evaluate.PIXELS", 32 * 64)
    alone = evaluate_network(network, val, tasks, switched_off=False)["tasks"]["depth"]["metrics"]
    assert alone == pytest.approx(whole, rel=1e-4)


def test_padding_of_a_task_of_one_s_own_counts_nowhere(rng):
    crack = replace(TASKS["saliency"], name="crack")
    label = (rng.random((20, 30)) > 0.7).astype(np.uint8)
    alone = Sample(rng.integers(0, 255, (20, 30, 3), np.uint8), "wall", {"crack": label})
    padded = geometry.pad(alone, (32, 64))
    assert set(np.unique(padded.labels["crack"])) == {0, 1, IGNORE}  # a name that no geometry rule knows
    found = []
    for sample, logits in ((alone, torch.randn(1, 1, 20, 30)), (padded, torch.randn(1, 1, 32, 64))):
        inside = sample.labels["crack"] != IGNORE
        logits[0, 0, inside] = torch.linspace(-3, 3, 600)[torch.from_numpy(np.argsort(label.ravel(), kind="stable"))]
        batch, meter = to_batch(sample, ["crack"]), build_meter(crack)
        assert int(batch.valid["crack"].sum()) == label.size
        meter.update(logits, batch.labels["crack"], batch.valid["crack"])
        loss = task_loss(crack)(logits, batch.labels["crack"], batch.valid["crack"])
        fit = fit_constants([sample], [crack])[0]
        found.append({**meter.compute(), "loss": float(loss), "prior": float(fit.output())})
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_edges_are_matched_alike_in_one_and_in_two_processes(rooms, network, val, monkeypatch):
    monkeypatch.setattr("mtlviz.training.evaluate.EACH", 1)
    tasks = [task for task in tiny_config(rooms).task_list() if task.name == "edge"]
    one, two = (
        evaluate_network(network, val, tasks, protocol="vandenhende", switched_off=False, workers=workers)["tasks"]
        for workers in (1, 2)
    )
    assert one == two
    assert one["edge"]["headline"] == "ods_f"


def test_without_constants_there_are_none_in_the_result(rooms, network, val):
    result = evaluate_network(network, val, tiny_config(rooms).task_list(), constants=(), switched_off=False)
    assert result["tasks"]["depth"]["constant"] == {}


def slot_trace(write: torch.Tensor, written: torch.Tensor) -> Trace:
    layout = TokenLayout(("semseg", "depth"), (1, len(write) // 2))
    slots = write.shape[1]
    unused = torch.zeros(slots, 3)
    weights = torch.full((slots, 2), 0.5)
    record = SlotTrace(
        layout, torch.zeros(slots, len(write)), weights.long(), weights, write, unused, unused, written, 0.5
    )
    places = {"task_encoder": torch.ones_like(written)[None], "interaction_output": written[None]}
    return Trace(record, FeatureTrace(layout, places, dict.fromkeys(places, layout.grid)))


def test_uniform_reading_has_entropy_one_and_equal_writes_no_variation():
    statistics = _of_one_image(slot_trace(torch.full((4, 5), 0.2), torch.ones(4, 3)))
    assert statistics["read_entropy"] == pytest.approx(1)
    assert statistics["slots_read"] == pytest.approx(5)
    assert statistics["retrieve_entropy"] == pytest.approx(1)
    assert statistics["written_variance"] == statistics["written_variation"] == 0
    assert statistics["written_size"] == pytest.approx(0.5)


def test_sharp_reading_of_two_slots_has_entropy_zero():
    write = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]])
    written = torch.tensor([[1.0], [1], [-1], [-1]])
    statistics = _of_one_image(slot_trace(write, written))
    assert statistics["read_entropy"] == 0
    assert statistics["slots_read"] == pytest.approx(2)
    assert statistics["written_variance"] == statistics["written_variation"] == pytest.approx(1)


def literal_attention(module, tokens: torch.Tensor, tasks: int) -> dict[str, torch.Tensor]:
    """Cross-attention token by token: what every token reads of all other tasks, and what is written to it."""
    per_task = len(tokens) // tasks
    rows, written = [], []
    for index, token in enumerate(tokens):
        others = torch.cat([part for task, part in enumerate(tokens.split(per_task)) if task != index // per_task])
        scores = (others @ module.key.weight.T) @ (module.query.weight @ token) / len(token) ** 0.5
        rows.append(scores.softmax(0))
        written.append(module.output.weight @ (module.value.weight @ (rows[-1] @ others)))
    return {"write": torch.stack(rows), "written": torch.stack(written)}


SHARPER = {"kem": 30.0, "cross_attention": 300.0}
"""Factors that make the tiny network's tokens choose."""


@pytest.mark.parametrize("interaction", SHARPER)
def test_statistics_of_a_network_are_those_of_the_literal_equations(rooms, val, interaction):
    network = build_network(tiny_config(rooms, network={"interaction": interaction, "options": {}})).eval()
    with torch.no_grad():
        for parameter in network.interaction.parameters():
            parameter.mul_(SHARPER[interaction])  # away from the even reading of the start
    statistics = sharing_statistics(network, val, 2, IMAGENET_MEAN, IMAGENET_STD)
    expected = []
    for index in range(2):
        image = normalised(to_batch(val[index], ()), IMAGENET_MEAN, IMAGENET_STD)
        with torch.inference_mode():
            shared, _ = network.encoder(image)
            features = [encoder(shared)[0].flatten(1).T for encoder in network.task_encoders.values()]
            tokens, module = torch.cat(features).double(), network.interaction.double()
            literal = literal_kem(module, tokens) if interaction == "kem" else literal_attention(module, tokens, 4)
            network.float()
        written = literal["written"].numpy()
        between = ((written - written.mean(0)) ** 2).mean()
        row = {
            "read_entropy": np.mean([scipy.stats.entropy(row) / np.log(len(row)) for row in literal["write"].numpy()]),
            "written_variance": between,
            "written_variation": between / (written**2).mean(),
            "written_size": np.linalg.norm(written) / np.linalg.norm(tokens.numpy()),
        }
        if interaction == "kem":
            picked = [row[row > 0] for row in literal["retrieve"].numpy()]
            row["retrieve_entropy"] = np.mean([scipy.stats.entropy(weights) / np.log(3) for weights in picked])
            row["slots_read"] = np.exp(scipy.stats.entropy(literal["write"].numpy().mean(0)))
        expected.append(row)
    assert statistics.pop("images") == 2
    means = {name: np.mean([row[name] for row in expected]) for name in expected[0]}
    assert 0.05 < means["read_entropy"] < 0.95
    assert statistics == pytest.approx(means, rel=1e-4)


def test_predictions_are_brought_to_the_labels_size_as_saved_ones_are():
    logits = torch.randn(1, 3, 2, 3, generator=torch.Generator().manual_seed(0))
    large = resized_output(logits, "classes", (4, 6))
    assert torch.equal(large.argmax(1), logits.argmax(1).repeat_interleave(2, 1).repeat_interleave(2, 2))
    edge = torch.tensor([0.2, 0.6]).logit().view(1, 1, 1, 2)
    halves = resized_output(edge, "binary", (1, 4)).sigmoid().flatten()
    torch.testing.assert_close(halves, torch.tensor([0.2, 0.3, 0.5, 0.6]))
    normals = torch.nn.functional.normalize(torch.randn(1, 3, 4, 4), dim=1)
    torch.testing.assert_close(resized_output(normals, "normals", (7, 9)).norm(dim=1), torch.ones(1, 7, 9))
    assert resized_output(normals, "normals", (4, 4)) is normals


def test_images_of_two_sizes_are_scored_at_their_own(rooms, network, val):
    tasks = tiny_config(rooms).task_list()
    mixed = [val[0], geometry.crop(val[1], 0, 0, (32, 48)), geometry.crop(val[2], 0, 0, (32, 48))]
    result = evaluate_network(network, mixed, tasks, size=(32, 64), switched_off=False)
    assert (result["size"], result["scored"]) == ([32, 64], "at the size of the labels")
    squares = []
    for sample in mixed:
        image = normalised(to_batch(geometry.resize(sample, (32, 64)), ()), IMAGENET_MEAN, IMAGENET_STD)
        with torch.inference_mode():
            depth = resized_output(network(image)[0]["depth"], "depth", sample.size)[0, 0].numpy()
        squares.append((depth - sample.labels["depth"]) ** 2)
    expected = np.sqrt(np.concatenate([one.ravel() for one in squares]).mean())
    assert result["tasks"]["depth"]["metrics"]["rmse"] == pytest.approx(expected, rel=1e-4)
