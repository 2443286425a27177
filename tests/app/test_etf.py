"""The ETF geometry page: frames, class means, sets of rooms, models side by side, and its empty states."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from mtlviz.analysis.class_cloud import run_clouds
from mtlviz.analysis.etf_geometry import class_geometry, fitted_vertices, ideal_angle, ideal_gram
from mtlviz.plots.style import BUDGET
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture
from mtlviz.ui import sources, state
from mtlviz.ui.etf import models, page, panels
from tests.app.conftest import png, said, spec, specs, upload

PAGE = "pages/4_etf.py"
SIX = {"model": "skem", "etf_task": "human_parts"}
PERSON = "5"
"""A room with a person in it."""


def clouds(model: str = "kem", room: int = 0):
    """What the page is about."""
    return run_clouds(state.engine_named(model).run(sources.room(room), capture=Capture(features=True)))


def matrix(at, index: int) -> np.ndarray:
    """Values of a heatmap of the page."""
    heat = spec(at, index)["data"][0]["z"]
    shape = [int(side) for side in heat["shape"].split(",")]
    return np.frombuffer(base64.b64decode(heat["bdata"]), heat["dtype"]).reshape(shape)


def rows(at) -> dict[str, list[str]]:
    """The first table of numbers, by column."""
    return {name: list(column) for name, column in at.table[0].value.items()}


def test_the_page_draws_the_frame_beside_the_class_means(open_page):
    at, cloud = open_page(PAGE), clouds()["semseg", "interaction_input"]
    geometry = class_geometry(cloud.means)
    assert not at.exception
    assert not at.error
    assert matrix(at, 0) == pytest.approx(ideal_gram(geometry.classes), abs=1e-6)
    assert matrix(at, 1) == pytest.approx(geometry.cosines, abs=1e-5)
    words = said(at)
    assert f"**{ideal_angle(geometry.classes):.1f}°** by **{geometry.numbers.angle_gap:.1f}°**" in words
    assert f"**{geometry.classes} of 17** classes of segmentation are present" in words
    assert "classes are ground truth" in words
    absent = TASKS["semseg"].class_names[int(np.flatnonzero(cloud.pixels == 0)[0])]
    assert absent in words.split("Absent:")[1].split("\n")[0]


def test_the_numbers_are_those_of_the_analysis_beside_chance_and_an_exact_frame(open_page):
    at, geometry = open_page(PAGE), class_geometry(clouds()["semseg", "interaction_input"].means)
    numbers, found = geometry.numbers, rows(at)
    vertex = fitted_vertices(geometry.centred).angles(geometry.centred).mean()
    assert found["KEM"] == [
        f"{numbers.equinorm:.3f}", f"{numbers.mean_deviation:.3f}", f"{numbers.max_deviation:.3f}",
        f"{numbers.equiangular:.3f}", f"{numbers.angle_gap:.1f}°", f"{numbers.etf_error:.3f}", f"{vertex:.1f}°",
    ]  # fmt: skip
    assert set(found["Exact frame"]) == {"0.000", "0.0°"}
    assert "Random directions" in found


def test_every_figure_is_explained_and_small(open_page):
    at = open_page(PAGE, model="skem", second="kem", etf_beside="second model", etf_all="true")
    assert not at.exception
    assert max(map(len, specs(at))) < BUDGET
    assert said(at).count("How to read this") == len(specs(at))


def test_two_models_stand_side_by_side(open_page):
    at = open_page(PAGE, model="kem", second="none", etf_beside="second model")
    for index, model in enumerate(("kem", "none"), start=1):
        expected = class_geometry(clouds(model)["semseg", "interaction_input"].means).cosines
        assert matrix(at, index) == pytest.approx(expected, abs=1e-5)
    assert "**Hard sharing** misses it by" in said(at)
    assert {"KEM", "Hard sharing"} <= set(rows(at))
    assert "Hard sharing has no interaction" in said(at)


def test_before_and_after_the_projection_stand_side_by_side(open_page):
    at = open_page(PAGE, model="skem", etf_beside="another place")
    found = clouds("skem")
    for index, place in enumerate(("interaction_input", "task_encoder"), start=1):
        expected = class_geometry(found["semseg", place].means).cosines
        assert matrix(at, index) == pytest.approx(expected, abs=1e-5)
    assert {"sKEM, interaction input", "sKEM, task encoder"} <= set(rows(at))


@pytest.mark.parametrize("place", ["encoder", "task encoder", "interaction output", "decoder"])
def test_every_place_can_be_looked_at(open_page, place):
    at = open_page(PAGE, etf_place=place)
    assert not at.exception
    assert not at.error
    assert f"KEM, {place}:" in said(at)


def test_a_model_with_a_frame_is_measured_by_it_or_by_the_best_rotation(open_page):
    at = open_page(PAGE, model="skem")
    assert "Vertices of sKEM are its own" in said(at)
    own, mark = rows(at)["sKEM"][-1].split("°")
    assert "(own)" in mark
    assert rows(at)["Random directions"][-1] == "90.0°\u00a0(own)"  # nothing turns a model's own frame
    at.selectbox(key="etf_vertices").set_value("best rotation").run()
    assert "orthogonal Procrustes" in said(at)
    turned, mark = rows(at)["sKEM"][-1].split("°")
    assert not mark
    assert "(own)" not in rows(at)["Random directions"][-1]
    assert float(turned) < float(own)  # a random model is nowhere near its frame


def test_frames_of_two_tasks_are_shown_to_be_orthogonal(open_page):
    at = open_page(PAGE, **SIX, room=PERSON)
    assert "The model's own frame" in [heading.value for heading in at.subheader]
    assert "**17** vertices for Segmentation (exact) and **7** vertices for Human parts (exact) in 24" in said(at)
    frames = matrix(at, len(specs(at)) - 1)
    assert frames.shape == (24, 24)
    assert frames[:17, 17:] == pytest.approx(0, abs=1e-6)


def test_more_classes_than_dimensions_say_that_equal_angles_do_not_fit(open_page):
    """The tiny models have 8 dimensions; all 17 classes would need 16."""
    at = open_page(PAGE, etf_images="a set", etf_rooms="40", etf_place="decoder")
    at.button(key="etf_start").click().run()
    assert not at.exception
    classes = int(said(at).split(" of 17** classes")[0].split("**")[-1])
    assert classes > 9
    assert f"{classes} equal angles need {classes - 1} dimensions" in said(at)
    assert rows(at)["KEM"][-1] == "does not fit"


def test_a_set_is_pooled_on_a_button_and_kept(open_page):
    at = open_page(PAGE, etf_images="a set", etf_rooms="6")
    assert "One pass over **6 held-out rooms**" in said(at)
    assert not specs(at)
    at.button(key="etf_start").click().run()
    assert not at.exception
    assert "classes of 6 held-out rooms" in said(at)
    tokens = sum(clouds(room=room)["semseg", "interaction_input"].tokens.sum() for room in range(6))
    assert f"from {tokens:,} tokens" in said(at)
    other = at.selectbox(key="etf_place").set_value("encoder").run()
    assert "KEM, encoder:** the" in said(other)  # without another pass


def test_a_larger_set_has_spread(open_page):
    at = open_page(PAGE, etf_images="a set", etf_rooms="25")
    at.button(key="etf_start").click().run()
    assert all("±" in text for text in rows(at)["KEM"][:-1])
    assert "bootstrap" in said(at)


def test_a_stopped_set_shows_what_is_done_and_can_go_on(open_page):
    at = open_page(PAGE, etf_images="a set", etf_rooms="5")
    at.button(key="etf_start").click().run()
    at.session_state["_etf_started"] = False  # what the Stop button does
    at.number_input(key="etf_rooms").set_value(10).run()
    assert "classes of 5 held-out rooms" in said(at)
    assert "Stopped before all 10 rooms were done" in said(at)
    at.button(key="etf_start").click().run()
    assert "classes of 10 held-out rooms" in said(at)


def test_fewer_rooms_are_pooled_anew_and_are_the_same_as_ever(open_page):
    at = open_page(PAGE, etf_images="a set", etf_rooms="3")
    at.button(key="etf_start").click().run()
    three = matrix(at, 1)
    at.number_input(key="etf_rooms").set_value(5).run()
    assert "classes of 5 held-out rooms" in said(at)
    at.number_input(key="etf_rooms").set_value(3).run()
    assert "classes of 3 held-out rooms" in said(at)
    assert matrix(at, 1) == pytest.approx(three)


def test_all_models_are_compared_before_and_after(open_page):
    at = open_page(PAGE, etf_all="true")
    figure = spec(at, len(specs(at)) - 1)
    marks = next(trace for trace in figure["data"] if trace.get("name") == "interaction input")
    assert sorted(marks["y"]) == sorted(state.model_names())
    assert sorted(at.table[-1].value.index) == sorted(state.model_names())


def test_an_image_without_labels_says_whose_classes_are_used(open_page):
    at = upload(open_page(PAGE, etf_place="task encoder"), "mine.png", png(96, 40))
    assert not at.exception
    assert any(part in said(at) for part in ("so classes are what KEM predicts", "an angle needs two classes"))


def test_an_image_with_fewer_than_two_classes_says_why_and_offers_a_set(open_page):
    at = open_page(PAGE, **SIX, room="0")
    assert "This image holds no class" in said(at)
    assert "an angle needs two classes" in said(at)
    assert not specs(at)
    at.button(key="etf_pool").click().run()
    assert at.segmented_control(key="etf_images").value == "a set"
    assert "One pass over" in said(at)


def test_a_second_model_without_the_task_is_named(open_page):
    at = open_page(PAGE, **SIX, second="kem", room=PERSON, etf_beside="second model")
    assert not at.exception
    assert any("KEM does not predict human parts" in info.value for info in at.info)
    assert "KEM" not in rows(at)


def test_a_second_side_with_fewer_than_two_classes_says_so_everywhere(open_page, monkeypatch):
    """On a photograph, models see different classes, and one may see a single one."""
    chosen = page.image_sides

    def poor(choice):
        first, second = chosen(choice)
        cloud = second.cloud
        only = np.arange(len(cloud.tokens)) == cloud.present[0]
        single = replace(cloud, tokens=cloud.tokens * only, pixels=cloud.pixels * only)
        return [first, replace(second, cloud=single)]

    monkeypatch.setattr(page, "image_sides", poor)
    at = open_page(PAGE, second="none", etf_beside="second model")
    assert not at.exception
    assert not at.error
    assert said(at).count("**Hard sharing** has fewer than two classes here") == 2
    assert set(rows(at)["Hard sharing"]) == {"–"}


def test_all_models_are_compared_where_the_first_sees_a_single_class(open_page, monkeypatch):
    chosen = models.image_side

    def poor(engine, view):
        side = chosen(engine, view)
        if engine.card.name != "cross_attention":  # the first by name
            return side
        only = np.arange(len(side.cloud.tokens)) == side.cloud.present[0]
        return replace(side, cloud=replace(side.cloud, tokens=side.cloud.tokens * only))

    monkeypatch.setattr(models, "image_side", poor)
    at = open_page(PAGE, etf_all="true")
    assert not at.exception
    assert not at.error
    assert set(at.table[-1].value.loc["cross_attention"]) == {"–"}


def test_a_task_that_the_next_model_does_not_have_gives_way(open_page):
    at = open_page(PAGE, **SIX, room=PERSON)
    at.selectbox(key="model").set_value("kem").run()
    assert not at.exception
    assert "classes of segmentation are present" in said(at)


def test_a_model_without_classes_says_why_and_offers_one_that_has_them(open_page, monkeypatch):
    read = state.card

    def only_depth(name: str):
        card = read(name)
        return card.model_copy(update={"tasks": (TASKS["depth"],)}) if name == "none" else card

    at = open_page(model="none")
    engine = state.engine_named("none")
    monkeypatch.setattr(engine, "card", only_depth("none"))
    monkeypatch.setattr(state, "card", only_depth)
    at.switch_page(PAGE).run()
    assert not at.exception
    assert "predicts depth: none of them has classes" in said(at)
    assert not specs(at)
    at.button(key="etf_use_kem").click().run()
    assert at.selectbox(key="model").value == "kem"
    assert specs(at)


def test_chosen_classes_are_in_the_view(open_page):
    names = [TASKS["semseg"].class_names[label] for label in clouds()["semseg", "encoder"].present]
    at = open_page(PAGE, etf_show_semseg=names[:2])
    figures = [spec(at, index) for index in range(len(specs(at)))]
    view = next(figure for figure in figures if "scene" in figure["layout"])
    assert [note["text"] for note in view["layout"]["scene"]["annotations"]] == [f"<b>{name}</b>" for name in names[:2]]
    assert "form a line, drawn without distortion" in said(at)
    many = at.multiselect(key="etf_show_semseg").set_value(names[:5]).run()
    assert "5 vertices do not fit into three dimensions" in said(many)


def test_classes_that_are_absent_leave_the_view_empty_and_are_named(open_page):
    cloud = clouds()["semseg", "encoder"]
    absent = [name for name, tokens in zip(TASKS["semseg"].class_names, cloud.tokens, strict=True) if not tokens]
    at = open_page(PAGE, etf_show_semseg=absent[:2])
    assert not at.exception
    assert f"Not here: {', '.join(absent[:2])}" in said(at)
    assert "Fewer than two of the chosen classes" in said(at)


@pytest.mark.parametrize(
    ("key", "value"),
    [("etf_place", "<script>"), ("etf_rooms", "1e9"), ("etf_rooms", "inf"), ("etf_beside", "../x"),
     ("etf_task", "depth"), ("etf_look", "<b>x"), ("etf_show_semseg", "dragon")],
)  # fmt: skip
def test_a_hostile_link_falls_back_and_says_so(open_page, key, value):
    at = open_page(PAGE, **{key: value}, **({"etf_images": "a set"} if key == "etf_rooms" else {}))
    assert not at.exception
    assert f"The link's “{key}”" in said(at)
    assert value not in said(at)


def test_a_trend_is_named_only_where_it_is_more_than_chance():
    shares = np.linspace(0.01, 0.2, 20)
    swapped = np.array([1.0, 0.0, 3.0, 4.0, 2.0])  # a rank correlation of 0.6 over five classes
    assert "frequency says little about it" in panels._relation(shares[:5], swapped)
    assert "frequent classes are farther away" in panels._relation(shares, np.arange(20.0))
    assert "rare classes are farther away" in panels._relation(shares, -np.arange(20.0))


def test_a_run_without_the_labels_of_an_image_is_not_the_run_with_them():
    room, engine = sources.room(1), state.engine_named("kem")
    assert state.run(engine, replace(room, labels={}, valid={})).sample.labels == {}
    assert state.run(engine, room).sample.labels.keys() == room.labels.keys()
