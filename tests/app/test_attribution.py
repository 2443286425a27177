"""The Attribution page: targets, methods, cost, progress and stop, two models, hostile links."""

import os
import time
from pathlib import Path

import pytest

from mtlviz import results
from mtlviz.analysis.attribution.convergence import KIND, Gap, as_plain, protocol
from mtlviz.analysis.attribution.desk import Stopped
from mtlviz.analysis.attribution.request import METHODS, OF_METHOD
from mtlviz.engine import load
from mtlviz.plots.style import BUDGET
from mtlviz.ui.attribution import job as attribution_job
from tests.app.conftest import click_token, png, said, spec, specs, upload

PAGE = "pages/11_attribution.py"
INSIDE = {"slots": "memory slots", "tasks": "no task reads"}


@pytest.fixture(autouse=True)
def fresh_desk(monkeypatch):
    """Every test starts without remembered answers, and on a machine that counts as fast."""
    attribution_job.desk.clear()
    monkeypatch.setattr(attribution_job, "AUTOMATIC", 1e9)


def open_at(open_page, **query):
    return open_page(PAGE, **{f"attribution_{key}": value for key, value in query.items()})


def computed(at):
    """Press the button and wait until the answers are there."""
    at.button(key="attribution_compute").click().run()
    end = time.monotonic() + 120
    while any(button.key == "attribution_stop" for button in at.button) and time.monotonic() < end:
        time.sleep(0.1)
        at.run()
    assert not at.exception
    assert not at.error
    return at


def test_a_cheap_map_is_there_at_once_and_its_test_waits_for_the_button(open_page):
    at = open_at(open_page)
    assert not at.exception
    assert not at.error
    assert "half of the map lies on" in said(at)
    assert "nothing has tested it yet" in said(at)
    assert "passes" in said(at)
    assert len(specs(at)) == 2
    assert max(map(len, specs(at))) < BUDGET


def test_where_even_a_cheap_map_is_slow_it_waits_for_the_button(open_page, monkeypatch):
    monkeypatch.setattr(attribution_job, "AUTOMATIC", 0.0)
    at = open_at(open_page)
    assert "Nothing is computed" in said(at)
    assert not specs(at)
    assert any(button.key == "attribution_compute" for button in at.button)


@pytest.mark.parametrize(("method", "features"), [(method, one) for method in METHODS for one in OF_METHOD[method]])
def test_every_method_is_computed_tested_and_explained(open_page, method, features):
    at = open_at(open_page, method=method, features=features, samples="2", steps="32", parts="6", window="8")
    computed(at)
    assert "How to read this" in said(at)
    assert "score **" in said(at)
    assert "Nothing is computed" not in said(at)
    assert not any(button.key == "attribution_compute" for button in at.button)


@pytest.mark.parametrize("where", ["pixel", "box", "class", "image"])
@pytest.mark.parametrize("task", ["semseg", "depth", "normals", "edge"])
def test_every_target_is_drawn_for_every_task(open_page, where, task):
    at = open_page(PAGE, task=task, attribution_where=where)
    assert not at.exception
    assert not at.error
    assert "half of the map lies on" in said(at)


@pytest.mark.parametrize("features", ["slots", "tasks"])
def test_a_model_without_slots_or_reading_says_so(open_page, features):
    at = open_page(PAGE, model="none", second="ctal", attribution_method="feature ablation",
                   attribution_features=features)  # fmt: skip
    assert not at.exception
    assert not at.error
    assert INSIDE[features] in said(at)
    assert "Choose another model" in said(at)


def test_answers_come_back_at_once(open_page):
    at = computed(open_at(open_page, method="occlusion", window="8"))
    click_token(at, 3, 3)
    assert any(button.key == "attribution_compute" for button in at.button)
    click_token(at, 8, 10)
    assert not any(button.key == "attribution_compute" for button in at.button)


def test_a_stopped_computation_says_so_and_can_begin_again(open_page, monkeypatch):
    def never(*arguments, **options):
        tick = arguments[3]
        while True:
            time.sleep(0.02)
            tick(1)

    at = open_at(open_page, method="occlusion")
    with monkeypatch.context() as patch:
        patch.setattr(attribution_job, "explain", never)
        at.button(key="attribution_compute").click().run()
        at.button(key="attribution_stop").click().run()
    assert "Stopped" in said(at)
    assert any(button.key == "attribution_compute" for button in at.button)


def test_a_stopped_job_raises_at_its_next_pass():
    job = attribution_job.AttributionJob("x", 3)
    job.tick(2)
    job.stop()
    with pytest.raises(Stopped):
        job.tick(1)
    assert job.done == 2


def test_the_control_has_another_map_than_the_model(open_page):
    at = open_at(open_page)
    own = spec(at, 0)
    at.selectbox(key="control").set_value("random weights").run()
    assert not at.exception
    assert spec(at, 0) != own
    assert "Negative control" in said(at)


def test_a_photograph_without_labels_in_a_letterbox_is_explained(open_page):
    at = open_at(open_page, method="integrated gradients", steps="32")
    upload(at, "tall.png", png(48, 96))
    computed(at)
    table = at.table[0].value
    assert "picks held" in table.loc["Convergence delta", "KEM"]
    assert table.loc["Convergence delta with free picks", "Cross-attention"] == "nothing is picked"


@pytest.mark.parametrize(
    ("key", "value"),
    [("attribution_method", "<script>"), ("attribution_features", "../x"), ("attribution_where", "nowhere"),
     ("attribution_baseline", "white"), ("attribution_seed", "-4"), ("attribution_region", "unicorn"),
     ("attribution_opacity", "7")],
)  # fmt: skip
def test_a_hostile_link_falls_back_and_says_so(open_page, key, value):
    at = open_page(PAGE, **{"attribution_where": "class", key: value})
    assert not at.exception
    assert not at.error
    assert f"The link's “{key}”" in said(at)
    assert value not in said(at) or value == "7"


def test_hovering_choices_of_one_task_do_not_break_another(open_page):
    at = open_page(PAGE, task="semseg", attribution_logit="sofa")
    at.selectbox(key="task").set_value("depth").run()
    assert not at.exception
    at.selectbox(key="task").set_value("semseg").run()
    assert not at.exception
    assert at.selectbox(key="attribution_logit").value == "sofa"


def test_convergence_over_images_is_shown_beside_integrated_gradients_or_its_command(open_page, results_folder):
    at = computed(open_at(open_page, method="integrated gradients", steps="32"))
    assert "python -m mtlviz attribution --checkpoints kem cross_attention" in said(at)
    card = load("kem", folder=Path(os.environ["MTLVIZ_CHECKPOINTS"])).card
    gaps = [Gap(0, "depth", "image", 0.01, 0.4, 0.001, 48), Gap(0, "semseg", "pixel", 0.07, None, 0.002, 256)]
    content = {"images": 1, "data": "rooms:val", "protocol": protocol(), "device": "cpu", "versions": {"mtlviz": "0"},
               "models": [as_plain(card, gaps)]}  # fmt: skip
    results.write_result(results_folder / "attribution.json", KIND, content)
    at.run()
    assert "**1 of 2** targets add up to 5%, the largest delta is **7.0%**" in said(at)
    assert "With free picks it is 0 of 1" in said(at)
    assert list(at.dataframe[0].value["Model"]) == ["KEM", "KEM"]
