"""The Models page: cards, filters, two beside each other, and the way to the other pages."""

import json
import shutil

import pytest

from mtlviz.checkpoints import ModelCard, load_weights, read_card, save_checkpoint
from mtlviz.ui.frame import PAGES
from mtlviz.ui.models import card as models_card
from mtlviz.ui.models import pair
from mtlviz.ui.models.abilities import reasons, recorded
from tests.app.conftest import MODELS, ROOT, said, save_tiny

PAGE = "pages/13_models.py"
EVERY = [*MODELS, "skem"]


def codes(at) -> list[str]:
    return [one.value for one in at.code]


def keys(at) -> set[str]:
    return {one.key for one in at.button}


def test_every_model_has_a_card_with_its_hash_and_badge(open_page, checkpoints):
    at = open_page(PAGE)
    assert not at.exception
    assert not at.error
    words = said(at)
    assert f"**{len(EVERY)} models** of 4 to 6 tasks and" in words
    for name in EVERY:
        card = read_card(name, checkpoints)
        assert card.weights_sha256 in codes(at)
        assert f"`{name}`" in words
    assert words.count("RANDOM WEIGHTS") >= len(EVERY)
    for command in ("import-checkpoint", "hub pull", "MTLVIZ_ADAPTERS"):
        assert any(command in code for code in codes(at))


def test_filters_leave_the_models_that_fit(open_page):
    at = open_page(PAGE, models_tasks="human_parts")
    assert {key for key in keys(at) if key.startswith("models_compare_")} == {"models_compare_skem"}
    at = open_page(PAGE, models_interaction="ctal")
    assert {key for key in keys(at) if key.startswith("models_compare_")} == {"models_compare_ctal"}
    at = open_page(PAGE, models_interaction="ctal", models_tasks="saliency")
    assert "No model here has Saliency and ctal" in said(at)


def test_a_card_offers_the_pages_that_it_has_something_to_show_on(open_page):
    offered = keys(open_page(PAGE))
    assert "models_all_kem_slots" in offered
    assert "models_all_ctal_slots" not in offered
    assert "models_all_ctal_affinity" in offered
    assert "models_all_none_noise" not in offered
    assert "models_all_none_predictions" in offered


def test_a_button_opens_the_page_with_that_model(open_page):
    at = open_page(PAGE, room="3")
    at.button(key="models_face_ctal_affinity").click().run()
    assert not at.exception
    assert at.title[0].value.startswith("Which pixels does each task consider alike")
    assert at.selectbox(key="model").value == "ctal"
    assert at.session_state["_current"].sample.name == "room 3"


def test_what_a_card_offers_is_what_the_page_shows(open_page):
    """The reasons are told from cards; the pages decide by traces."""
    offered = keys(open_page(PAGE))
    for page, word in (("slots", "has no memory slots"), ("affinity", "compares no pixels inside a task")):
        entry = next(entry for entry in PAGES if entry.url == page)
        for name in MODELS:
            at = open_page(entry.file, model=name, second=name)
            assert (word in said(at)) == (f"models_all_{name}_{page}" not in offered)


def test_two_cards_are_compared_by_link_and_by_button(open_page):
    at = open_page(PAGE, models_pair=["kem", "ctal"])
    found = at.dataframe[0].value
    assert list(found.columns) == ["Part", "Entry", pair.DIFFERS, "KEM", "CTAL"]
    assert set(found[pair.DIFFERS]) == {pair.DIFFERS}
    row = found.set_index("Entry").loc["interaction"]
    assert (row["KEM"], row["CTAL"]) == ("kem", "ctal")
    at = open_page(PAGE)
    assert not len(at.dataframe)
    for name in ("none", "kem", "ctal"):
        at.button(key=f"models_compare_{name}").click().run()
    assert at.multiselect(key="models_pair").value == ["kem", "ctal"]
    at.button(key="models_compare_kem").click().run()
    assert at.multiselect(key="models_pair").value == ["ctal"]


