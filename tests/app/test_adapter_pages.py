"""Every page with a network that is not ours: it shows what there is, and says what there is not."""

import os

import pytest

from mtlviz.adapters import sources
from mtlviz.checkpoints import DEFAULT_FOLDER
from mtlviz.ui import frame, model_roots
from tests.app.conftest import ROOT, said

FULL = f"{ROOT / 'examples' / 'task_exchange_adapter.py'}:TaskExchange"
BARE = "tests.adapters.broken:Small"
PAGES = [entry.file for entry in frame.PAGES if (ROOT / entry.file).exists()]
LACKING = {
    "pages/2_slots.py": "has no memory slots",
    "pages/4_etf.py": "does not record its features",
    "pages/5_collapse.py": "Small comes from an adapter",
    "pages/6_embedding.py": "does not record its features",
    "pages/7_stability.py": "has no memory slots",
    "pages/8_affinity.py": "compares no pixels inside a task",
    "pages/9_noise.py": "Small has no reading to look at",
    "pages/10_surgery.py": "comes from an adapter whose card names no edits",
}
"""What a page says of a network that gives predictions and nothing else; the pages that are left show it."""


@pytest.fixture
def adapters(monkeypatch) -> None:
    """Both adapters, named as the person who starts the app names them."""
    monkeypatch.setenv(sources.VARIABLE, f"{FULL},{BARE}")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("model", ["task-exchange", "small"])
def test_no_page_fails_on_a_network_that_is_not_ours(adapters, open_page, page, model):
    at = open_page(page, model=model, second="kem")
    assert not at.exception
    words = said(at)
    assert "a problem of its own" not in words
    assert at.selectbox(key="model").value == model
    if model == "small" and page in LACKING:
        assert LACKING[page] in words.replace("**", "")


@pytest.mark.parametrize("part", ["all tokens", "the floor", "dose and response", "noise taken away", "all numbers"])
def test_attention_of_an_adapter_is_measured_as_that_of_a_checkpoint(adapters, open_page, part):
    at = open_page("pages/9_noise.py", model="task-exchange", second="cross_attention", noise_part=part)
    assert not at.exception
    assert not at.error
    assert "a problem of its own" not in said(at)


def test_an_adapter_is_badged_as_what_it_is(adapters, open_page):
    at = open_page(model="task-exchange", second="task-exchange")
    assert ":red-badge[RANDOM WEIGHTS]" in said(at)


def test_a_link_cannot_name_code(open_page, tmp_path):
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    at = open_page("pages/1_predictions.py", model=f"{evil}:Adapter", second=f"{evil}:Adapter")
    assert not at.exception
    assert at.selectbox(key="model").value == "kem"
    assert not (tmp_path / "ran").exists()


def test_an_adapter_that_cannot_be_loaded_is_one_sentence(open_page, monkeypatch):
    monkeypatch.setenv(sources.VARIABLE, "gone.py:Adapter")
    at = open_page()
    assert not at.exception
    assert any("There is no file" in error.value for error in at.error)


def test_the_command_line_names_folders_and_adapters():
    variables = {"MTLVIZ_CHECKPOINTS": "old", sources.VARIABLE: "a:A"}
    words = ["--data", "d", "--checkpoints", "one", "--adapter", "b:B", "--checkpoints=two", "--adapter=a:A"]
    model_roots.announce(words, variables)
    assert variables == {"MTLVIZ_CHECKPOINTS": os.pathsep.join(("one", "two")), sources.VARIABLE: "a:A,b:B"}
    folders = model_roots.model_folders(variables)
    assert [folder.name for folder in folders] == ["one", "two"]
    assert model_roots.as_folders(model_roots.as_text(folders)) == folders
    unchanged = dict(variables)
    model_roots.announce([], unchanged)
    assert unchanged == variables


def test_without_a_folder_the_shipped_one_is_used():
    assert model_roots.model_folders({}) == DEFAULT_FOLDER
    assert model_roots.as_folders(model_roots.as_text(DEFAULT_FOLDER)) == DEFAULT_FOLDER
