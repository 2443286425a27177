"""CTAL's options: padding, the forms of an affinity, weights on any grid, and what does not go together."""

import pytest
import torch

from mtlviz.errors import OptionError
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
)


@pytest.mark.parametrize("options", [*BOTH[:-1], {"similarity": "rbf"}, {"softmax": True}, {"top": 4}], ids=str)
def test_padding_is_nobodys_key(options):
    ctal, inputs, mask = module(**options), features(), padding()
    for convolution in ctal.values.values():  # else values beside the padding see it
        kept = convolution.weight.detach()[:, :, 1:2, 1:2].clone()
        convolution.weight.data.zero_()[:, :, 1:2, 1:2] = kept
    inside = mask.view(GRID)
    changed = {task: torch.where(inside, feature, 7 * feature.flip(1)) for task, feature in inputs.items()}
    with torch.inference_mode():
        one, other = (ctal.core(ctal.projected(given), mask) for given in (inputs, changed))
        without = ctal.core(ctal.projected(changed))
    for task in TASKS:
        torch.testing.assert_close(other[task][..., inside], one[task][..., inside])
        assert not torch.allclose(without[task][..., inside], one[task][..., inside])


def test_a_row_softmax_gives_a_mean_of_values():
    ctal, mask = module(softmax=True), padding()
    for convolution in ctal.values.values():
        convolution.weight.data.zero_()
    with torch.inference_mode():
        _, trace, _ = ctal(features(), mask=mask, capture=INTERACTION)
    expected = torch.stack([convolution.bias for convolution in ctal.values.values()])
    torch.testing.assert_close(trace.attended, expected[:, None].expand(-1, COUNT, -1))


def test_one_kept_entry_is_the_position_itself():
    ctal = module(fusion="mean", top=1)
    with torch.inference_mode():
        _, trace, _ = ctal(features(), capture=INTERACTION)
    torch.testing.assert_close(trace.attended, trace.values)


def test_more_kept_entries_than_positions_keep_all():
    whole, kept = module(), module(top=COUNT + 5)
    with torch.inference_mode():
        torch.testing.assert_close(joined(kept(features())[0]), joined(whole(features())[0]))


def test_the_rbf_is_a_gaussian_of_the_distance_between_unit_features():
    ctal = module(fusion="mean", similarity="rbf", bandwidth=0.7)
    with torch.inference_mode():
        _, trace, _ = ctal(features(), capture=INTERACTION)
    distances = torch.cdist(trace.units, trace.units)
    expected = (-distances.square() / (2 * 0.7**2)).exp().mean(0) @ trace.values
    torch.testing.assert_close(trace.attended, expected)


def test_tied_weights_are_the_same_kernel_at_every_position():
    tied, untied = module(tied=True), module()
    state = tied.state_dict()
    state["fusion_weights"] = state["fusion_weights"].expand(COUNT, -1, -1, -1)
    state["fusion_bias"] = state["fusion_bias"].expand(COUNT)
    untied.load_state_dict(state)
    with torch.inference_mode():
        torch.testing.assert_close(joined(tied(features())[0]), joined(untied(features())[0]))


def test_another_grid_is_refused_with_both_grids():
    other = {task: feature[..., :4] for task, feature in features().items()}
    with pytest.raises(OptionError, match=r"grid of 5 x 7 tokens and these features have 5 x 4"):
        module()(other)


@pytest.mark.parametrize("options", [{"tied": True}, {"fusion": "mean"}], ids=str)
def test_weights_that_belong_to_no_position_run_on_any_grid(options):
    other = {task: feature[..., :4] for task, feature in features().items()}
    with torch.inference_mode():
        assert module(**options)(other)[0]["depth"].shape == (1, CHANNELS, 10, 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"computation": "linear", "top": 5}, "top needs the affinities themselves"),
        ({"computation": "linear", "similarity": "rbf"}, "similarity 'rbf' needs the affinities themselves"),
        ({"computation": "linear", "softmax": True}, "softmax needs the affinities themselves"),
        ({"own_task": True}, "use it with fusion 'per_task'"),
        ({"fusion": "mean", "tied": True}, "no weights to tie"),
        ({"grid": (0, 7)}, "grid.0"),
        ({"gamma": 1.5}, "gamma"),
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused_in_a_sentence(options, said):
    with pytest.raises(OptionError, match="'ctal'") as raised:
        module(**options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
