"""``faithfulness``: maps of several models against effects, as text, JSON and file."""

from pathlib import Path

import pytest

from mtlviz.analysis.faithfulness.summary import KIND
from mtlviz.results import read_result


@pytest.fixture
def measured(cli, rooms):
    return lambda *words: cli("faithfulness", "--data", rooms / "val", *words)


def test_models_are_measured_in_one_table_and_one_file(measured):
    names = ("none", "kem", "cross_attention")
    outcome = measured("--checkpoint", *names, "--limit", 2, "--out", "found/faithfulness.json", "--json")
    assert outcome.code == 0
    stored = read_result(Path("found/faithfulness.json"), KIND)
    assert [model["name"] for model in stored["models"]] == list(names)
    assert (stored["images"], outcome.last["images"]) == (2, 2)
    assert list(stored["models"][1]["kinds"]) == ["slots", "retrieve", "read", "regions", "saliency"]
    assert list(stored["models"][0]["kinds"]) == ["saliency"]
    assert len(stored["models"][2]["kinds"]["regions"]["single"]["faithful"]) == 2
    for words in ("Write weight by slot", "random weights", "Saliency, by region", "by reading task"):
        assert words in outcome.err


def test_integrated_gradients_are_measured_where_they_are_asked_for(measured):
    outcome = measured("--checkpoint", "none", "--limit", 1, "--integrated", "--json")
    assert outcome.code == 0
    assert list(outcome.last["models"][0]["kinds"]) == ["saliency", "integrated"]
