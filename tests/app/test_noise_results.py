"""The Attention noise page with stored results of the command: what is drawn of them, by which names, and whose."""

import json

import pytest
from pydantic import TypeAdapter

from mtlviz import results
from mtlviz.analysis.noise.record import model_record
from mtlviz.analysis.noise.summary import KIND, noise_summary
from mtlviz.cli.answers import plain
from mtlviz.engine import load
from mtlviz.ui import sources
from mtlviz.ui.noise.page import PARTS
from mtlviz.ui.noise.results import StoredModel
from tests.app.conftest import said
from tests.app.test_noise_page import PAGE, figure, keys

TOKEN, IMAGE, FLOOR, DOSES, ORACLE, NUMBERS = PARTS


@pytest.fixture(scope="module")
def stored(checkpoints) -> dict:
    """A result of two rooms for three of the tiny models."""
    rooms = [sources.room(number) for number in (0, 1)]
    records = [model_record(load(name, folder=checkpoints), rooms) for name in ("none", "kem", "cross_attention")]
    content = noise_summary(records, 0)
    return json.loads(json.dumps(plain({**content, "data": "rooms:val", "device": "cpu", "versions": {}})))


@pytest.fixture
def open_stored(open_page, monkeypatch, tmp_path, stored):
    """Open the page where a result of the tiny models is stored."""
    results.write_result(tmp_path / "noise.json", KIND, stored)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda **query: open_page(PAGE, **query)


def test_a_stored_result_of_these_weights_is_drawn_with_all_models(open_stored):
    at = open_stored(noise_part=DOSES)
    assert not at.exception
    assert not at.info
    names = {trace["name"] for trace in figure(at, "noise_set_noise")["data"] if "interval" not in trace["name"]}
    assert names == {"KEM", "Cross-attention", "Hard sharing"}
    colours = {trace["name"]: trace["line"]["color"] for trace in figure(at, "noise_set_noise")["data"]
               if trace["mode"] != "lines"}  # fmt: skip
    live = {trace["name"]: trace["line"]["color"] for trace in figure(at, "noise_live_noise")["data"]}
    assert live.items() <= colours.items()  # a model looks alike in both
    assert any("noise_leaks_A" in key for key in keys(at))
    assert any("noise_set_distractors" in key for key in keys(at))
    at.selectbox(key="noise_disturbed").set_value("every task").run()
    assert not at.exception
    at.selectbox(key="noise_measure").set_value("depth: change of the prediction").run()
    assert not at.exception
    assert not at.error


def test_the_task_that_is_disturbed_has_no_leak_of_its_own(open_stored):
    at = open_stored(noise_part=DOSES, noise_disturbed="depth", noise_measure="depth: change of the prediction")
    assert "is the disturbed task itself" in said(at)
    assert not any("noise_set_noise" in key for key in keys(at))


def test_the_oracle_experiment_is_answered_against_its_control(open_stored, stored):
    at = open_stored(noise_part=ORACLE)
    assert not at.exception
    assert "Reading relevant tokens alone, less the control" in said(at)
    kem = next(model for model in stored["models"] if model["name"] == "kem")
    dots = next(trace for trace in figure(at, "noise_oracle_set")["data"] if trace["name"] == "KEM")
    assert dots["x"] == [pytest.approx(kem["against_control"][oracle]["gain:semseg"]["mean"])
                         for oracle in ("classes", "depth", "instances")]  # fmt: skip
    assert "this image" in str(figure(at, "noise_oracle_now")["layout"])


def test_the_table_holds_every_number_of_every_model_with_a_map(open_stored, stored):
    at = open_stored(noise_part=NUMBERS)
    table = at.dataframe[0].value
    assert list(table.columns) == ["KEM", "Cross-attention"]
    kem = next(model for model in stored["models"] if model["name"] == "kem")
    titles = {stored["measures"][key]["title"] for key in kem["maps"]}
    assert titles <= {name.split(" (")[0] for name in table.index}
    assert at.dataframe[1].value.loc["noise mass, class"].notna().all()


def test_a_model_keeps_its_colour_where_the_first_one_is_not_stored(open_stored):
    at = open_stored(noise_part=DOSES, model="ctal", second="kem")
    now, over = (
        {trace["name"]: trace["line"]["color"] for trace in figure(at, key)["data"] if trace["mode"] != "lines"}
        for key in ("noise_live_noise", "noise_set_noise")
    )
    assert now["KEM"] == over["KEM"]


