"""``comparison`` trains what a plan names, and ``results`` prints what is stored."""

import json

import pytest

from mtlviz.results import write_result

COST = {"parameters": {"total": 1234567}, "operations": {"total": 2_000_000_000}, "milliseconds": 5.0, "over_none": 1.5,
        "peak_bytes": 2**20}  # fmt: skip


def stored(seeds=(1,)):
    def system(title, rmse, off, cost=None):
        trainings = [
            {"seed": seed, "weights_sha256": {"": "0" * 64}, "metrics": {"depth": {"rmse": rmse}}, "off": off,
             "groups": {"depth": [rmse, rmse + 0.2]}, "curves": {}}
            for seed in seeds
        ]  # fmt: skip
        return {"title": title, "summary": "", "trainings": trainings, "cost": cost}

    systems = {
        "single": system("Each task alone", 1.0, None),
        "kem": system("KEM", 0.5, {"depth": {"rmse": 0.75}}, COST),
    }
    regime = {
        "summary": "few rooms",
        "images": 3,
        "scored": 20,
        "protocols": {"depth": "all pixels"},
        "systems": systems,
    }
    return {"tier": "tiny", "command": "c", "headlines": {"depth": "rmse"}, "lower_is_better": {"depth": True},
            "regimes": {"few": regime}, "versions": {}}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "stored"
    monkeypatch.setattr("mtlviz.results.FOLDER", path)
    return path


def test_results_print_the_stored_comparison(cli, folder):
    write_result(folder / "comparison.json", "comparison", stored())
    outcome = cli("results", "--json")
    assert outcome.code == 0
    assert outcome.last["regimes"]["few"]["systems"]["kem"]["cost"] == COST
    for said in (
        "few rooms; scored on 20 images",
        "0.5 ±0.1",
        "+50.00",
        "+25.00",
        "1,234,567",
        "one seed only",
        "peak MiB",
    ):
        assert said in outcome.err
    assert (outcome.last["command"], outcome.last["made_by"]) == ("results", "c")
    single, kem = outcome.last["tables"]["few"]
    assert single["gain"] is None
    assert (kem["gain"]["mean"], kem["gain_off"], kem["scores"]["depth"]["over"]) == (50, 25, "images")


def test_several_seeds_are_said_to_be_what_the_spread_is_over(cli, folder):
    write_result(folder / "comparison.json", "comparison", stored(seeds=(1, 2)))
    assert "standard deviation over 2 seeds; Δm" in cli("results").out


def test_a_metric_without_a_value_leaves_its_cell_empty(cli, folder):
    found = stored()
    found["regimes"]["few"]["systems"]["kem"]["trainings"][0]["metrics"]["depth"]["rmse"] = None
    write_result(folder / "comparison.json", "comparison", found)
    outcome = cli("results", "--json")
    assert outcome.code == 0
    assert "nan" not in outcome.err
    assert outcome.last["tables"]["few"][1]["gain"]["mean"] is None


def test_systems_without_scores_are_one_sentence(cli, folder):
    found = stored()
    found["regimes"]["few"]["systems"]["kem"]["trainings"][0]["metrics"] = {}
    write_result(folder / "comparison.json", "comparison", found)
    outcome = cli("results")
    assert outcome.code == 2
    assert "lack scores" in outcome.err


def test_a_file_can_be_named_and_nothing_stored_names_the_command(cli, folder, tmp_path):
    write_result(tmp_path / "mine.json", "comparison", stored())
    assert cli("results", tmp_path / "mine.json").code == 0
    outcome = cli("results")
    assert outcome.code == 2
    assert "python -m mtlviz comparison" in outcome.err


def test_a_plan_that_is_not_there_is_refused_without_a_folder(cli, tmp_path):
    outcome = cli("comparison", tmp_path / "no.yaml", "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "cannot be read" in outcome.err


def test_the_command_writes_what_it_answers(cli, tmp_path, monkeypatch):
    from mtlviz.analysis.systems import read_comparison

    made = read_comparison({"kind": "comparison", **stored()})
    asked = {}

    def run(plan, out, costs, say):
        asked.update(plan=plan, out=out)
        say("1/1  few  kem  seed 1")
        return made

    monkeypatch.setattr("mtlviz.training.comparison.run_comparison", run)
    outcome = cli("comparison", tmp_path / "plan.yaml", "--out", tmp_path / "out", "--json")
    assert asked == {"plan": tmp_path / "plan.yaml", "out": tmp_path / "out"}
    assert json.loads(json.dumps(outcome.last))["regimes"]["few"]["summary"] == "few rooms"
