"""The Compare page on three tiny models."""

import pytest
from streamlit.testing.v1 import AppTest

from mtlviz.checkpoints import load_weights, read_card, save_checkpoint
from mtlviz.plots.style import BUDGET
from tests.app.conftest import ROOT, click_token, png, said, spec, specs, upload

PAGE = "pages/3_compare.py"


def charts(at) -> dict[str, dict]:
    """Figures by the key of their chart."""
    found = {}
    for index, chart in enumerate(at.get("plotly_chart")):
        name = next(key for key in KEYS if chart.proto.id.endswith(key))
        found[name] = spec(at, index)
    return found


READS, NUMBERS, TRUTH = "what the token reads", "reading in numbers", "nearer to the truth"
FIGURES = {
    "predictions": [*(f"compare_maps_{index}" for index in range(3)), "compare_classes"],
    READS: [*(f"compare_reads_{side}_{task}_0" for side in "AB" for task in range(4)), "compare_sources"],
    NUMBERS: ["compare_exchange_A", "compare_exchange_B"],
    TRUTH: [*(f"compare_truth_{index}" for index in range(3)), "compare_regions"],
    "over a set": [],
    "cost": [],
}
"""The parts of the page and their figures."""
SIGNED = [f"compare_fused_{side}_{index}" for side in "AB" for index in range(5)]
"""Figures of models that share affinities: the row of G, and the part of every task in it."""
KEYS = [*(key for keys in FIGURES.values() for key in keys), *SIGNED]


def written(figure: dict) -> str:
    """The title of a figure, wherever it stands."""
    notes = [note["text"] for note in figure["layout"].get("annotations", [])]
    return " ".join([figure["layout"].get("title", {}).get("text", ""), *notes])


def table(at, column: str):
    """The table that has a column."""
    return next(one.value for one in at.table if column in one.value.columns)