def test_no_other_model_answers_for_a_task_that_it_does_not_have(stored):
    kem = next(model for model in stored["models"] if model["name"] == "kem")
    model = TypeAdapter(StoredModel).validate_python(kem)
    assert model.disturbed("noise:1", "human_parts") == {}
    assert model.disturbed("noise:1", "depth") != model.disturbed("noise:1", None)
    assert model.disturbed("image:0.1", "depth") == model.disturbed("image:0.1", None) != {}


def test_the_curves_of_the_set_are_drawn_as_they_were_stored(open_stored, stored):
    at = open_stored(noise_part=FLOOR, noise_growth="grow along")
    kem = next(model for model in stored["models"] if model["name"] == "kem")
    for name in ("curve", "task_curve"):
        lines = [trace for trace in figure(at, f"noise_set_{name}")["data"] if trace["mode"] != "lines"]
        assert {line["name"] for line in lines} == {"KEM", "Cross-attention"}
        line = next(line for line in lines if line["name"] == "KEM")
        assert line["y"] == pytest.approx([point["noise"]["mean"] for point in kem[name]])
    at.segmented_control(key="noise_growth").set_value("stay").run()
    line = next(trace for trace in figure(at, "noise_set_task_curve")["data"] if trace["name"] == "KEM")
    assert line["y"] == pytest.approx([point["outside"]["mean"] for point in kem["task_curve"]])


def test_shares_of_the_mass_and_labels_are_drawn_with_the_table(open_stored, stored):
    at = open_stored(noise_part=NUMBERS)
    kem = next(model for model in stored["models"] if model["name"] == "kem")
    for key in ("noise_top_p_image", "noise_top_p_set"):
        line = next(trace for trace in figure(at, key)["data"] if trace["name"] == "KEM")
        assert line["x"] == [one["p"] for one in kem["top_p"]]
        assert line["y"] == sorted(line["y"])
    dots = next(trace for trace in figure(at, "noise_labels")["data"] if trace["name"] == "KEM")
    assert dots["x"] == pytest.approx([one["relative"]["mean"] for one in kem["labels"]["classes"] if
                                       "relative" in one])  # fmt: skip
    image = at.dataframe[1].value
    assert {"attenuation, class", "bias of noise, depth bin", "share that is read, by size"} <= set(image.index)


def test_a_smaller_change_is_not_called_better(open_stored):
    at = open_stored(noise_part=ORACLE, noise_oracle_measure="depth: change of the prediction")
    assert "less the control** (depth: change" in said(at)
    assert "**better**" not in said(at)
    assert "for better or worse" in said(at)


def test_a_result_of_other_weights_is_not_shown(open_page, monkeypatch, tmp_path, stored):
    other = json.loads(json.dumps(stored))
    for model in other["models"]:
        model["weights_sha256"] = "0" * 64
    results.write_result(tmp_path / "noise.json", KIND, other)
    (tmp_path / "broken.json").write_text('{"kind": "noise", "models": 3}')
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    at = open_page(PAGE, noise_part=NUMBERS)
    assert not at.exception
    assert any("No stored result over a set holds the weights" in info.value for info in at.info)
    assert len(at.dataframe) == 1  # this image alone


def test_measures_and_experiments_that_the_page_does_not_know_are_drawn_by_name(
    open_page, monkeypatch, tmp_path, stored
):
    new = json.loads(json.dumps(stored))
    interval = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 2}
    new["measures"]["spill"] = {"title": "spill", "meaning": "Something new.", "formula": "", "unit": "",
                                "same": 0.0, "better": "lower"}  # fmt: skip
    new["experiments"]["blur:2"] = {"title": "blurred image 2", "kind": "blur", "level": 2.0, "oracle": None}
    for model in new["models"]:
        model["maps"] |= {"spill": interval} if model["maps"] else {}
        model["doses"]["blur:2"] = {"spill": interval}
    results.write_result(tmp_path / "noise.json", KIND, new)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert "spill" in open_page(PAGE, noise_part=NUMBERS).dataframe[0].value.index
    at = open_page(PAGE, noise_part=DOSES, noise_measure="spill")
    assert not at.exception
    assert any("noise_single_blur" in key for key in keys(at))
