"""The Results page with a stored comparison, without one, and with a damaged one."""

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from mtlviz import results
from mtlviz.analysis.systems import System, table
from mtlviz.metrics.published import published
from mtlviz.plots.style import BUDGET
from mtlviz.ui import results_files, results_published, results_table, results_words
from mtlviz.ui.results import PARTS, PUBLISHED, SWEEP, View, provenance
from tests.app.conftest import said, spec, specs
from tests.app.stored_comparison import comparison, store, training

PAGE = "pages/14_results.py"


@pytest.fixture
def open_stored(open_page, results_folder):
    """Open the page where a comparison is stored."""

    def opened(found=None, **query):
        store(results_folder, comparison() if found is None else found)
        return open_page(PAGE, **query)

    return opened


def view(found=None, regime="plentiful") -> View:
    found = comparison() if found is None else found
    return View(found, regime, tuple(table(found, regime)))


def plain_words(at) -> str:
    return said(at).replace("\\", "")


def test_the_answer_names_the_best_system_with_its_numbers(open_stored):
    words = plain_words(open_stored())
    assert "**KEM** gains most over each task alone: Δm **+15.00 ± 0.00 %**" in words
    assert "more than the spread ahead of CTAL & co" in words
    assert "hard sharing alone reaches **+0.00 %**" in words
    assert "switched off it falls to **−5.00 %**" in words


def test_the_tier_says_what_it_can_tell(open_stored):
    words = plain_words(open_stored())
    assert "Tier light: frozen; one seed." in words
    assert "was trained on all tasks before" in words
    full = comparison(tier="full: everything is trained")
    assert "was trained on all tasks before" not in results_words.tier(view(full))


def test_another_regime_has_another_answer(open_stored):
    at = open_stored(results_regime="scarce")
    assert "**CTAL & co** gains most" in plain_words(at)
    assert at.dataframe[0].value.loc["KEM", results_table.GAIN] == pytest.approx((-20 + 10) / 2)


def test_the_table_holds_numbers_that_sort(open_stored):
    found = open_stored().dataframe[0].value
    assert list(found.index) == ["Each task alone", "Hard sharing", "KEM", "CTAL & co"]
    assert found.loc["KEM", "Segmentation mIoU ↑"] == 0.6
    assert found.loc["KEM", "Depth RMSE (m) ↓"] == 0.9
    assert found.loc["Each task alone", results_table.GAIN] == 0
    assert found.loc["CTAL & co", results_table.PARAMETERS] == 3
    assert found.loc["CTAL & co", results_table.RATIO] == 3
    assert found.loc["KEM", results_table.PEAK] == 1


def test_the_best_is_marked_in_words_and_weight_where_it_leads_by_more_than_the_spread():
    one = view()
    html = results_table.styled(one, results_table.table(one)).to_html()
    bold = set(re.findall(r"#\w+row(\d+)_col(\d+)", html.split("</style>")[0]))
    starred = [cell for cell in re.findall(r">([^<]*)</td>", html) if "★" in cell]
    assert starred == ["+15.00 ± 0.00 ★", "0.6000 ± 0.0245 ★"]
    assert len(bold) == 2
    assert "0.9000 ± 0.0367 ≈" in html  # KEM and CTAL are alike in depth


def test_who_leads_is_said_in_sentences():
    said_of = " ".join(results_words.leaders(view()))
    assert "**Segmentation, mIoU** ★ KEM, ahead of CTAL & co by 0.0800" in said_of.replace("\\", "")
    assert "**Depth, RMSE** ≈ KEM, but within the spread of CTAL & co." in said_of.replace("\\", "")


