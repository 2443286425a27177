"""The Attention noise page: leaked mass beside chance and floor, doses, stored results, and what has none."""

import pytest

from mtlviz import results
from mtlviz.analysis.attention_statistics import row_noise
from mtlviz.analysis.noise.oracles import oracle_labels
from mtlviz.engine import load
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources
from mtlviz.ui.noise.page import PARTS
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/9_noise.py"
TOKEN, IMAGE, FLOOR, DOSES, ORACLE, NUMBERS = PARTS


@pytest.fixture
def open_bare(open_page, monkeypatch, tmp_path):
    """Open the page where no result is stored."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda **query: open_page(PAGE, **query)


def figure(at, key: str) -> dict:
    """The figure of a chart."""
    index = next(i for i, chart in enumerate(at.get("plotly_chart")) if chart.proto.id.endswith(key))
    return spec(at, index)


def keys(at) -> list[str]:
    return [chart.proto.id for chart in at.get("plotly_chart")]


def test_the_page_states_the_leak_of_the_picked_token_beside_chance(open_bare, checkpoints):
    at = open_bare()
    assert not at.exception
    assert not at.error
    run = load("kem", folder=checkpoints).run(sources.room(0))
    trace = run.trace.interaction
    noise = row_noise(trace, [trace.layout.token("semseg", 8, 10)], oracle_labels(run)["classes"])
    assert f"**{noise.mass[0]:.0%}** of what it reads in KEM" in said(at)
    assert f"the {noise.chance[0]:.0%} of reading everything alike" in said(at)
    assert len(at.get("plotly_chart")) == 8  # four tasks above one another for A and B
    assert at.metric[0].value == f"{noise.mass[0]:.0%}"
    assert at.metric[3].value == "none"  # KEM has no floor
    assert at.metric[7].value != "none"


def test_another_token_and_another_oracle_have_other_numbers(open_bare):
    at = open_bare()
    before = [metric.value for metric in at.metric]
    assert [metric.value for metric in click_token(at, 2, 3).metric] != before
    at.segmented_control(key="noise_relevant").set_value("same depth bin").run()
    assert "another depth bin" in said(at)


def shows(at, part: str):
    """The page with another part."""
    return at.segmented_control(key="noise_part").set_value(part).run()


@pytest.mark.parametrize(
    ("model", "second"), [("kem", "cross_attention"), ("none", "ctal"), ("skem", "skem"), ("ctal", "skem")]
)
def test_every_part_is_drawn_for_every_kind_of_model(open_bare, model, second):
    at = open_bare(model=model, second=second)
    for part in PARTS:
        shows(at, part)
        assert not at.exception
        assert not at.error
        told = "has no reading to look at" in said(at) or "can be restricted to relevant tokens" in said(at)
        assert at.get("plotly_chart") or len(at.dataframe) or told
        assert max(map(len, specs(at)), default=0) < BUDGET


@pytest.mark.parametrize(("model", "second"), [("inducing_points", "topk_attention"), ("heads", "inducing_points")])
def test_every_part_is_drawn_for_the_corners_and_for_several_heads(open_bare, corners, model, second):
    at = open_bare(model=model, second=second)
    for part in PARTS:
        shows(at, part)
        assert not at.exception
        assert not at.error
        assert at.get("plotly_chart") or len(at.dataframe)
    floors = at.dataframe[0].value.loc["floor, class"]
    assert floors["inducing_points"] != "–"
    assert set(floors.drop("inducing_points")) <= {"–"}


def test_an_image_without_labels_says_why_nothing_is_noise(open_bare):
    at = upload(open_bare(), "mine.png", png(96, 40))
    for part in PARTS:
        shows(at, part)
        assert not at.exception
        assert not at.error
        assert "This image has no labels" in said(at)
        if part == DOSES:
            assert any("noise_live_noise" in key for key in keys(at))


@pytest.mark.parametrize("control", ["random weights", "mean image"])
def test_a_negative_control_takes_the_place_of_the_maps_alone(open_bare, control):
    at = open_bare(control=control)
    assert not at.exception
    assert not at.error
    assert "ρ" in said(at) or "constant map" in said(at)
    control_leak = said(at).split("\n")
    at.selectbox(key="control").set_value("the model").run()
    assert said(at).split("\n") != control_leak
    real = shows(at, DOSES) and specs(at)
    at.selectbox(key="control").set_value(control).run()
    assert specs(at) == real  # what is disturbed is always the model itself
    assert "always that of the model itself" in said(at)


def test_models_whose_tokens_read_nothing_say_so_and_are_disturbed_all_the_same(open_bare):
    at = open_bare(model="none", second="ctal")
    assert "no token reads another" in said(at)
    assert said(at).count("has no reading to look at") == 2
    at = open_bare(model="none", second="ctal", noise_part=DOSES)
    lines = {trace["name"]: trace["y"] for trace in figure(at, "noise_live_noise")["data"] if "name" in trace}
    assert set(lines["Hard sharing"]) == {0}  # nothing crosses between tasks that share the encoder alone
    assert max(lines["CTAL"]) > 0
    assert "cannot be given extra tokens" in said(at)


def test_the_histogram_and_the_maps_of_readers_are_of_the_same_tokens(open_bare):
    at = open_bare(noise_part=IMAGE)
    assert "Over all tokens of the image" in said(at)
    spread = figure(at, "noise_spread")
    assert [trace["name"] for trace in spread["data"]] == ["KEM, n = 1,280 tokens", "Cross-attention, n = 1,280 tokens"]
    matrix = figure(at, "noise_pairs_B")["data"][0]["text"]
    assert [row[index] for index, row in enumerate(matrix)] == ["", "", "", ""]  # attention reads other tasks only
    at.segmented_control(key="noise_shown").set_value("above or below chance").run()
    assert not at.exception
    assert "blue chose well" in said(at)


def test_the_sliders_move_the_theory_and_travel_in_the_link(open_bare):
    at = open_bare(noise_part=FLOOR, noise_tokens="9600", noise_tasks="2", noise_b="3")
    assert "leaks at least **28%**" in said(at)
    at.slider(key="noise_b").set_value(4.0).run()
    assert "leaks at least **5%**" in said(at)
    assert "A lower bound" not in said(at)
    assert "below the floor it cannot get" in said(at)


def test_without_a_stored_result_the_command_is_named(open_bare):
    for part in (DOSES, ORACLE, NUMBERS):
        at = open_bare(noise_part=part)
        assert any("python -m mtlviz noise --checkpoints kem cross_attention" in info.value for info in at.info)


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [("noise_part", "<script>", TOKEN), ("noise_relevant", "../x", TOKEN), ("noise_b", "-4", FLOOR),
     ("noise_tokens", "7", FLOOR), ("noise_seed", "inf", DOSES), ("noise_measure", "no", DOSES)],
)  # fmt: skip
def test_a_hostile_link_falls_back_and_says_so(open_bare, key, value, part):
    at = open_bare(**{"noise_part": part, key: value})
    assert not at.exception
    assert not at.error
    assert f"The link's “{key}”" in said(at)
