"""What systems cost, on networks small enough to count by hand."""

import pytest

from mtlviz.bench.systems import system_costs
from mtlviz.models.multitask import parameter_counts
from mtlviz.models.operations import operation_counts
from mtlviz.training.comparison_plan import only
from mtlviz.training.loop import build_network
from tests.training.tiny import tiny_config

SIZE = (32, 64)


@pytest.fixture(scope="module")
def systems(tmp_path_factory):
    plain = tiny_config(tmp_path_factory.getbasetemp(), network={"interaction": "none", "options": {}})
    attends = tiny_config(tmp_path_factory.getbasetemp(), network={"interaction": "cross_attention", "options": {}})
    alone = {task: (only(plain, task), build_network(only(plain, task))) for task in plain.tasks}
    return {"single": alone} | {
        name: {"": (config, build_network(config))} for name, config in (("none", plain), ("attends", attends))
    }


def test_networks_of_a_system_add_up(systems):
    costs = system_costs(systems, SIZE, seconds=0.1)
    networks = [network for _, network in systems["single"].values()]
    assert costs["single"].parameters["total"] == sum(parameter_counts(network)["total"] for network in networks)
    assert costs["single"].operations["total"] == sum(operation_counts(network, SIZE)["total"] for network in networks)
    assert costs["none"].parameters["interaction"] == 0 < costs["attends"].parameters["interaction"]


def test_times_are_relative_to_the_system_without_an_interaction(systems):
    assert system_costs(systems, SIZE, seconds=0.1)["none"].over_none == 1.0


def test_an_attention_map_is_alive_at_the_peak(systems):
    costs = system_costs(systems, SIZE, seconds=0.1)
    tokens = 4 * (SIZE[0] // 8) * (SIZE[1] // 8)
    assert costs["attends"].peak_bytes >= costs["none"].peak_bytes
    assert costs["attends"].peak_bytes >= 4 * tokens**2
    assert costs["none"].peak_bytes >= 4 * 17 * SIZE[0] * SIZE[1]  # the logits of the segmentation
