"""``collapse`` on tiny networks and two small rooms."""

import json
from pathlib import Path

import pytest

from mtlviz.analysis.collapse.record import KIND, LogEntry, from_plain, log_line
from mtlviz.results import read_result


def test_collapse_writes_a_result_that_the_app_reads_and_says_what_it_found(cli, rooms, checkpoints):
    outcome = cli("collapse", "--checkpoint", "kem", "--data", rooms / "val", "--out", "found/kem.json", "--json")
    assert outcome.code == 0
    result = from_plain(read_result(Path("found/kem.json"), KIND))
    card = json.loads((checkpoints / "kem.json").read_text())
    assert (result.model, result.images, result.processes, result.trajectory) == ("kem", 2, 1, ())
    assert result.weights_sha256 == card["weights_sha256"]
    assert outcome.last["command"] == "collapse"
    assert outcome.last["classes"]["semseg"].keys() == {"title", "places"}
    for words in ("semseg, balanced", "semseg, pixel-weighted", "nc3_self_duality", "wall", "depth (n = 1)"):
        assert words in outcome.err


def test_collapse_works_without_an_interaction_and_renders_what_is_missing(cli):
    outcome = cli("collapse", "--checkpoint", "none", "--limit", 2, "--workers", 1)
    assert outcome.code == 0
    assert "none on rooms:val (2 images)" in outcome.out


def test_what_a_training_logged_is_kept_with_the_result(cli, rooms):
    entries = [LogEntry(step, 4 * step, 2, {"semseg": {}}) for step in (0, 10)]
    Path("collapse.jsonl").write_text("".join(log_line(entry) + "\n" for entry in entries))
    outcome = cli("collapse", "--data", rooms / "val", "--log", "collapse.jsonl", "--json")
    assert [entry["step"] for entry in outcome.last["trajectory"]] == [0, 10]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--out", "."), "--out '.' is a folder; give the name of a JSON file in it."),
        (("--log", "missing.jsonl"), "--log 'missing.jsonl' cannot be read"),
        (("--data", "rooms:nowhere"), "--data 'rooms:nowhere' is unknown"),
        (("--checkpoint", "nothing"), "'nothing'"),
    ],
)
def test_bad_input_ends_in_one_sentence(cli, words, sentence):
    outcome = cli("collapse", *words)
    assert outcome.code == 2
    assert sentence in outcome.err


def test_rooms_of_another_size_are_refused(cli):
    cli("rooms", "--out", "r", "--count", 1, "--size", "48x64", "--workers", 1)
    outcome = cli("collapse", "--data", "r")
    assert outcome.code == 2
    assert "are 48x64, but 'kem' takes 64x80" in outcome.err
