"""A sweep takes every trial once, however many processes work on it and however they end."""

import datetime
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from mtlviz.errors import DataError, OptionError, TrainingError
from mtlviz.results import read_result
from mtlviz.training import loop, train
from mtlviz.training import sweep as running
from mtlviz.training.locks import FileLock
from mtlviz.training.state import METRICS, WEIGHTS
from mtlviz.training.sweep import read_sweep, run_sweep
from mtlviz.training.sweep_grid import field_labels, grid, value_text
from mtlviz.training.sweep_record import averaged
from tests.training.tiny import tiny_config

pytest.importorskip("optuna")
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FIELDS = {"network.options.slots": [2, 3], "seed": [1, 2]}


@pytest.fixture
def file(rooms, tmp_path):
    """Call with entries of a sweep; without any it has four trainings of two steps."""
    base = tiny_config(rooms, budget=8, network={"options": {"slots": 4}}).model_dump(mode="json", exclude_unset=True)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))

    def write(**entries):
        values = {"base": "base.yaml", "fields": FIELDS, **entries}
        path = tmp_path / "sweep.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        return path

    return write


def taken_names(out):
    """Trials that Optuna's journal calls complete, in their order."""
    import optuna

    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(out / "study.journal")))
    study = optuna.load_study(study_name="sweep", storage=storage)
    return [t.user_attrs["name"] for t in study.get_trials() if t.state == optuna.trial.TrialState.COMPLETE]


def test_the_seed_changes_last_and_values_keep_their_order():
    combined = grid({"a": [1, 2], "seed": [7, 8], "b": [3, 4]})
    assert [one["seed"] for one in combined] == [7] * 4 + [8] * 4
    assert [(one["a"], one["b"]) for one in combined[:4]] == [(1, 3), (1, 4), (2, 3), (2, 4)]
    assert list(combined[0]) == ["a", "seed", "b"]


def test_names_are_short_where_that_is_clear_and_differ_where_values_differ():
    assert field_labels(("network.options.slots", "seed")) == {"network.options.slots": "slots", "seed": "seed"}
    assert field_labels(("data.keep.semseg",)) == {"data.keep.semseg": "keep.semseg"}
    assert field_labels(("losses.depth.form", "losses.edge.form"))["losses.edge.form"] == "losses.edge.form"
    assert [value_text(value) for value in (5, 1e-5, "kem", None, True)] == ["5", "1e-05", "kem", "none", "true"]
    awkward = ["a/b", "a b", [1, 2], [1, 3], "x" * 99, {"kind": "sgd"}]
    texts = [value_text(value) for value in awkward]
    assert len(set(texts)) == len(texts)
    assert not any(set(text) & set("/ ,=") for text in texts)


def test_a_name_is_never_too_long_for_a_folder(file):
    texts = {key: ["x" * 99, "y" * 99] for key in ("title", "summary")}
    trials = read_sweep(
        file(
            fields={
                **texts,
                **{f"weights.{task}": [0.1234567890123] for task in ("semseg", "depth", "normals", "edge")},
            }
        )
    ).trials
    assert len({trial.name for trial in trials}) == 4
    assert max(len(trial.name) for trial in trials) < 256


def test_every_trial_is_trained_scored_and_averaged_over_seeds(file, tmp_path):
    said = []
    found = run_sweep(read_sweep(file()), tmp_path / "out", told=said.append)
    assert found == read_result(tmp_path / "out" / "sweep.json", "sweep")
    names = [trial["name"] for trial in found["trials"]]
    assert names == ["slots=2,seed=1", "slots=3,seed=1", "slots=2,seed=2", "slots=3,seed=2"]
    assert names == taken_names(tmp_path / "out")
    assert said[0] == "Trial 1 of 4: slots=2,seed=1"
    assert found["counts"] == {"finished": 4}
    depth = found["tasks"]["depth"]
    assert (depth["title"], depth["metric"], depth["unit"]) == ("Depth", "rmse", "m")
    assert (depth["lower_is_better"]["rmse"], depth["lower_is_better"]["delta1"]) == (True, False)
    two, three = found["cells"]
    assert (two["values"], two["seeds"]) == ({"network.options.slots": 2}, [1, 2])
    written = [json.loads((tmp_path / "out" / name / METRICS).read_text()) for name in (names[0], names[2])]
    first, second = (one["tasks"]["depth"]["metrics"]["rmse"] for one in written)
    score = two["scores"]["depth"]["rmse"]
    assert score["mean"] == pytest.approx((first + second) / 2)
    assert score["std"] == pytest.approx(abs(first - second) / 2**0.5)
    weights = load_file(tmp_path / "out" / names[1] / WEIGHTS)
    assert any(3 in tensor.shape for name, tensor in weights.items() if name.startswith("interaction."))
    assert three["scores"]["depth"]["rmse"]["count"] == 2


