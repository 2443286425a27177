"""The Neural collapse page on tiny models, with stored results and without."""

import csv
import io

import pytest

from mtlviz.analysis.collapse.record import ClassRow
from mtlviz.checkpoints import read_card, save_checkpoint
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.plots.collapse_classes import MEASURES
from mtlviz.plots.style import BUDGET
from mtlviz.tasks import TASKS
from mtlviz.ui.collapse import page, places, regression, training
from mtlviz.ui.collapse.words import frequency_correlation, rare_classes
from tests.app.conftest import ROOT, said, specs
from tests.app.stored_collapse import PAGE, PANELS, SHARES, chart, heights, keys, made, stored


@pytest.fixture
def both(results_folder, checkpoints):
    """Results of KEM and, twice as wide, of cross-attention; KEM's training logged."""
    stored(read_card("kem", checkpoints), results_folder, steps=(0, 1, 3))
    stored(read_card("cross_attention", checkpoints), results_folder, factor=2.0)
    return results_folder


def test_the_page_answers_with_the_numbers_of_both_models(both, open_page) -> None:
    at = open_page(PAGE)
    assert not at.exception
    assert not at.error
    words = said(at)
    assert "**Not collapsed** in KEM: at the decoder the features of segmentation vary **1.00** times" in words
    assert "class-balanced (band 0.90 to 1.10; 5.00 at the encoder; 0 is collapse)" in words
    assert "**window (2.00), ceiling (1.50) and floor (1.00)** lag furthest behind and hold 49% of" in words
    assert "Cross\\-attention has **2.00** there (band 1.80 to 2.20)" in words
    assert "300 images of rooms\\:val" in words
    assert max(len(one) for one in specs(at)) < BUDGET


def test_panels_hold_the_stored_numbers_by_place_and_model(both, open_page) -> None:
    at = open_page(PAGE)
    assert heights(at, "collapse_nc1_quotient") == [[5, 4, 3, 2, 1], [10, 8, 6, 4, 2]]
    assert heights(at, "collapse_agreement")[0] == pytest.approx([1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2])
    classifier = chart(at, "collapse_classifier")["data"]
    assert [trace["name"] for trace in classifier] == ["exact collapse", "KEM", "Cross-attention"]


def test_the_weighting_switches_the_series_and_the_sentence_says_why(both, open_page) -> None:
    at = open_page(PAGE, collapse_weighting="pixel-weighted")
    assert not at.exception
    assert heights(at, "collapse_nc1_quotient") == [[2.5, 2, 1.5, 1, 0.5], [5, 4, 3, 2, 1]]
    assert chart(at, "collapse_course_semseg_nc1_quotient")["data"][0]["y"] == [0.5, 0.25, 0.125]
    words = said(at)
    # variances 1, 2, 3, 4 under shares .5, .25, .15, .09 of .99: tr S_W = 1.828 pixel-weighted and 2.5 balanced
    assert "Wall holds **51%** of the positions" in words
    assert "it makes **28%** of the variance within classes, class-balanced (each of 4 classes the same) 10%" in words
    assert "from **1.00** to **0.50** at the decoder of KEM" in words
    assert "becomes 0.73 times as large, because frequent classes are tighter than the others" in words
    assert "that between class means 1.46 times" in words


def test_classes_are_sorted_and_the_measure_and_place_can_be_chosen(both, open_page) -> None:
    at = open_page(PAGE, collapse_measure="nearest mean is right", collapse_place="encoder")
    figure = chart(at, "collapse_lag")
    names = [name.split(" (")[0] for name in figure["layout"]["yaxis"]["ticktext"]]
    assert names == list(TASKS["semseg"].class_names[:4])[::-1]
    assert figure["data"][0]["x"] == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert chart(at, "collapse_frequency")["data"][0]["x"] == list(SHARES)
    words = said(at)
    assert (
        "KEM: how often a class occurs says little about it (rank correlation with frequency **+1.00**, n = 4" in words
    )
    assert "KEM has fewer than 10 positions of door" in words
    assert "nc4" not in " ".join(keys(at)), "the last layer's statistics were logged at the decoder alone"


def test_rare_classes_lag_where_the_rank_correlation_is_beyond_chance(checkpoints) -> None:
    card = read_card("kem", checkpoints)
    side = page.Side(0, "a", "KEM", card, page.Found(None))
    spread, right = MEASURES["spread within the class"], MEASURES["nearest mean is right"]
    rows = [ClassRow(i, f"c{i}", 10, 0.1 / (1 + i), scatter=i**2, recall=i / 10) for i in range(9)]
    assert frequency_correlation(rows, spread) == (pytest.approx(-1), 9)
    assert "rare classes lag behind (rank correlation with frequency **−1.00**" in rare_classes(side, rows, spread)
    assert "rare classes are ahead" in rare_classes(side, rows, right)
    assert "says little" in rare_classes(side, rows[:4], spread), "four classes may be so by chance"
    assert "too few classes" in rare_classes(side, rows[:2], spread)
    alike = [ClassRow(i, "", 10, 0.1 / (1 + i), recall=1.0) for i in range(9)]
    assert frequency_correlation(alike, right) is None


def test_regression_tasks_have_their_own_numbers(both, open_page) -> None:
    at = open_page(PAGE)
    assert heights(at, "collapse_nrc1_depth")[0] == pytest.approx([0.5, 0.4, 0.3, 0.2, 0.1])
    assert chart(at, "collapse_spectrum_normals")["layout"]["shapes"][0]["x0"] == 3.5
    assert chart(at, "collapse_nrc_normals")["data"][1]["x"] == [0.2, 0.3]
    assert "**10%** of the variance of depth lies outside one direction" in said(at)
    assert "Left out: Edges" in said(at)


