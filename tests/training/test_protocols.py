"""Evaluation under a published protocol in place of the defaults."""

import pytest

from mtlviz.data.rooms import Rooms
from mtlviz.errors import OptionError
from mtlviz.training import build_network, evaluate_network
from tests.training.tiny import tiny_config


@pytest.fixture(scope="module")
def network(rooms):
    return build_network(tiny_config(rooms)).eval()


def scored(rooms, network, **options):
    return evaluate_network(
        network, Rooms(rooms / "val"), tiny_config(rooms).task_list(), switched_off=False, **options
    )


def test_a_family_decides_headlines_and_says_so_in_every_line(rooms, network):
    result = scored(rooms, network, protocol="mtformer", variant="NYUD_MT")
    assert result["family"] == "mtformer"
    assert "6.5535" in result["tasks"]["depth"]["protocol"]
    assert result["tasks"]["edge"]["headline"] == "ods_f"
    assert "within 0.011 of the diagonal" in result["tasks"]["edge"]["protocol"]
    for entry in result["tasks"].values():
        assert entry["protocol"].startswith("mtformer: ")
        assert entry["headline"] in entry["metrics"]
        assert entry["constant"].keys() == entry["metrics"].keys()


def test_a_task_that_a_family_does_not_have_keeps_its_defaults(rooms, network):
    plain, result = scored(rooms, network), scored(rooms, network, protocol="mtan")
    assert "family" not in plain
    assert result["tasks"]["edge"]["metrics"] == plain["tasks"]["edge"]["metrics"]
    assert result["tasks"]["edge"]["protocol"].startswith("mtan has no such task, so the usual: ")
    assert set(result["tasks"]["depth"]["metrics"]) == {"abs_err", "abs_rel"}


def test_an_unknown_family_is_refused(rooms, network):
    with pytest.raises(OptionError, match="no protocol 'nyu'"):
        scored(rooms, network, protocol="nyu")
