"""The frame: navigation, sidebar, links, errors as sentences."""

import pytest

from mtlviz.ui import frame, state
from tests.app.conftest import click_token, png, said, upload

PREDICTIONS = "pages/1_predictions.py"


def test_home_names_every_page_with_its_question(open_page):
    at = open_page()
    assert not at.exception
    for entry in frame.PAGES:
        assert entry.question in said(at)


def test_random_weights_carry_a_badge(open_page):
    assert "RANDOM WEIGHTS" in said(open_page())


def test_a_session_starts_with_a_held_out_room_and_kem_beside_cross_attention(open_page):
    at = open_page()
    assert at.session_state["_current"].source == "room"
    assert at.session_state["_current"].sample.labels
    assert (at.selectbox(key="model").value, at.selectbox(key="second").value) == ("kem", "cross_attention")


def test_a_link_opens_what_it_names(open_page):
    at = open_page(source="photo", photo="flower", model="none", second="kem")
    assert at.session_state["_current"].sample.name == "Photograph: flower"
    assert (at.selectbox(key="model").value, at.selectbox(key="second").value) == ("none", "kem")
    assert [info.value for info in at.info] == []


def test_a_link_restores_the_choices_that_it_was_made_from(open_page):
    at = open_page(PREDICTIONS)
    at.number_input(key="room").set_value(5)
    at.selectbox(key="model").set_value("none")
    at = click_token(at, 3, 4)
    widgets = [at.number_input(key="room"), at.selectbox(key="model"), at.number_input(key="row")]
    assert all(widget.proto.query_param_key == widget.key for widget in widgets)
    again = open_page(PREDICTIONS, room="5", model="none", row="3", column="4")
    assert again.session_state["_current"].sample.name == "room 5"
    assert again.selectbox(key="model").value == "none"
    assert (again.number_input(key="row").value, again.number_input(key="column").value) == (3, 4)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("source", "<script>alert(1)</script>"),
        ("model", "../../etc/passwd"),
        ("second", "kem'; drop table"),
        ("room", "not-a-number"),
        ("room", "-1"),
        ("room", "1e99"),
        ("room", "99999"),
        ("model", "\x00"),
    ],
)
def test_a_hostile_link_falls_back_and_says_so(open_page, key, value):
    at = open_page(**{key: value})
    assert not at.exception
    assert not at.error
    assert any(f"“{key}”" in info.value for info in at.info)
    assert value not in said(at)
    assert at.selectbox(key="model").value == "kem"
    assert at.session_state["_current"].sample.name == "room 0"


@pytest.mark.parametrize(("key", "value"), [("row", "99"), ("row", "x"), ("column", "-3"), ("opacity", "inf")])
def test_a_hostile_link_to_a_page_falls_back_and_says_so(open_page, key, value):
    at = open_page(PREDICTIONS, **{key: value})
    assert not at.exception
    assert not at.error
    assert at.number_input(key="row").value == 8
    assert any(f"“{key}”" in info.value for info in at.info)


def test_a_hostile_photograph_falls_back_and_says_so(open_page):
    at = open_page(source="photo", photo="../../secret")
    assert at.session_state["_current"].sample.name == "Photograph: temple"
    assert any("“photo”" in info.value for info in at.info)


def test_choices_survive_a_change_of_page(open_page):
    at = open_page(PREDICTIONS)
    at.number_input(key="room").set_value(5)
    at.slider(key="opacity").set_value(40)
    at.run()
    at.switch_page("pages/3_compare.py").run()
    assert at.session_state["_current"].sample.name == "room 5"
    at.switch_page(PREDICTIONS).run()
    assert at.session_state["_current"].sample.name == "room 5"
    assert at.slider(key="opacity").value == 40


def test_an_upload_becomes_the_image_and_stays_on_other_pages(open_page):
    at = upload(open_page(), "my room.png", png())
    assert at.session_state["_current"].sample.name == "my room.png"
    at.switch_page(PREDICTIONS).run()
    assert not at.exception
    assert at.session_state["_current"].source == "upload"
    assert "my room" in said(at)


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.png", b"not an image"), ("x.png", png()[:200]), ("x.png", b""), ("x.png", png(8, 8))],
    ids=["text", "cut short", "empty", "too small"],
)
def test_a_bad_upload_gives_one_sentence_and_keeps_the_image(open_page, name, content):
    at = upload(open_page(), name, content)
    assert not at.exception
    assert len(at.error) == 1
    assert at.session_state["_current"].sample.name == "room 0"
    at.switch_page(PREDICTIONS).run()
    assert not at.exception
    assert at.get("plotly_chart")


def test_a_good_upload_after_a_bad_one_clears_the_sentence(open_page):
    at = upload(open_page(), "x.png", b"not an image")
    at.file_uploader(key="upload_file").set_value(("y.png", png(), "image/png"))
    at.run()
    assert not at.error
    assert at.session_state["_current"].sample.name == "y.png"


def test_markup_in_a_file_name_stays_text(open_page):
    at = upload(open_page(PREDICTIONS), "**b** <img src=x> $x$.png", png())
    assert not at.exception
    assert r"\*\*b\*\* \<img src=x\> \$x\$" in said(at)
    assert "**b**" not in said(at)


def test_a_large_upload_is_made_smaller_and_says_so(open_page):
    at = upload(open_page(), "big.png", png(2048, 64))
    assert at.session_state["_current"].sample.size == (32, 1024)
    assert "Made smaller from 2,048 × 64" in said(at)


def test_without_checkpoints_the_app_says_what_to_do(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv(state.FOLDER_VARIABLE, str(tmp_path))
    at = open_page(PREDICTIONS)
    assert not at.exception
    assert any("manifest.json" in error.value.replace("\\", "") for error in at.error)


def test_a_failing_page_shows_a_sentence_and_no_traceback(open_page, monkeypatch, caplog):
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(state, "run", fail)
    at = open_page(PREDICTIONS)
    assert not at.exception
    assert len(at.error) == 1
    assert "secret detail" not in said(at)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    ("page", "key", "value"),
    [
        ("pages/2_slots.py", "row", "1e999"),
        ("pages/2_slots.py", "slot", "-1e999"),
        (None, "room", "1e999"),
        (None, "room", "inf"),
    ],
)
def test_an_infinite_number_in_a_link_is_dropped_and_said(open_page, page, key, value):
    at = open_page(page, **{key: value})
    assert not at.exception
    assert not at.error
    assert any(f"“{key}”" in info.value for info in at.info)