def test_a_model_does_not_differ_from_itself_and_defaults_are_filled_in(tmp_path):
    save_tiny("three", "Three", "kem", {"picks": 3}, tmp_path)
    save_tiny("usual", "Usual", "kem", {}, tmp_path)
    first, second = (read_card(name, tmp_path) for name in ("three", "usual"))
    assert not any(one.differs for one in pair.settings(first, first))
    different = {one.name for one in pair.settings(first, second) if one.differs}
    assert "options.picks" not in different  # 3 is the default
    assert "weights sha256" in different


def card(**changes) -> ModelCard:
    plain = read_card("kem", ROOT / "checkpoints").model_dump()
    return ModelCard.model_validate({**plain, **changes})


def test_shipped_cards_say_what_they_record():
    folder = ROOT / "checkpoints"
    records = {name: recorded(read_card(name, folder)) for name in ("kem", "skem", "inducing_points", "ctal", "none")}
    assert records == {"kem": "slots", "skem": "slots", "inducing_points": "slots", "ctal": "affinity", "none": ""}
    assert recorded(read_card("topk_attention", folder)) == "attention"
    assert "nothing is selected" in reasons(read_card("inducing_points", folder))["stability"]
    assert not any(reasons(card()).values()) or {url for url, why in reasons(card()).items() if why} == {"affinity"}


def test_an_adapter_shows_what_its_card_claims():
    own = card(
        architecture={"network": "Other", "interaction": "own"},
        capabilities={"trace": "attention", "features": False, "gradients": True, "edits": ()},
    )
    missing = {url for url, why in reasons(own).items() if why}
    assert missing == {"slots", "affinity", "etf", "collapse", "embedding", "stability", "surgery"}


def test_every_page_that_looks_at_a_model_is_judged():
    assert set(reasons(card())) == {entry.url for entry in PAGES} - {"models", "results"}


def test_headlines_and_budget_of_a_shipped_card(open_page, monkeypatch):
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(ROOT / "checkpoints"))
    at = open_page(PAGE)
    assert not at.exception
    words = said(at).replace(models_card.NO_BREAK, " ").replace("\\", "")
    kem = card()
    value = kem.metrics["rooms:val"]["tasks"]["semseg"]["metrics"]["miou"]
    assert f"| Segmentation, mIoU ↑ | **{value:.3f}** |" in words
    assert "Trained on 6,000 rendered rooms, 60,000 images seen, seed 1." in words
    assert "1.27 M parameters · 5.1 MB · 128 × 160 px · MIT" in words
    assert "Encoders that networks start from" in [one.value for one in at.subheader]


def test_a_card_is_downloaded_as_it_is(checkpoints):
    kem = read_card("kem", checkpoints)
    assert ModelCard.model_validate(json.loads(models_card._json(kem))) == kem


def test_a_damaged_checkpoint_is_a_sentence_on_its_card(open_page, checkpoints, tmp_path, monkeypatch):
    folder = tmp_path / "some"
    shutil.copytree(checkpoints, folder)
    (folder / "ctal.json").write_text("{}")
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(folder))
    at = open_page(PAGE)
    assert not at.exception
    assert len(at.error) == 1
    assert "ctal" in at.error[0].value
    assert "models_compare_kem" in keys(at)


def test_markup_on_a_card_stays_text(open_page, checkpoints, tmp_path, monkeypatch):
    plain = read_card("kem", checkpoints).model_copy(update={"title": "**b** $x$", "summary": "[a](http://b)"})
    save_checkpoint(load_weights("kem", checkpoints), plain, tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    at = open_page(PAGE)
    assert not at.exception
    assert r"\*\*b\*\* \$x\$" in said(at)
    assert r"\[a\]\(http\://b\)" in said(at)


@pytest.mark.parametrize("query", [{"models_pair": ["kem", "nobody"]}, {"models_tasks": "telepathy"}])
def test_a_link_to_what_is_not_there_says_so(open_page, query):
    at = open_page(PAGE, **query)
    assert not at.exception
    assert not at.error
    assert any("is not one of the choices" in info.value for info in at.info)
