"""The Results page with a stored comparison, without one, and with a damaged one."""

import csv
import io
import json
import re
import statistics
from dataclasses import replace

import pytest

from mtlviz.analysis.system_record import System
from mtlviz.analysis.systems import table
from mtlviz.plots.style import BUDGET
from mtlviz.ui.results import files
from mtlviz.ui.results import table as results_table
from mtlviz.ui.results import words as results_words
from mtlviz.ui.results.page import PARTS, PUBLISHED, SWEEP, View, provenance
from tests.app.conftest import said, spec, specs
from tests.app.stored_comparison import comparison, several, store, training

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
    assert "**KEM** gains most over each task alone: Δm **+15.00 ± 0.00%**" in words
    assert "by more than chance ahead of CTAL & co" in words
    assert "hard sharing alone reaches **+0.00%**" in words
    assert "switched off it falls to **−5.00%**" in words


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
    found = open_stored(results_columns="all").dataframe[0].value
    assert list(found.index) == ["Each task alone", "Hard sharing", "KEM", "CTAL & co"]
    assert found.loc["KEM", "Segmentation mIoU ↑"] == 0.6
    assert found.loc["KEM", "Depth RMSE (m) ↓"] == 0.9
    assert found.loc["Each task alone", results_table.GAIN] == 0
    assert found.loc["CTAL & co", results_table.PARAMETERS] == 3
    assert found.loc["CTAL & co", results_table.RATIO] == 3
    assert found.loc["KEM", results_table.PEAK] == 1


def test_the_columns_that_are_shown_are_chosen(open_stored):
    at = open_stored()
    assert list(at.dataframe[0].value) == [
        results_table.GAIN, results_table.OFF, "Segmentation mIoU ↑", "Depth RMSE (m) ↓"
    ]  # fmt: skip
    assert "an encoder a task" not in said(at)
    at = open_stored(results_columns="costs")
    assert list(at.dataframe[0].value) == [results_table.GAIN, *results_table.COSTS]
    assert "Each task alone counts an encoder a task" in said(at)


def test_several_seeds_are_said_and_tested_as_such(open_stored):
    at = open_stored(several())
    words = plain_words(at)
    assert "Tier light: frozen; 3 seeds." in words
    assert "± is the sample standard deviation over 3 seeds; Δm is taken over the networks of one task" in words
    assert "t-tests of the differences over the same 3 seeds, with one variance for all systems; 5% a column" in words
    assert "other images might tell otherwise" in words
    mine, alone = (several().regimes["plentiful"].systems[name].trainings for name in ("kem", "single"))
    ratios = [
        (one.metrics["semseg"]["miou"] / other.metrics["semseg"]["miou"],
         one.metrics["depth"]["rmse"] / other.metrics["depth"]["rmse"])
        for one, other in zip(mine, alone, strict=True)
    ]  # fmt: skip
    gains = [100 * ((miou - 1) + (1 - rmse)) / 2 for miou, rmse in ratios]
    mean, deviation = statistics.fmean(gains), statistics.stdev(gains)
    assert f"Δm **+{mean:.2f} ± {deviation:.2f}%**" in words
    assert at.dataframe[0].value.loc["KEM", results_table.GAIN] == pytest.approx(mean)


def test_a_seed_that_is_still_being_trained_is_not_counted_and_said(open_stored):
    growing = several(1, 2, ctal=(1,))
    words = plain_words(open_stored(growing))
    assert "one seed" in words
    assert "Not counted, since it takes every system from the same seed: seed 2 (3 of 4 systems)." in words
    assert {made.seed for made in provenance(view(growing))} == {1}


def test_systems_of_different_seeds_show_their_number_and_no_marks(open_stored):
    at = open_stored(several(2, 3, single=(1,), none=(1,)))
    assert list(at.dataframe[0].value[results_table.SEEDS]) == [1, 1, 2, 2]
    words = plain_words(at)
    assert "The systems have no seed in common" in words
    assert "Nothing is marked, since chance is not known." in words


def test_a_regime_may_lack_a_system_and_a_seed_that_another_has(open_stored):
    found = several()
    fewer = several(1, 2).regimes["scarce"]
    fewer.systems.pop("ctal")
    found = replace(found, regimes={"plentiful": found.regimes["plentiful"], "scarce": fewer})
    for part in ("table", "gain", "by task", "cost", "training"):
        at = open_stored(found, results_part=part, results_regime="scarce")
        assert not at.exception
        assert not at.error
    words = plain_words(open_stored(found, results_regime="scarce"))
    assert "2 seeds" in words
    assert "CTAL" not in words


def test_without_what_is_switched_off_the_axis_ends_where_the_systems_do(open_stored):
    found, ends = comparison(), []
    found = replace(found, regimes={"plentiful": found.regimes["plentiful"]})
    for off in ("true", "false"):
        fig = spec(open_stored(found, results_part="gain", results_off=off), 0)
        assert ("switched off" in json.dumps([trace.get("name") for trace in fig["data"]])) == (off == "true")
        ends.append(fig["layout"]["xaxis"]["range"])
    assert ends[0][0] < ends[1][0]


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
    assert "**Depth, RMSE** ≈ KEM, but not told from CTAL & co." in said_of.replace("\\", "")


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
    text = files.latex_table(one, [made.stamp() for made in provenance(one)])
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
    assert files.latex_table(view(several()), []).isascii()


def test_csv_and_json_hold_every_number_and_what_made_it():
    one = view()
    frame = files.numbers_table(one.rows, one.comparison.headlines)
    read = list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))
    assert [row["system"] for row in read] == ["single", "none", "kem", "ctal"]
    assert float(read[2]["delta_m_percent"]) == pytest.approx(15)
    assert float(read[2]["semseg_miou_off"]) == 0.45
    content = json.loads(files.json_bytes(one, provenance(one)))
    assert content["rows"][2]["gain"]["mean"] == pytest.approx(15)
    assert len(content["provenance"]) == 5  # two networks alone, three systems
    assert content["command"] == one.comparison.command


@pytest.mark.parametrize(("key", "value"), [("results_part", "<script>"), ("results_regime", "none of them")])
def test_a_link_to_what_is_not_there_falls_back_and_says_so(open_stored, key, value):
    at = open_stored(**{key: value})
    assert not at.exception
    assert not at.error
    assert any(key in info.value for info in at.info)
