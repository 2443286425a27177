"""What a network weighs is known before it is built, whatever its card asks for."""

import subprocess
import sys
import time

import pytest
import torch

from mtlviz.checkpoints import DEFAULT_FOLDER, checkpoint_names, load_weights, read_card
from mtlviz.errors import OptionError
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.models.outline import weight_shapes
from mtlviz.tasks import TASKS

TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 1, 0, 0), out=8)
EVERY = tuple(TASKS.values())


@pytest.mark.parametrize("name", checkpoint_names(DEFAULT_FOLDER))
def test_a_shipped_network_has_the_shapes_of_its_outline(name):
    weights = load_weights(name)
    card = read_card(name)
    assert weight_shapes(card.architecture, card.tasks, weights) == {key: one.shape for key, one in weights.items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"interaction": "stable_kem", "width": 24, "options": {"rung": "learnable", "gate": True}},
        {"interaction": "stable_kem", "width": 24, "options": {"rung": "normalised", "memory": "identity"}},
        {"interaction": "ctal", "options": {"fusion": "per_task", "grid": (4, 5)}},
        {"interaction": "pair_attention"},
        {"task_encoders": "multi_scale", "deep_supervision": True},
    ],
)
def test_an_outline_has_the_shapes_of_the_network(fields):
    config = NetworkConfig(encoder=TINY, decoder_widths=(8, 8), **{"width": 8, **fields})
    built = MultiTaskNetwork(config, EVERY).state_dict()
    assert weight_shapes(config, EVERY, {}) == {key: one.shape for key, one in built.items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 10**6},
        {"width": 10**30},
        {"decoder_widths": (10**18, 10**18)},
        {"encoder": {"widths": (10**12, 1, 1, 1, 1)}},
        {"encoder": {"blocks": (0, 10**8, 1, 1, 1)}},
        {"task_convolutions": 10**8},
        {"options": {"slots": 10**9}},
        {"interaction": "stable_kem", "width": 10**5},
        {"interaction": "ctal", "options": {"grid": (10**5, 10**5)}},
    ],
)
def test_what_is_far_larger_than_its_weights_is_refused_without_being_built(fields):
    start = time.monotonic()
    with pytest.raises(OptionError, match=r"far larger than its weights|torch cannot build it") as caught:
        weight_shapes(NetworkConfig.model_validate(fields), EVERY, {})
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 60
    assert torch.is_grad_enabled()
    assert torch.empty(1).device.type == "cpu"


def test_an_outline_imports_no_compiler():
    """The meta device's own way of drawing numbers takes seconds to import."""
    code = (
        "import sys; from mtlviz.models.outline import weight_shapes; from mtlviz.tasks import TASKS;"
        "from mtlviz.models.multitask import NetworkConfig;"
        "weight_shapes(NetworkConfig(), tuple(TASKS.values()), {}); print('sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