def test_no_gain_is_not_called_one():
    found = comparison()
    worse = {**found.regimes["plentiful"].systems, "kem": System("KEM", "", [training(0.4, 1.1)])}
    worse.pop("ctal")
    worse["none"] = System("Hard sharing", "", [training(0.45, 1.0)])
    regimes = {"plentiful": replace(found.regimes["plentiful"], systems=worse)}
    assert "**Hard sharing** comes nearest to each task alone, and nobody gains" in results_words.headline(
        view(replace(found, regimes=regimes))
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_drawn_alone_and_within_the_budget(open_stored, part):
    at = open_stored(results_part=part)
    assert not at.exception
    assert not at.error
    assert at.get("plotly_chart") or len(at.dataframe) or part == SWEEP
    assert max(map(len, specs(at)), default=0) < BUDGET


def test_curves_and_costs_follow_their_controls(open_stored):
    at = open_stored(results_part="training", results_task="depth", results_against="true")
    assert "against hard sharing" in json.dumps(spec(at, 0)["layout"]["yaxis"])
    at = open_stored(results_part="cost", results_price="parameters")
    assert "millions" in json.dumps(spec(at, 0)["layout"]["xaxis"])


@pytest.mark.parametrize("part", PARTS)
def test_without_a_comparison_the_page_names_the_command(open_page, results_folder, part):
    at = open_page(PAGE, results_part=part)
    assert not at.exception
    assert not at.error
    command = {SWEEP: "python -m mtlviz sweep", PUBLISHED: "PUBLISHED, NOT MEASURED HERE"}
    assert command.get(part, "python -m mtlviz comparison configs/comparison.yaml") in said(at)


def without(found: dict, *path: str) -> dict:
    """A copy without one entry."""
    copy = json.loads(json.dumps(found))
    place = copy
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return copy


@pytest.mark.parametrize("damage", ["cut short", "no headline", "no score", "no training", "no regime", "another kind"])
def test_a_damaged_comparison_is_a_sentence(open_page, results_folder, damage):
    store(results_folder, comparison())
    path = results_folder / "comparison.json"
    content = json.loads(path.read_text())
    kem = content["regimes"]["plentiful"]["systems"]["kem"]
    if damage == "no score":
        kem["trainings"][0]["metrics"].pop("depth")
    if damage == "no training":
        kem["trainings"] = []
    if damage == "no regime":
        content["regimes"] = {}
    if damage == "no headline":
        content = without(content, "headlines")
    if damage == "another kind":
        content["kind"] = "noise"
    text = json.dumps(content)
    path.write_text(text[:300] if damage == "cut short" else text)
    at = open_page(PAGE)
    assert not at.exception
    assert not at.error
    assert "The stored comparison cannot be shown" in said(at)
    assert "again" in said(at) or "give a file" in said(at) or "let the command go on" in said(at)


def test_an_unfinished_comparison_says_what_is_missing(open_stored):
    found = comparison()
    systems = {name: replace(one, cost=None) for name, one in found.regimes["plentiful"].systems.items()}
    lonely = {"single": systems["single"]}
    regimes = {name: replace(found.regimes["plentiful"], systems=held) for name, held in
               (("whole", systems), ("begun", lonely))}  # fmt: skip
    found = replace(found, regimes=regimes)
    for part, regime, sentence in (
        ("cost", "whole", "Costs have not been measured yet"),
        ("gain", "begun", "no system can be compared"),
        ("by task", "begun", "has no hard sharing yet"),
        ("table", "begun", "no gain can be told yet"),
    ):
        at = open_stored(found, results_part=part, results_regime=regime)
        assert not at.exception
        assert not at.error
        assert sentence in said(at)


def test_of_several_comparisons_one_is_chosen(open_stored, results_folder):
    at = open_stored()
    store(results_folder / "more", comparison(tier="full"))
    (results_folder / "more" / "comparison.json").rename(results_folder / "other.json")
    at.run()
    at.selectbox(key="results_of").set_value("2 · full").run()
    assert not at.exception
    assert "Tier full" in said(at)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r" \\"))]


def test_the_latex_table_has_the_right_cells():
    one = view()
    text = results_files.latex_table(one, [made.stamp() for made in provenance(one)])
    lines = text.splitlines()
    assert lines[0].startswith("% single semseg seed 1 (forty rooms, weights 1semseg")
    inside = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    head, rule, *rows = inside
    assert rule == r"\midrule"
    columns = re.search(r"begin{tabular}{(\w+)}", text)[1]
    assert {len(cells(line)) for line in (head, *rows)} == {len(columns)}
    assert cells(head)[1] == r"Segmentation mIoU $\uparrow$"
    assert cells(rows[2]) == ["KEM", r"\textbf{0.6000 $\pm$ 0.0245}", r"0.9000 $\pm$ 0.0367",
                              r"\textbf{+15.00 $\pm$ 0.00}", "$-$5.00", "2.000", "0.200"]  # fmt: skip
    assert cells(rows[3])[0] == r"CTAL \& co"
    assert cells(rows[0])[3:5] == ["0", "--"]
    assert text.count("{") == text.count("}")
    assert all(ord(letter) < 128 for line in lines if not line.startswith("%") for letter in line)


