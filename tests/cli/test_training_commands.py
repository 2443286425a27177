"""``rooms``, ``train`` and ``evaluate`` on very small data."""

import json
from pathlib import Path

import pytest

import mtlviz.bench
from mtlviz.bench import Measurement
from mtlviz.cli.options import cache_folder
from tests.cli.conftest import SIZE

CONFIG = """\
tasks: [semseg, depth, normals, edge]
data: {{train: {rooms}/train, val: {rooms}/val, workers: 0}}
network:
  encoder: {{widths: [4, 6, 8, 8, 8], blocks: [0, 0, 0, 0, 0], out: 8}}
  width: 8
  decoder_widths: [8, 8]
  interaction: kem
budget: 4
batch: 2
accelerator: cpu
"""


@pytest.fixture
def config(rooms, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG.format(rooms=rooms))
    return path


def test_rooms_are_rendered_once_and_counted(cli):
    words = ("rooms", "--out", "r", "--count", 2, "--split", "val", "--size", "48x64", "--workers", 1, "--json")
    first, second = cli(*words), cli(*words)
    assert first.last["rendered"] == 2
    assert second.last["rendered"] == 0
    assert second.last["rooms_per_second"] is None
    assert len(list(Path("r").glob("*.npz"))) == 2
    assert first.last["size"] == [48, 64]


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [("linux", "XDG_CACHE_HOME", "mtlviz"), ("win32", "LOCALAPPDATA", "mtlviz/cache")],
)
def test_the_cache_lies_where_the_platform_keeps_such_things(monkeypatch, tmp_path, platform, variable, folder):
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.delenv("MTLVIZ_CACHE", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert cache_folder(None) == tmp_path / folder
    assert cache_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.setenv("MTLVIZ_CACHE", str(tmp_path / "named"))
    assert cache_folder(None) == tmp_path / "named"


def test_evaluate_renders_what_is_missing_into_the_cache_and_prints_protocols(cli, cache):
    words = ("evaluate", "--checkpoint", "kem", "--data", "rooms:val", "--limit", 2, "--workers", 1, "--switched-off")
    outcome = cli(*words, "--json")
    assert outcome.code == 0
    found = outcome.last
    assert found["images"] == 2
    assert len(list(cache.rglob("*.npz"))) == 2
    for task in found["tasks"].values():
        assert task["protocol"] in outcome.err
        assert task["headline"] in task["metrics"]
        assert task["headline"] in task["constant"]
    assert set(found["interaction_off"]) == set(found["tasks"])
    shares = [one["frequency"] for one in found["tasks"]["semseg"]["classes"].values()]
    assert sum(shares) == pytest.approx(1)


def test_evaluate_reads_a_folder_of_rooms_and_leaves_the_interaction_on(cli, rooms):
    outcome = cli("evaluate", "--checkpoint", "none", "--data", rooms / "val", "--json")
    assert outcome.last["images"] == 2
    assert "interaction_off" not in outcome.last


def test_rooms_of_another_size_are_scored_at_their_own_and_refused_where_they_are_looked_into(cli):
    cli("rooms", "--out", "r", "--count", 1, "--size", "48x64", "--workers", 1)
    found = cli("evaluate", "--data", "r", "--json").last
    assert (found["size"], found["scored"]) == (list(SIZE), "at the size of the labels")
    refused = cli("collapse", "--data", "r")
    assert refused.code == 2
    assert f"are 48x64, but 'kem' takes {SIZE[0]}x{SIZE[1]}" in refused.err


def test_train_scores_what_it_trained_and_a_second_call_finds_it_done(cli, config):
    first = cli("train", config, "--out", "run", "--json")
    assert first.code == 0
    weights = Path(first.last["weights"])
    before = weights.read_bytes()
    assert json.loads(Path("run/metrics.json").read_text())["tasks"].keys() == first.last["scores"]["tasks"].keys()
    assert cli("train", config, "--out", "run", "--json").code == 0
    assert weights.read_bytes() == before


def test_a_published_training_is_a_checkpoint(cli, config, tmp_path):
    words = ("train", config, "--out", "run", "--publish", "mine", "--checkpoints", tmp_path / "kept")
    assert cli(*words).code == 0
    listed = cli("checkpoints", "--checkpoints", tmp_path / "kept", "--json").last
    assert [(one["name"], one["trained"]) for one in listed["checkpoints"]] == [("mine", "synthetic")]
    assert set(listed["checkpoints"][0]["headlines"]) == {"semseg", "depth", "normals", "edge"}
    used = cli("predict", "photograph:china", "--checkpoint", "mine", "--checkpoints", tmp_path / "kept", "--out", "o")
    assert used.code == 0


def test_a_finished_training_is_published_later_from_its_own_configuration(cli, config, tmp_path):
    first = cli("train", config, "--out", "run", "--json").last
    before = Path(first["weights"]).read_bytes()
    kept = tmp_path / "kept"
    again = cli("train", "run/config.json", "--out", "run", "--publish", "enc", "--encoder-only", "--checkpoints", kept)
    assert again.code == 0
    assert Path(first["weights"]).read_bytes() == before
    assert cli("checkpoints", "--checkpoints", kept, "--json").last["checkpoints"][0]["part"] == "encoder"
    refused = cli("evaluate", "--checkpoint", "enc", "--checkpoints", kept)
    assert refused.code == 2
    assert "is an encoder" in refused.err


def test_a_training_has_its_own_folder_by_default(cli, config):
    assert cli("train", config, "--json").last["folder"] == "runs/tiny"


def test_another_configuration_in_the_same_folder_needs_no_resume(cli, config):
    cli("train", config, "--out", "run")
    config.write_text(config.read_text().replace("budget: 4", "budget: 2"))
    refused = cli("train", config, "--out", "run")
    assert refused.code == 2
    assert "another configuration" in refused.err
    assert cli("train", config, "--out", "run", "--no-resume").code == 0


def refused(outcome, sentence):
    """Exit code 2, one line on standard error beside the progress, the same as JSON."""
    assert outcome.code == 2
    assert sentence in outcome.last["error"]
    assert outcome.err.splitlines()[-1] == outcome.last["error"]
    assert "Traceback" not in outcome.err


def test_a_training_that_diverges_ends_in_one_sentence(cli, config):
    config.write_text(config.read_text() + "optimiser: {rate: 1.0e+30, warmup: 0}\n")
    refused(cli("train", config, "--out", "run", "--json"), "The gradient is not finite")
    assert not Path("run/weights.safetensors").exists()


@pytest.mark.parametrize("name", ["state.pt", "weights.safetensors"])
def test_a_damaged_file_of_a_training_is_named(cli, config, name):
    config.write_text(config.read_text() + "save_every: 2\n")
    assert cli("train", config, "--out", "run").code == 0
    if name == "state.pt":
        Path("run/weights.safetensors").unlink()
    Path("run", name).write_bytes(b"PK")
    refused(cli("train", config, "--out", "run", "--json"), f"run/{name} is")
    assert Path("run", name).read_bytes() == b"PK"


def test_publishing_without_held_out_rooms_is_refused_before_the_training(cli, config, rooms):
    config.write_text(config.read_text().replace(f", val: {rooms}/val", ""))
    refused(cli("train", config, "--out", "run", "--publish", "mine", "--json"), "names no data.val")
    assert not Path("run").exists()


def test_rooms_that_no_folder_holds_can_be_held_out(cli, config, rooms, monkeypatch):
    monkeypatch.setattr("mtlviz.training.sources.DEFAULT_ROOMS", 2)
    config.write_text(config.read_text().replace(f"{rooms}/val", "rooms:val"))
    found = cli("train", config, "--out", "run", "--json").last["scores"]
    assert (found["data"], found["images"], found["size"]) == ("rooms:val", 2, list(SIZE))


def test_bench_prints_its_figures_and_gives_them_by_key(cli, monkeypatch):
    asked = []

    def run(only, progress, *, checkpoints):
        asked.append(only)
        progress("measuring")
        return [Measurement("traced_over_bare", 1.05, "x")]

    monkeypatch.setattr(mtlviz.bench, "run", run)
    outcome = cli("bench", "--only", "traced_over_bare", "--json")
    assert asked == [["traced_over_bare"]]
    assert outcome.last["traced_over_bare"]["value"] == 1.05
    assert "measuring" in outcome.err
