"""The Neural collapse page without stored results: the command that makes one, and a pass made here."""

import pytest
from streamlit.testing.v1 import AppTest

from mtlviz.analysis.collapse.record import Protocol
from mtlviz.checkpoints import load_checkpoint, read_card
from mtlviz.training.collapse_pass import CollapsePass, Normalisation, collapse_statistics
from mtlviz.training.data import evaluation_set
from mtlviz.ui.collapse import live
from mtlviz.ui.collapse.results import LIVE
from mtlviz.ui.set_job import bar_with_stop
from tests.app.conftest import said
from tests.app.stored_collapse import PAGE, PANELS, heights, keys, stored


def started(at: AppTest) -> AppTest:
    """The page after a pass over two rooms."""
    at.number_input(key="collapse_rooms").set_value(2)
    return at.button(key="collapse_start").click().run()


@pytest.mark.parametrize("model", ["none", "kem", "cross_attention"])
def test_a_model_without_a_result_says_so_and_gives_the_command(results_folder, open_page, model) -> None:
    at = open_page(PAGE, model=model, second=model)
    assert not at.exception
    assert not at.error
    words = said(at)
    assert "No result is stored for the weights of **" in words
    command = f"python -m mtlviz collapse --checkpoint {model} --data rooms:val --out results/collapse-{model}.json"
    assert command in words
    assert not keys(at)


@pytest.mark.parametrize("model", ["none", "kem", "cross_attention"])
def test_a_pass_can_be_made_here_and_is_kept_for_the_session(results_folder, open_page, model) -> None:
    at = started(open_page(PAGE, model=model, second=model))
    assert not at.exception
    assert not at.error
    assert {f"collapse_{key}" for key in PANELS} <= set(keys(at))
    assert "2 images of rooms\\:val, computed in this session" in said(at)
    assert len(heights(at, "collapse_nc1_quotient")[0]) == 5
    at.run()
    assert "computed in this session" in said(at)
    if model == "none":
        assert "are the same features" in said(at)
    at.button(key="collapse_again").click().run()
    assert "No result is stored" in said(at)


def test_a_pass_here_finds_what_the_command_finds(results_folder, checkpoints, open_page) -> None:
    at = started(open_page(PAGE, second="kem"))
    network, card = load_checkpoint("kem", checkpoints)
    found = at.session_state[LIVE][card.weights_sha256]
    norm = Normalisation(card.mean, card.std)
    rooms = evaluation_set("rooms:val", 2, card.input_size)
    wanted = collapse_statistics(network, rooms, card.tasks, norm=norm)
    assert (found.classes, found.regression) == (wanted.classes, wanted.regression)
    assert (found.images, found.data, found.model) == (2, "rooms:val", "kem")


def test_a_stop_keeps_what_is_done(results_folder, checkpoints, open_page) -> None:
    network, card = load_checkpoint("kem", checkpoints)
    collected = CollapsePass(network, card.tasks, card.input_size, Normalisation(card.mean, card.std), Protocol())
    job = live.Job(card, "cpu", evaluation_set("rooms:val", 20, card.input_size), collected)
    at = open_page(PAGE, second="kem")
    at.session_state["_collapse_job"] = further = live.further(job, 3)
    assert further.position == 3
    at.session_state["_collapse_asked"] = live.Asked(20, frozenset({card.weights_sha256}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "_advance", lambda *_: bar_with_stop(live.STOP, live.stop))
        at.run()
        at.button(key="collapse_stop").click().run()
    assert "3 images of rooms\\:val, computed in this session" in said(at)


def test_two_models_are_computed_one_after_the_other(results_folder, checkpoints, open_page) -> None:
    at = started(open_page(PAGE))
    assert not at.exception
    assert len(heights(at, "collapse_nc1_quotient")) == 2
    stored(read_card("kem", checkpoints), results_folder)
    at.run()
    assert "KEM** (300 images" in said(at), "a stored result goes before one of the session"


def test_nothing_is_computed_before_it_is_asked_for(results_folder, open_page, monkeypatch) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("the page computed without being asked")

    monkeypatch.setattr("mtlviz.ui.collapse.live.load_checkpoint", forbidden)
    assert not open_page(PAGE).error
