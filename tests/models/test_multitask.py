"""The whole network: shapes, quantities, masks, costs."""

import pytest
import torch

from mtlviz.edits import Edit
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.interactions import REGISTRY
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts, token_mask
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS
from mtlviz.trace import INTERACTION, PLACES, Capture, SlotTrace, to_arrays

NYUD = tuple(TASKS[name] for name in ("semseg", "depth", "normals", "edge"))
TINY = EncoderConfig(widths=(8, 8, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)


def tiny(interaction="kem", tasks=NYUD, **options):
    torch.manual_seed(0)
    options = {"grid": (8, 12), **options} if interaction == "ctal" else options
    return MultiTaskNetwork(
        NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction=interaction, options=options),
        tasks,
    ).eval()


def image(batch=1, size=(64, 96)):
    return torch.randn(batch, 3, *size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("interaction", sorted(REGISTRY))
def test_every_task_is_predicted_at_input_resolution_in_its_quantity(interaction):
    outputs, _, _ = tiny(interaction, tuple(TASKS.values()))(image(batch=2))
    assert {task: tuple(out.shape) for task, out in outputs.items()} == {
        name: (2, task.channels, 64, 96) for name, task in TASKS.items()
    }
    assert (outputs["depth"] > 0).all()
    torch.testing.assert_close(outputs["normals"].norm(dim=1), torch.ones(2, 64, 96))


# CTAL's projections and output block stay when nothing is diffused; test_ctal has its own statement.
@pytest.mark.parametrize("interaction", sorted(set(REGISTRY) - {"none", "ctal"}))
def test_switching_the_interaction_off_equals_hard_sharing(interaction):
    network, shared = tiny(interaction), tiny("none")
    for parameter in network.interaction.parameters():  # some start as hard sharing
        torch.nn.init.normal_(parameter, std=0.3)
    shared.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith("interaction.")})
    off, _, _ = network(image(), edit=Edit(residual=0.0))
    without, _, _ = shared(image())
    on, _, _ = network(image())
    assert all(torch.equal(off[task], without[task]) for task in off)
    assert not torch.equal(on["depth"], without["depth"])


def test_capture_does_not_change_a_prediction_and_nothing_stays_on_the_network():
    network = tiny()
    before = {name: id(value) for name, value in vars(network.interaction).items()}
    plain, empty, _ = network(image())
    traced, trace, _ = network(image(), capture=Capture(features=True))
    assert all(torch.equal(plain[task], traced[task]) for task in plain)
    assert empty.interaction is None
    assert empty.features is None
    assert isinstance(trace.interaction, SlotTrace)
    assert trace.interaction.layout.tokens == 4 * 8 * 12
    torch.testing.assert_close(trace.features.after - trace.features.before, trace.interaction.written)
    assert {name: id(value) for name, value in vars(network.interaction).items()} == before
    assert all(not module._forward_hooks for module in network.modules())


def test_an_array_of_a_trace_is_no_memory_of_the_network():
    network = tiny()
    _, trace, _ = network(image(), capture=INTERACTION)
    before = network.interaction.memory.detach().clone()
    to_arrays(trace).interaction.memory_before[:] = 7
    assert torch.equal(network.interaction.memory, before)


def test_a_token_is_valid_where_it_covers_any_of_the_image():
    inside = torch.zeros(1, 32, 32, dtype=torch.bool)
    inside[:, 9:24] = True
    expected = torch.tensor([[False] * 4, [True] * 4, [True] * 4, [False] * 4])
    assert torch.equal(token_mask(inside).view(4, 4), expected)


def test_masked_tokens_are_in_no_slot():
    mask = torch.ones(1, 8, 12, dtype=torch.bool)
    mask[:, :3] = False
    _, trace, _ = tiny()(image(), mask=mask.flatten(1), capture=INTERACTION)
    rows = (trace.interaction.picks % 96) // 12
    assert (rows >= 3).all()


def test_parts_add_up_and_the_default_network_keeps_its_budgets():
    network = MultiTaskNetwork(NetworkConfig(), NYUD)
    counts, operations = parameter_counts(network), operation_counts(network.eval(), (128, 160))
    assert counts["total"] == sum(p.numel() for p in network.parameters())
    assert counts["encoder"] == pytest.approx(1e6, rel=0.1)
    assert operations["decoders"] <= operations["total"] / 3
    six = MultiTaskNetwork(NetworkConfig(), tuple(TASKS.values()))
    assert 4 * parameter_counts(six)["total"] < 6e6


def test_convolutions_are_counted_as_by_hand():
    counts = operation_counts(tiny("none", NYUD[1:2]), (32, 32))
    tokens, coarse = 4 * 4, 8 * 8
    decoder = tokens * 9 * 8 * 8 + coarse * (8 * 8 + 9 * 8 * 8 + 8 * 4)
    assert counts["decoders"] == decoder
    assert counts["task_encoders"] == tokens * (8 * 8 + 9 * 8 * 8)


def test_features_of_a_batch_are_what_a_trace_of_each_image_records():
    network = tiny()
    images = torch.cat([image(), image().flip(3)])
    with torch.inference_mode():
        outputs, places = network.features(images)
        for index in range(2):
            alone, trace, _ = network(images[index : index + 1], capture=Capture(features=True))
            torch.testing.assert_close(outputs["depth"][index : index + 1], alone["depth"])
            for place, record in trace.features.places.items():
                rows = torch.stack([feature[index].flatten(1).T for feature in places[place].values()])
                torch.testing.assert_close(rows, record)
                assert record.shape[1] == trace.features.grids[place][0] * trace.features.grids[place][1]
    assert tuple(places) == PLACES


def test_the_classifier_gives_the_mean_logit_of_the_pixels_that_a_position_predicts():
    network = tiny()
    with torch.inference_mode():
        _, places = network.features(image())
        features = places["decoder"]["semseg"]
        weight, bias = network.decoder("semseg").classifier()
        size = (2 * features.shape[-2], 2 * features.shape[-1])
        pixels = network.decoder("semseg").predict(features, size)
        blocks = torch.nn.functional.avg_pool2d(pixels, 2)
        torch.testing.assert_close(torch.einsum("ce,behw->bchw", weight, features) + bias[:, None, None], blocks)