def test_a_second_run_trains_nothing_and_a_wider_grid_only_what_is_new(file, tmp_path, monkeypatch):
    first = run_sweep(read_sweep(file(fields={"seed": [1]})), tmp_path / "out")
    trained, train = [], running.train
    monkeypatch.setattr(running, "train", lambda config, out: trained.append(out.name) or train(config, out))
    assert run_sweep(read_sweep(file(fields={"seed": [1]})), tmp_path / "out") == first
    assert trained == []
    run_sweep(read_sweep(file(fields={"seed": [1, 2]})), tmp_path / "out")
    assert trained == ["seed=2"]


def work(path, out, last=None):
    """One process of a sweep, which kills itself in its ``last``-th step."""
    step, taken = loop.training_step, []

    def dying(*arguments):
        taken.append(1)
        if len(taken) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*arguments)

    loop.training_step = dying
    run_sweep(read_sweep(path), out)


def started(*arguments):
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    return process


@pytest.mark.timeout(400)
def test_two_processes_share_the_trials_and_repeat_none(file, tmp_path):
    path, out = (
        file(fields={"network.options.slots": [2, 3, 4], "seed": [1, 2]}, changes={"budget": 48}),
        tmp_path / "out",
    )
    other, mine = started(path, out), []
    until = time.monotonic() + 240
    while not (out / "slots=2,seed=1" / "trial.lock").exists() and time.monotonic() < until:
        time.sleep(0.01)
    run_sweep(read_sweep(path), out, told=mine.append)
    other.join(120)
    assert other.exitcode == 0
    assert 0 < len(mine) < 6
    names = taken_names(out)
    assert sorted(names) == sorted(trial.name for trial in read_sweep(path).trials)  # each once
    assert read_result(out / "sweep.json", "sweep")["counts"] == {"finished": 6}


@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Unix does it")
def test_a_trial_of_a_killed_process_is_taken_again_and_ends_with_the_same_bits(file, tmp_path):
    path = file(fields={"seed": [1]}, changes={"budget": 48})
    killed = started(path, tmp_path / "out", 6)
    killed.join(240)
    folder = tmp_path / "out" / "seed=1"
    assert killed.exitcode == -signal.SIGKILL
    assert (folder / "state.pt").exists()
    assert not (folder / WEIGHTS).exists()
    sweep = read_sweep(path)
    assert run_sweep(sweep, tmp_path / "out")["counts"] == {"finished": 1}
    assert taken_names(tmp_path / "out") == ["seed=1"]
    resumed, whole = (load_file(one) for one in (folder / WEIGHTS, train(sweep.trials[0].config, tmp_path / "whole")))
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_trial_that_another_process_runs_is_left_to_it(file, tmp_path):
    sweep = read_sweep(file(fields={"seed": [1, 2]}))
    with FileLock(tmp_path / "out" / "seed=1" / "trial.lock"):
        assert run_sweep(sweep, tmp_path / "out")["counts"] == {"running": 1, "finished": 1}
    assert run_sweep(sweep, tmp_path / "out")["counts"] == {"finished": 2}


def test_a_training_that_fails_is_said_and_does_not_stop_the_others(file, tmp_path, monkeypatch):
    train = running.train

    def failing(config, out):
        if config.seed == 1:
            raise TrainingError("The gradient is not finite.")
        return train(config, out)

    monkeypatch.setattr(running, "train", failing)
    sweep = read_sweep(file(fields={"seed": [1, 2]}))
    found = run_sweep(sweep, tmp_path / "out")
    assert found["counts"] == {"failed": 1, "finished": 1}
    assert found["trials"][0]["error"] == "The gradient is not finite."
    assert run_sweep(sweep, tmp_path / "out")["counts"] == {"failed": 1, "finished": 1}
    monkeypatch.setattr(running, "train", train)
    assert run_sweep(sweep, tmp_path / "out", retry=True)["counts"] == {"finished": 2}


