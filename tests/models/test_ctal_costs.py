"""What CTAL costs, against the formulas of ctal.md 1.7 and PyTorch's own counter; what its trace holds."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mtlviz.analysis.diffusion import diffusion_ratio
from mtlviz.models.interactions import build_interaction
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.models.operations import operation_counts
from mtlviz.tasks import TASKS as ALL_TASKS
from mtlviz.trace import INTERACTION, AffinityTrace, Capture, Trace, to_arrays
from tests.models.ctal_modules import CHANNELS, COUNT, GRID, TASKS, features, module, padding
from tests.models.test_multitask import TINY, image

NYU = {"width": 256, "channels": 128, "grid": (72, 96), "tasks": 3}
CITYSCAPES = {"width": 256, "channels": 128, "grid": (32, 64), "tasks": 2}


def sized(width, channels, grid, tasks, **options):
    names = tuple(f"task{index}" for index in range(tasks))
    with torch.device("meta"):
        return build_interaction("ctal", width, names, {"grid": grid, "channels": channels, **options})


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("size", "split"),
    [
        (NYU, {"inputs": 0.099e6, "values": 0.443e6, "fusion": 0.194e6, "outputs": 0.641e6}),
        (CITYSCAPES, {"inputs": 0.066e6, "values": 0.295e6, "fusion": 0.039e6, "outputs": 0.427e6}),
    ],
    ids=["NYU", "Cityscapes"],
)
def test_parameters_are_those_of_the_released_code(size, split):
    ctal = sized(**size)
    tasks, width, channels, n = size["tasks"], size["width"], size["channels"], size["grid"][0] * size["grid"][1]
    parts = dict.fromkeys(split, 0)
    for name, parameter in ctal.named_parameters():
        parts[name.split(".")[0].split("_")[0]] += parameter.numel()
    assert parts == pytest.approx(split, abs=600)  # ctal.md 6.1 gives thousands
    convolutions = width * channels + channels + (9 * channels**2 + channels) + (13 * channels**2 + 4 * channels)
    assert parameters(ctal) == tasks * convolutions + (9 * tasks + 1) * n


def test_the_module_has_1375_thousand_parameters_at_nyu_size():
    assert round(parameters(sized(**NYU)) / 1e3) == 1375


def test_a_fusion_per_task_adds_what_the_figure_hides():
    assert parameters(sized(**NYU, fusion="per_task")) - parameters(sized(**NYU)) == 387_072
    assert parameters(sized(**CITYSCAPES, fusion="per_task")) - parameters(sized(**CITYSCAPES)) == 38_912


def test_tied_weights_are_nine_a_task_and_a_bias():
    assert parameters(sized(**NYU, tied=True)) - parameters(sized(**NYU, fusion="mean")) == 9 * 3 + 1


@pytest.mark.parametrize(("size", "dense"), [(NYU, 110.6e9), (CITYSCAPES, 11.3e9)], ids=["NYU", "Cityscapes"])
def test_operations_are_those_of_the_released_code(size, dense):
    tasks, width, channels, n = size["tasks"], size["width"], size["channels"], size["grid"][0] * size["grid"][1]
    counts = sized(**size).operations(n)
    square = channels**2
    inside = width * channels + 9 * square + 2 * channels * n + 40 * square
    assert counts["dense"] == n * (tasks * inside + 9 * tasks * n)
    assert 2 * counts["dense"] == pytest.approx(dense, rel=0.005)
    linear = counts["dense"] - 2 * tasks * channels * n**2 - 9 * tasks * n**2 + 18 * tasks**2 * square * n
    assert counts["linear"] == linear
    assert counts["used"] == min(counts["dense"], counts["linear"])


@pytest.mark.parametrize("computation", ["dense", "linear"])
@pytest.mark.parametrize(
    "options",
    [{}, {"fusion": "per_task"}, {"fusion": "mean"}, {"tied": True}, {"similarity": "learned"}],
    ids=str,
)
def test_operations_are_those_that_run(options, computation):
    grid = (4, 6)
    ctal = module(grid=grid, computation=computation, **options)
    inputs = {task: feature[..., : grid[0], : grid[1]] for task, feature in features().items()}
    with FlopCounterMode(display=False) as counter:  # with gradients: it does not know what works in place
        ctal(inputs)
    assert ctal.operations(grid[0] * grid[1])["used"] == counter.get_total_flops() // 2


def test_variants_that_need_the_matrix_count_no_other_computation():
    counts = sized(**NYU, similarity="rbf").operations(100)
    assert set(counts) == {"used", "dense"}


@pytest.mark.parametrize(
    ("size", "options", "chosen"),
    [
        (NYU, {}, "linear"),
        (NYU, {"computation": "dense"}, "dense"),
        (NYU, {"top": 9}, "dense"),
        ({"width": 64, "channels": 64, "grid": (16, 20), "tasks": 4}, {}, "dense"),
    ],
    ids=str,
)
def test_the_cheaper_computation_is_chosen_by_the_number_of_positions(size, options, chosen):
    n = size["grid"][0] * size["grid"][1]
    assert sized(**size, **options).computation(n) == chosen


def test_the_linear_computation_pays_from_nine_channels_times_tasks_positions_on():
    ctal = sized(**NYU, tied=True)
    break_even = 9 * 3 * 128
    assert ctal.computation(int(0.95 * break_even)) == "dense"
    assert ctal.computation(int(1.05 * break_even)) == "linear"


def matrix(trace):
    """(G, n, n) from the trace alone, entry by entry."""
    units, weights, bias = (part.detach().numpy() for part in (trace.units, trace.weights, trace.bias))
    affinity = units @ units.transpose(0, 2, 1)
    rows, columns = trace.layout.grid
    fused = np.repeat(bias[:, :, None], rows * columns, 2)
    for group, query, key in np.ndindex(fused.shape):
        for down, right in np.ndindex(3, 3):
            row, column = key // columns + down - 1, key % columns + right - 1
            if 0 <= row < rows and 0 <= column < columns:
                fused[group, query, key] += (
                    weights[group, query, :, down, right] @ affinity[:, query, row * columns + column]
                )
    return fused


@pytest.mark.parametrize("options", [{}, {"fusion": "per_task"}, {"fusion": "mean"}, {"tied": True}], ids=str)
@pytest.mark.parametrize("mask", [None, padding()], ids=["whole", "letterboxed"])
def test_the_trace_holds_all_that_g_follows_from(options, mask):
    ctal = module(**options)
    with torch.inference_mode():
        out, trace, _ = ctal(features(), mask=mask, capture=INTERACTION)
        arrays = to_arrays(trace)
        shown = {
            task: ctal.outputs[task](trace.diffused[index].T.reshape(1, CHANNELS, *GRID))
            for index, task in enumerate(TASKS)
        }
    assert isinstance(arrays.units, np.ndarray)
    assert arrays.weights.shape == (3 if options == {"fusion": "per_task"} else 1, COUNT, 3, 3, 3)
    for index in range(3):
        expected = matrix(trace)[index % len(trace.bias)] @ trace.values[index].numpy()
        np.testing.assert_allclose(trace.attended[index].numpy(), expected, rtol=1e-10, atol=1e-12)
    for task in TASKS:
        torch.testing.assert_close(out[task], shown[task])
    assert arrays.written.shape == (3 * COUNT, CHANNELS)
    assert arrays.residual == arrays.gamma == 0.05


def test_what_is_compared_are_the_unit_features():
    ctal = module(similarity="learned")
    with torch.inference_mode():
        compared = ctal.compared(features())
        _, trace, _ = ctal(features(), capture=INTERACTION)
    for index, task in enumerate(TASKS):
        torch.testing.assert_close(compared[task][0].flatten(1).T, trace.units[index])
        torch.testing.assert_close(compared[task].norm(dim=1), torch.ones(1, *GRID, dtype=torch.float64))


def network(**options):
    torch.manual_seed(0)
    tasks = [ALL_TASKS[name] for name in TASKS]
    config = NetworkConfig(
        encoder=TINY, width=8, decoder_widths=(8, 8), interaction="ctal", options={"grid": (8, 12), **options}
    )
    return MultiTaskNetwork(config, tasks).eval()


@pytest.mark.parametrize("channels", [None, 12])
def test_decoders_take_twice_the_resolution_and_another_width(channels):
    ctal = network(channels=channels)
    with torch.inference_mode():
        outputs, trace, _ = ctal(image(), capture=Capture(features=True))
    assert outputs["semseg"].shape[-2:] == (64, 96)
    assert trace.features.grids["task_encoder"] == (8, 12)
    assert trace.features.grids["interaction_output"] == (16, 24)
    assert trace.features.places["interaction_output"].shape == (3, 16 * 24, channels or 8)


def test_the_cost_of_the_decoders_is_counted_at_the_stride_that_they_work_at():
    ctal = network()
    decoder = 16 * 24 * (9 * 8 * 8 + 8 * 8 + 9 * 8 * 8)
    heads = sum(16 * 24 * 8 * 4 * ALL_TASKS[name].channels for name in TASKS)
    assert operation_counts(ctal, (64, 96))["decoders"] == 3 * decoder + heads


def test_affinities_stay_in_full_precision_under_autocast():
    ctal, inputs = module(torch.float32), features(dtype=torch.float32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        _, trace, _ = ctal(inputs, capture=INTERACTION)
    assert trace.units.dtype == trace.attended.dtype == torch.float32
    torch.testing.assert_close(trace.units.norm(dim=-1), torch.ones(3, COUNT))


@pytest.mark.parametrize(("grid", "measured"), [((16, 16), 0.72), ((32, 64), 6.8)], ids=str)
def test_what_is_diffused_grows_with_the_number_of_positions(grid, measured):
    names = ("one", "two")
    ratios = []
    for seed in range(3):
        torch.manual_seed(seed)
        ctal = build_interaction("ctal", 256, names, {"grid": grid, "channels": 128, "computation": "linear"})
        inputs = {name: torch.randn(1, 256, *grid).relu() for name in names}
        with torch.inference_mode():
            ratios.append(diffusion_ratio(ctal(inputs, capture=INTERACTION)[1]))
    assert np.mean(ratios) == pytest.approx(measured, rel=0.3)  # ctal.md 1.8.5, other random numbers


def test_the_ratio_of_the_diffused_counts_tokens_of_the_image_only():
    with torch.inference_mode():
        _, trace, _ = module()(features(), mask=padding(), capture=INTERACTION)
    inside = padding()[0]
    y, f = trace.attended[:, inside], trace.projected[:, inside]
    assert diffusion_ratio(to_arrays(trace)) == pytest.approx(
        float(0.05 * y.square().mean().sqrt() / (0.95 * f.square().mean().sqrt())), rel=1e-5
    )


def test_a_trace_with_affinities_becomes_arrays_as_a_whole():
    with torch.inference_mode():
        _, trace, _ = module()(features(), mask=padding(), capture=INTERACTION)
    arrays = to_arrays(Trace(trace)).interaction
    assert isinstance(arrays, AffinityTrace)
    assert arrays.layout.valid.dtype == bool
    assert arrays.units.dtype == np.float32