@pytest.fixture(scope="module")
def first_view(checkpoints) -> AppTest:
    """The page as it opens; for tests that only look."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()
    return at.switch_page(PAGE).run()


def test_the_page_answers_with_the_names_and_the_numbers_of_both_models(first_view) -> None:
    at = first_view
    assert not at.exception
    assert at.title[0].value == "What does KEM change against Cross\\-attention on this image?"
    words = said(at)
    assert "differ in segmentation on **" in words
    assert "Nearer to this image's labels: " in words
    assert "One image and one training run a model (seed 0)" in words


def test_the_answer_names_the_better_side_of_every_metric_in_the_table(first_view) -> None:
    found = table(first_view, "Difference")
    better = {side: [task.lower() for task in found.index if found.loc[task, side].startswith("**")]
              for side in ("KEM", "Cross-attention")}  # fmt: skip
    answer = next(one.value for one in first_view.markdown if "Nearer to" in one.value).replace("\\", "")
    for side, tasks in better.items():
        listed = " and ".join(filter(None, (", ".join(tasks[:-1]), *tasks[-1:])))
        assert (f"**{side}** in {listed}" in answer) == bool(tasks)


@pytest.mark.parametrize("part", FIGURES)
def test_a_part_draws_its_figures_alone_and_within_the_budget(open_page, part) -> None:
    at = open_page(PAGE, compare_part=part)
    assert not at.exception
    assert not at.error
    assert set(charts(at)) == set(FIGURES[part])
    assert max((len(one) for one in specs(at)), default=0) < BUDGET


def test_a_part_that_is_not_shown_is_not_computed(open_page, monkeypatch) -> None:
    def fail(*_arguments, **_options):
        raise AssertionError("computed although nobody asked for it")

    monkeypatch.setattr("mtlviz.ui.compare.reading.whole_map", fail)
    monkeypatch.setattr("mtlviz.ui.compare.reading.map_statistics", fail)
    monkeypatch.setattr("mtlviz.ui.compare.cost.measure_latency", fail)
    for part in ("predictions", TRUTH, "over a set"):
        assert not open_page(PAGE, compare_part=part).error


def test_swapping_exchanges_the_sides_and_keeps_the_token(open_page) -> None:
    at = open_page(PAGE)
    click_token(at, 3, 4)
    before = charts(at)
    at.button(key="compare_swap").click().run()
    after = charts(at)
    assert at.title[0].value == "What does Cross\\-attention change against KEM on this image?"
    assert at.number_input(key="row").value == 3
    titles = [[written(figures[f"compare_maps_{i}"]) for i in (0, 1)] for figures in (before, after)]
    assert "KEM" in titles[0][0]
    assert "Cross-attention" in titles[0][1]
    assert titles[1] == titles[0][::-1]
    assert after["compare_maps_0"]["layout"]["images"] == before["compare_maps_1"]["layout"]["images"]


def test_picking_another_token_changes_what_is_read(open_page) -> None:
    at = open_page(PAGE, compare_part=READS)
    assert "**960** of the 960 tokens that it could read in Cross" in said(at)
    own = [written(charts(at)[f"compare_reads_B_{task}_0"]) for task in (0, 2)]
    at.selectbox(key="task").set_value("normals")
    click_token(at, 0, 0)
    now = [written(charts(at)[f"compare_reads_B_{task}_0"]) for task in (0, 2)]
    assert ["the reader's own task" in title for title in own] == [True, False]
    assert ["the reader's own task" in title for title in now] == [False, True]
    assert "The Normals token at row 0, column 0 reads" in said(at)


def test_a_model_compared_with_itself_differs_by_exactly_nothing(open_page) -> None:
    at = open_page(PAGE, second="kem")
    assert at.title[0].value == "Does KEM agree with itself?"
    assert "every difference is exactly **0**" in said(at)
    differences = table(at, "Difference")["Difference"].tolist()
    assert differences == ["0% of the pixels", "0.00 m (0%)", "0.0°", "0"]


def test_a_model_without_interaction_says_why_it_has_no_map(open_page) -> None:
    at = open_page(PAGE, second="none", compare_part=READS)
    words = said(at)
    assert "Hard sharing has no attention map" in words
    assert "tokens that it could read in KEM" in words
    assert "and nothing in Hard sharing." in words
    assert not any(key.startswith("compare_reads_B") for key in charts(at))
    assert "compare_reads_A_0_0" in charts(at)
    for part in (READS, NUMBERS):
        both = open_page(PAGE, model="none", second="none", compare_part=part)
        assert not both.exception
        assert charts(both) == {}
    assert set(charts(open_page(PAGE, second="none"))) == set(FIGURES["predictions"])


@pytest.mark.parametrize("part", FIGURES)
def test_a_model_that_shares_affinities_is_compared_in_what_it_has(open_page, part) -> None:
    at = open_page(PAGE, second="ctal", compare_part=part)
    assert not at.exception
    assert not at.error
    if part == NUMBERS:
        assert "CTAL has no attention map:** its weights are signed" in said(at)
    if part == READS:
        words = said(at)
        assert "KEM moves **values**" in words
        assert "CTAL moves **weights**" in words
        assert "all **320** tokens of its own task, with signed weights, in CTAL" in words
        assert [one.key for one in at.segmented_control if one.key == "compare_range"] == []  # one model, one range
        assert [key for key in charts(at) if "_B_" in key] == SIGNED[5:]


def test_models_that_share_affinities_are_compared_with_one_another(open_page) -> None:
    at = open_page(PAGE, model="ctal", second="ctal", compare_part=READS)
    assert not at.exception
    assert not at.error
    assert list(charts(at)) == SIGNED


def test_models_with_other_tasks_are_compared_in_those_that_both_predict(open_page) -> None:
    at = open_page(PAGE, model="kem", second="skem", compare_part=READS)
    assert not at.error
    figure = charts(at)["compare_sources"]
    shares = {bar["name"]: bar["x"] for bar in figure["data"]}
    assert list(shares) == ["Segmentation", "Depth", "Normals", "Edges", "Saliency", "Human parts"]
    assert [sum(column) for column in zip(*shares.values(), strict=True)] == pytest.approx([1] * 4)
    assert shares["Saliency"][0] == shares["Human parts"][2] == 0
    for part in FIGURES:
        other = open_page(PAGE, model="skem", second="kem", task="saliency", compare_part=part)
        assert not other.error
        assert "KEM does not predict Saliency; Segmentation is shown" in said(other)


def test_the_link_restores_token_scale_and_label(open_page) -> None:
    at = open_page(PAGE, compare_part=READS, row="2", column="5", compare_scale="Linear",
                   compare_reader="All tokens, on average")  # fmt: skip
    assert at.number_input(key="column").value == 5
    assert at.segmented_control(key="compare_scale").value == "linear"
    labels = [note["text"] for note in charts(at)["compare_reads_A_0_0"]["layout"]["annotations"]]
    assert "share of all that is read" in labels
    at = open_page(PAGE, compare_part=NUMBERS, compare_oracle="A similar depth")
    assert at.segmented_control(key="compare_oracle").value == "depth"


def test_a_hostile_link_falls_back_and_says_so(open_page) -> None:
    at = open_page(PAGE, compare_part=READS, compare_scale="<script>", row="999", compare_opacity="nan")
    assert not at.exception
    assert at.segmented_control(key="compare_scale").value == "log"
    assert "is not one of the choices here" in said(at)
    at = open_page(PAGE, compare_part="../x")
    assert not at.exception
    assert at.segmented_control(key="compare_part").value == "predictions"
    assert "The link's “compare_part”" in said(at)


def test_labels_bring_metrics_with_n_and_noise(first_view, open_page) -> None:
    metrics = table(first_view, "Difference")
    assert metrics["n (px)"].tolist() == ["20,480"] * 4
    assert metrics["Metric"].tolist() == ["mIoU ↑", "RMSE ↓", "mean angle ↓", "best F ↑"]
    numbers = table(open_page(PAGE, compare_part=NUMBERS), "KEM, this token")
    assert "Noise over chance" in numbers.index
    assert numbers.loc["Tokens it could read"].tolist() == ["1,280", "960", "1,280", "960"]


def test_an_upload_without_labels_is_compared_without_truth_and_its_padding_is_not_read(open_page) -> None:
    at = upload(open_page(PAGE), "wide.png", png(200, 40))
    assert not at.exception
    assert "no labels, so nothing here says which side is right" in said(at)
    assert "Nearer to" not in said(at)
    at.segmented_control(key="compare_part").set_value(TRUTH).run()
    assert charts(at) == {}
    assert "has no label of segmentation" in said(at)
    numbers = table(at.segmented_control(key="compare_part").set_value(NUMBERS).run(), "KEM, this token")
    assert "Noise over chance" not in numbers.index
    assert numbers.loc["Tokens it could read"].tolist() == ["320", "240", "320", "240"]


def test_costs_are_counted_by_part_and_latency_is_measured_here(open_page) -> None:
    at = open_page(PAGE, compare_part="cost")
    costs = table(at, "KEM, parameters")
    assert costs.index.tolist() == ["Encoder", "Task encoders", "Interaction", "Decoders", "Whole network"]
    assert [metric.label for metric in at.metric] == ["KEM: forward pass", "Cross-attention: forward pass"]
    assert all(float(metric.value.split()[0]) > 0 for metric in at.metric)
    assert "multiply-accumulates in KEM" in said(at)


def test_the_mean_over_all_tokens_can_be_mapped(open_page) -> None:
    token = charts(open_page(PAGE, compare_part=READS))["compare_reads_B_0_0"]
    query = {"compare_part": READS, "compare_reader": "All tokens, on average"}
    everyone = charts(open_page(PAGE, **query))["compare_reads_B_0_0"]
    assert "not read: the reader's own task" in written(token)
    assert "of the weight" in written(everyone)


def test_cards_without_a_common_set_say_so(open_page) -> None:
    assert "report no set in common" in said(open_page(PAGE, compare_part="over a set"))


def test_cards_put_whole_sets_beside_the_single_image(open_page, checkpoints, tmp_path, monkeypatch) -> None:
    for name, miou in (("kem", 0.61), ("cross_attention", 0.6)):
        tasks = {"semseg": {"metrics": {"miou": miou}, "constant": {"miou": 0.03}}}
        metrics = {"rooms:val": {"images": 300, "tasks": tasks, "interaction_off": {"semseg": {"miou": 0.5}}}}
        card = read_card(name, checkpoints).model_copy(update={"metrics": metrics})
        save_checkpoint(load_weights(name, checkpoints), card, tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    at = open_page(PAGE, compare_part="over a set")
    found = table(at, "KEM, off")
    assert found.loc["Segmentation"].tolist() == ["mIoU ↑", "0.610", "0.500", "0.600", "0.500", "0.030"]
    assert set(found.loc["Depth"].tolist()[1:]) == {"–"}
    assert "n = 300" in said(at)
