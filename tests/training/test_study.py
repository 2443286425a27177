import json

import pytest
import yaml

from mtlviz.errors import DataError, OptionError
from mtlviz.training.study import CRITERION, lag, run_study
from tests.training.tiny import tiny_config


@pytest.fixture
def regimes(rooms, tmp_path):
    """Two regimes and a base that is none."""
    values = tiny_config(rooms, budget=8).model_dump(mode="json")
    values["network"]["options"] = {}
    folder = tmp_path / "regimes"
    folder.mkdir()
    (folder / "_base.yaml").write_text(yaml.safe_dump(values))
    (folder / "plain.yaml").write_text("summary: all of it\nbase: _base.yaml\n")
    (folder / "narrow.yaml").write_text("base: _base.yaml\nnetwork: {width: 4}\n")
    return folder


def test_every_regime_is_trained_with_every_interaction_and_kept(regimes, tmp_path):
    study = run_study(regimes, tmp_path / "out", ["plain"])
    scores = study["regimes"]["plain"]["scores"]
    assert list(scores) == ["none", "kem", "cross_attention"]
    assert "miou_off" in scores["kem"]
    assert "miou_off" not in scores["none"]
    assert study["criterion"] == CRITERION
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("weights.safetensors")}
    assert run_study(regimes, tmp_path / "out", ["plain"]) == study
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert json.loads((tmp_path / "out" / "study.json").read_text()) == study


def test_a_regime_that_is_run_alone_leaves_what_is_known_of_the_others(regimes, tmp_path):
    out = tmp_path / "out"
    plain = run_study(regimes, out, ["plain"])["regimes"]["plain"]
    both = run_study(regimes, out, ["narrow"])
    assert list(both["regimes"]) == ["narrow", "plain"]
    assert both["regimes"]["plain"] == plain
    assert json.loads((out / "study.json").read_text()) == both == run_study(regimes, out)


def test_the_regime_is_chosen_among_all_that_are_known(regimes, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    known = {"summary": "", "scores": {}, "behind": {"miou_points": 1e3, "depth_error": 0.0}, "matters": False}
    (out / "study.json").write_text(json.dumps({"regimes": {"earlier": known}}))
    study = run_study(regimes, out, ["plain"])
    assert (study["chosen"], study["regimes"]["earlier"]["matters"]) == ("earlier", True)


def test_a_regime_without_a_scored_task_is_refused_before_anything_is_trained(regimes, tmp_path):
    (regimes / "few.yaml").write_text("base: _base.yaml\ntasks: [semseg, depth]\n")
    with pytest.raises(OptionError, match="Regime few lacks normals, which the study scores"):
        run_study(regimes, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"regimes": 3}', '{"regimes": {"plain": {}}}'])
def test_a_damaged_study_is_refused_before_anything_is_trained(regimes, tmp_path, content):
    (tmp_path / "study.json").write_text(content)
    with pytest.raises(DataError, match=r"study\.json .*; delete it: what was trained .*\.$"):
        run_study(regimes, tmp_path, ["plain"])
    assert not (tmp_path / "plain").exists()
    assert (tmp_path / "study.json").read_text() == content


def test_damaged_metrics_are_named(regimes, tmp_path):
    run_study(regimes, tmp_path, ["plain"])
    (tmp_path / "plain" / "kem" / "metrics.json").write_text("{")
    with pytest.raises(DataError, match=r"kem/metrics\.json is damaged; delete it"):
        run_study(regimes, tmp_path, ["plain"])


def test_a_study_without_held_out_rooms_is_refused_before_anything_is_trained(regimes, tmp_path):
    (regimes / "plain.yaml").write_text("base: _base.yaml\ndata: {val: null}\n")
    with pytest.raises(DataError, match=r"names no data\.val"):
        run_study(regimes, tmp_path, ["plain"])
    assert not (tmp_path / "plain").exists()


def test_lag_is_measured_against_the_best_interaction():
    scores = {"none": {"miou": 40.0, "rmse": 0.66}, "kem": {"miou": 42.0, "rmse": 0.7}, "x": {"miou": 41, "rmse": 0.6}}
    assert lag(scores) == pytest.approx({"miou_points": 2.0, "depth_error": 0.1})


def test_an_unknown_regime_names_the_known_ones(regimes, tmp_path):
    with pytest.raises(OptionError, match="many is unknown; choose from narrow, plain"):
        run_study(regimes, tmp_path / "out", ["many"])