def test_a_training_that_logged_is_drawn_over_its_steps_and_others_say_so(both, open_page) -> None:
    at = open_page(PAGE)
    data = chart(at, "collapse_course_semseg_nc1_quotient")["data"]
    assert [(trace["name"], trace["x"], trace["y"]) for trace in data] == [("KEM", [0, 1, 3], [1, 0.5, 0.25])]
    assert "The training of Cross\\-attention logged nothing" in said(at)
    other = open_page(PAGE, model="cross_attention", second="none")
    assert "No training of these models logged" in said(other)


def test_all_statistics_can_be_shown(both, open_page) -> None:
    few, many = (set(keys(open_page(PAGE, collapse_statistics=extent))) for extent in ("the main ones", "all"))
    assert few < many
    assert {f"collapse_{key}" for key in (*PANELS, "nc2_distances")} <= many


def test_a_link_restores_everything_and_a_hostile_one_falls_back(both, open_page) -> None:
    at = open_page(
        PAGE, collapse_task="semseg", collapse_weighting="<b>x</b>", collapse_place="../../etc",
        collapse_measure="1e999", collapse_statistics=["all", "none"],
    )  # fmt: skip
    assert not at.exception
    assert not at.error
    assert heights(at, "collapse_nc1_quotient")[0] == [5, 4, 3, 2, 1]
    assert "is not one of the choices here" in said(at)
    assert "<b>x" not in said(at)


def test_one_model_against_itself_is_drawn_once(both, open_page) -> None:
    at = open_page(PAGE, second="kem")
    assert not at.exception
    assert len(heights(at, "collapse_nc1_quotient")) == 1


def test_only_a_result_of_these_very_weights_is_shown(results_folder, checkpoints, open_page) -> None:
    card = read_card("kem", checkpoints)
    stored(card.model_copy(update={"weights_sha256": "0" * 64}), results_folder)
    at = open_page(PAGE, second="kem")
    assert "it belongs to other weights" in said(at)
    assert not keys(at)


def test_a_damaged_result_is_named_and_harms_nothing(both, open_page) -> None:
    text = (both / "collapse-kem.json").read_text("utf-8")
    (both / "collapse-kem.json").write_text(text.replace('"images": 300', '"images": "many"'), "utf-8")
    at = open_page(PAGE)
    assert not at.exception
    assert "is stored but damaged" in said(at)
    assert [trace["name"] for trace in chart(at, "collapse_nc1_quotient")["data"]] == ["Cross-attention"]


def test_a_model_without_classes_says_why_and_shows_its_regression(
    results_folder, checkpoints, tmp_path, monkeypatch, open_page
) -> None:
    tasks = (TASKS["depth"], TASKS["edge"])
    card = read_card("kem", checkpoints)
    network = MultiTaskNetwork(card.architecture, tasks)
    place = tmp_path / "models"
    card = save_checkpoint(network.state_dict(), card.model_copy(update={"tasks": tasks}), place)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(place))
    stored(card, results_folder)
    at = open_page(PAGE)
    assert not at.exception
    assert not at.error
    words = said(at)
    assert "**KEM predicts no classes,** so there are no class means" in words
    assert "keep **10%** of their variance outside one axis at the decoder" in words
    assert keys(at) == ["collapse_nrc1_depth", "collapse_spectrum_depth", "collapse_nrc_depth"]


def test_the_name_in_a_result_reaches_no_page(results_folder, checkpoints, open_page) -> None:
    card = read_card("kem", checkpoints)
    result = made(card)
    stored(card.model_copy(update={"title": "<img src=x> [x](javascript:1)"}), results_folder)
    at = open_page(PAGE, second="kem")
    assert result.title == "KEM"
    assert "javascript" not in said(at)


def test_downloads_hold_every_number_with_what_made_it(checkpoints) -> None:
    card = read_card("kem", checkpoints)
    found = page.Found(made(card, steps=(0, 2)))
    side = page.Side(0, "a", "KEM", card, found)
    view = page.View("semseg", "balanced", "decoder", False)
    table = places.table([side], view)
    chosen = table[(table.place == "encoder") & (table.statistic == "nc1_cdnv")].set_index("weighting")
    assert chosen.loc["balanced", ["value", "low", "high"]].tolist() == pytest.approx([5, 4.5, 5.5])
    assert chosen.loc["pixel", "value"] == 2.5
    assert set(regression.table([side]).statistic) == {"nrc1", "nrc2", "nrc3", "spectrum"}
    assert set(training.table([side]).step) == {0, 2}
    stamp = side.stamp.stamp()
    assert card.weights_sha256[:12] in stamp
    assert "300 images of rooms:val at 128x160 | 200 resamples of 32 groups, seed 0" in stamp
    assert side.stamp.as_dict()["protocol"]["confidence"] == 0.95
    content = page.csv_bytes(table, [side.stamp]).decode().splitlines()
    assert content[0] == f"# {stamp}"
    assert len(list(csv.DictReader(io.StringIO("\n".join(content[1:]))))) == len(table)


def test_the_page_can_be_reached_from_the_navigation() -> None:
    from mtlviz.ui.frame import PAGES

    entry = next(entry for entry in PAGES if entry.file == PAGE)
    assert (entry.title, entry.url) == ("Neural collapse", "collapse")
    assert (ROOT / entry.file).exists()