def test_a_sweep_that_is_interrupted_says_what_is_left(file, tmp_path, monkeypatch):
    train = running.train

    def stopping(config, out):
        if config.seed == 2:
            raise KeyboardInterrupt
        return train(config, out)

    monkeypatch.setattr(running, "train", stopping)
    sweep = read_sweep(file(fields={"seed": [1, 2]}))
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep, tmp_path / "out")
    assert read_result(tmp_path / "out" / "sweep.json", "sweep")["counts"] == {"finished": 1, "waiting": 1}
    monkeypatch.setattr(running, "train", train)
    assert run_sweep(sweep, tmp_path / "out")["counts"] == {"finished": 2}


def test_a_folder_of_another_sweep_is_refused(file, tmp_path):
    run_sweep(read_sweep(file(fields={"seed": [1]})), tmp_path / "out")
    with pytest.raises(OptionError, match="another configuration"):
        run_sweep(read_sweep(file(fields={"seed": [1]}, changes={"budget": 4})), tmp_path / "out")


def test_a_damaged_journal_is_named_and_can_be_deleted(file, tmp_path):
    sweep = read_sweep(file(fields={"seed": [1]}))
    found = run_sweep(sweep, tmp_path / "out")
    journal = tmp_path / "out" / "study.journal"
    journal.write_text("{}}\n" + journal.read_text())
    with pytest.raises(DataError, match=r"study\.journal is damaged; delete it"):
        run_sweep(sweep, tmp_path / "out")
    journal.unlink()
    assert run_sweep(sweep, tmp_path / "out") == found


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"fields": {"optimiser.speed": [1]}}, "trial speed=1: optimiser.speed: there is no such field"),
        ({"fields": {"network.options.slotz": [1]}}, "slotz"),
        ({"fields": {"network.options.slots": [-1]}}, "slots"),
        ({"fields": {"budget.x": [1]}}, "budget.x: budget is 8, which has no fields"),
        ({"fields": {"seed": [1, 1]}}, "seed must name each of its values once; got"),
        ({"fields": {"seed": [1, 1.0]}}, "seed=1 and seed=1.0 are the same training"),
        (
            {"fields": {"seed": [datetime.date(2026, 1, 1)]}},
            "seed may hold numbers, texts, lists and maps, but Object of type date",
        ),
        ({"fields": {"seed": list(range(101)), "budget": list(range(1, 101))}}, "10,100 trials are more than 10,000"),
        ({"fields": {"seed": []}}, "seed must name each of its values once"),
        ({"fields": {}}, "fields: "),
        ({"fields": {"devices": [2]}}, "a trial has one device, but devices=2 asks for 2"),
        ({"changes": {"data.val": None}}, "names no data.val"),
        ({"base": "gone.yaml"}, "gone.yaml' cannot be read"),
        ({"sampler": "tpe"}, "sampler: "),
    ],
)
def test_what_is_wrong_with_a_sweep_is_one_sentence_that_names_it(file, entries, sentence):
    with pytest.raises(OptionError) as raised:
        read_sweep(file(**entries))
    message = str(raised.value)
    assert sentence in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize(("content", "sentence"), [("a: [", "not valid YAML"), ("- 1", "must hold 'base: FILE'")])
def test_a_file_that_is_no_sweep_is_named(tmp_path, content, sentence):
    (tmp_path / "it.yaml").write_text(content)
    with pytest.raises(OptionError, match=sentence):
        read_sweep(tmp_path / "it.yaml")


def test_without_optuna_one_sentence_says_what_to_install(file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(OptionError, match=r"needs Optuna, which is not installed; run pip install optuna\.$"):
        run_sweep(read_sweep(file()), tmp_path / "out")


def test_a_metric_without_a_value_is_left_out_of_the_mean():
    scores = [{"depth": {"rmse": 1.0, "log_rmse": None}}, {"depth": {"rmse": 3.0, "log_rmse": None}}]
    trials = [{"state": "finished", "values": {"a": 1, "seed": seed}, "scores": one} for seed, one in enumerate(scores)]
    (cell,) = averaged([*trials, {"state": "running", "values": {"a": 1, "seed": 9}}])
    assert cell["scores"]["depth"] == {"rmse": {"mean": 2.0, "std": 2**0.5, "low": 1.0, "high": 3.0, "count": 2}}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("**/sweep-*.yaml")), ids=lambda path: path.stem)
def test_shipped_sweeps_are_valid(path, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    monkeypatch.setattr("mtlviz.training.sweep_grid.build_network", lambda config: None)  # tests of models build them
    sweep = read_sweep(path)
    assert len(sweep.trials) == len({trial.name for trial in sweep.trials}) > 10
    assert sweep.file.title
    assert sweep.file.summary
