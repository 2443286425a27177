"""``noise``: one table for several models, as text, JSON and file."""

from pathlib import Path

import pytest

from mtlviz.analysis.noise.summary import KIND
from mtlviz.results import read_result


@pytest.fixture
def measured(cli, rooms):
    return lambda *words: cli("noise", "--data", rooms / "val", *words)


def test_models_are_compared_in_one_table_and_one_file(measured):
    names = ("none", "kem", "cross_attention")
    outcome = measured("--checkpoints", *names, "--limit", 2, "--out", "found/noise.json", "--json")
    assert outcome.code == 0
    found, stored = outcome.last, read_result(Path("found/noise.json"), KIND)
    assert [model["name"] for model in stored["models"]] == list(names)
    assert (stored["images"], found["images"]) == (2, 2)
    assert all(len(model["weights_sha256"]) == 64 for model in stored["models"])
    assert stored["models"][0]["doses"]["noise:1"]["features"]["mean"] == 0
    assert stored["models"][1]["doses"]["noise:1"]["features"]["mean"] > 0
    assert stored["models"][2]["maps"]["noise:classes"]["n"] == 2
    assert [gap["model"] for gap in stored["differences"]] == list(names[1:])
    for words in ("Less none, image by image", "leak into features", "noise mass, class", "(control)", "candidates"):
        assert words in outcome.err
    assert "none cannot take the experiments" in outcome.err
    assert not [path for path in Path("found").iterdir() if path.suffix == ".tmp"]