def test_csv_and_json_hold_every_number_and_what_made_it():
    one = view()
    frame = results_files.numbers_table(one.rows, one.comparison.headlines)
    read = list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))
    assert [row["system"] for row in read] == ["single", "none", "kem", "ctal"]
    assert float(read[2]["delta_m_percent"]) == pytest.approx(15)
    assert float(read[2]["semseg_miou_off"]) == 0.45
    content = json.loads(results_files.json_bytes(one, provenance(one)))
    assert content["rows"][2]["gain"]["mean"] == pytest.approx(15)
    assert len(content["provenance"]) == 5  # two networks alone, three systems
    assert content["command"] == one.comparison.command


def test_published_numbers_stay_apart_with_their_source_and_the_inconsistency(open_page, results_folder):
    at = open_page(PAGE, results_part=PUBLISHED)
    words = said(at)
    assert "KEM on NYUDv2 is inconsistent in print" in words
    assert "+3.78 %" in words
    assert "+4.05 %" in words
    shown = [frame.value for frame in at.dataframe]
    assert sum(map(len, shown)) == sum(row.dataset == "nyud" for row in published())
    assert all("source" in frame.columns and "read" in frame.columns for frame in shown)
    kem = next(frame for frame in shown if "KEM" in frame.index).loc["KEM"]
    assert kem[results_published.PRINTED] == 3.78
    assert kem[results_published.DERIVED] == pytest.approx(4.05, abs=0.01)
    assert "protocol inferred" in kem["source"]
    at = open_page(PAGE, results_part=PUBLISHED, results_dataset="PASCAL-Context")
    assert "inconsistent in print" not in said(at)
    assert any("Saliency max F % ↑" in frame.value.columns for frame in at.dataframe)


def sweep() -> dict:
    values = [{"network.options.slots": slots, "network.options.picks": picks} for slots in (5, 10) for picks in (1, 3)]
    score = {"std": None, "low": 0, "high": 1, "count": 1}
    return {
        "title": "grid", "fields": {"network.options.slots": [5, 10], "network.options.picks": [1, 3]},
        "labels": {"network.options.slots": "slots", "network.options.picks": "picks"},
        "tasks": {"depth": {"title": "Depth", "metric": "rmse", "unit": "m", "lower_is_better": {"rmse": True}}},
        "data": "rooms:val", "images": 4, "counts": {"finished": 4},
        "trials": [{"name": str(k), "values": one, "state": "finished"} for k, one in enumerate(values)],
        "cells": [{"values": one, "seeds": [], "scores": {"depth": {"rmse": {"mean": 1 - k / 10, **score}}}}
                  for k, one in enumerate(values)],
        "provenance": {"versions": {}},
    }  # fmt: skip


def test_a_stored_sweep_is_a_heat_map_with_its_best_cell_named(open_page, results_folder):
    results.write_result(results_folder / "sweep.json", "sweep", sweep())
    at = open_page(PAGE, results_part=SWEEP)
    assert not at.exception
    assert not at.error
    assert "**0.7** with" in said(at)
    assert "slots 10, picks 3" in said(at)
    assert spec(at, 0)["data"][0]["type"] == "heatmap"


def test_a_damaged_sweep_counts_as_none(open_page, results_folder):
    results.write_result(results_folder / "sweep.json", "sweep", {"fields": {"seed": [1]}})
    at = open_page(PAGE, results_part=SWEEP)
    assert not at.exception
    assert "No sweep is stored yet" in said(at)


@pytest.mark.parametrize(("key", "value"), [("results_part", "<script>"), ("results_regime", "none of them")])
def test_a_link_to_what_is_not_there_falls_back_and_says_so(open_stored, key, value):
    at = open_stored(**{key: value})
    assert not at.exception
    assert not at.error
    assert any(key in info.value for info in at.info)
