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


KEYS = [
    *(f"compare_maps_{index}" for index in range(3)),
    *(f"compare_reads_{side}_{task}_0" for side in "AB" for task in range(4)),
    *(f"compare_truth_{index}" for index in range(3)),
    "compare_classes", "compare_sources", "compare_exchange_A", "compare_exchange_B", "compare_regions",
]  # fmt: skip


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
    assert "give different classes to **" in words
    assert "of 1,280 tokens in KEM" in words
    assert "**960** of 960 tokens in Cross" in words
    assert "One image, and one training run per model" in words


def test_every_figure_is_there_and_within_the_budget(first_view) -> None:
    assert set(charts(first_view)) == set(KEYS)
    assert max(len(one) for one in specs(first_view)) < BUDGET


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
    at = open_page(PAGE)
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
    assert differences == ["0 % of the pixels", "0.00 m (0.0%)", "0.0°", "0"]


def test_a_model_without_interaction_says_why_it_has_no_map(open_page) -> None:
    at = open_page(PAGE, second="none")
    words = said(at)
    assert "has no attention map" in words
    assert "reads nothing" not in words.split("has no attention map")[1]
    assert "nothing in Hard sharing, whose tasks do not interact" in words
    assert not any(key.startswith("compare_reads_B") for key in charts(at))
    assert {"compare_maps_2", "compare_reads_A_0_0"} <= set(charts(at))
    both = open_page(PAGE, model="none", second="none")
    assert not both.exception
    assert "compare_sources" not in charts(both)


def test_the_link_restores_token_scale_and_label(open_page) -> None:
    at = open_page(PAGE, row="2", column="5", compare_scale="Linear", compare_reader="All tokens, on average",
                   compare_oracle="Similar depth")  # fmt: skip
    assert at.number_input(key="column").value == 5
    assert at.segmented_control(key="compare_scale").value == "linear"
    assert at.segmented_control(key="compare_oracle").value == "depth"
    labels = [note["text"] for note in charts(at)["compare_reads_A_0_0"]["layout"]["annotations"]]
    assert "weight, share of the row" in labels


def test_a_hostile_link_falls_back_and_says_so(open_page) -> None:
    at = open_page(PAGE, compare_scale="<script>", compare_oracle="x", row="999", compare_opacity="nan")
    assert not at.exception
    assert at.segmented_control(key="compare_scale").value == "log"
    assert "is not one of the choices here" in said(at)


def test_labels_bring_metrics_with_n_and_noise(first_view) -> None:
    metrics = table(first_view, "Difference")
    assert metrics["n"].tolist() == ["20,480 px"] * 4
    assert metrics["Metric"].tolist() == ["mIoU ↑", "RMSE ↓", "mean angle ↓", "best F ↑"]
    numbers = table(first_view, "KEM, this token")
    assert "Noise over chance" in numbers.index
    assert numbers.loc["Tokens it could read"].tolist() == ["1,280", "960", "1,280", "960"]


def test_an_upload_without_labels_is_compared_without_truth_and_its_padding_is_not_read(open_page) -> None:
    at = upload(open_page(PAGE), "wide.png", png(200, 40))
    assert not at.exception
    assert "no labels, so nothing here says which side is right" in said(at)
    found = charts(at)
    assert "compare_truth_0" not in found
    numbers = table(at, "KEM, this token")
    assert "Noise over chance" not in numbers.index
    assert numbers.loc["Tokens it could read"].tolist() == ["320", "240", "320", "240"]


def test_costs_are_counted_by_part_and_latency_is_measured_here(first_view) -> None:
    at = first_view
    costs = table(at, "KEM, parameters")
    assert costs.index.tolist() == ["Encoder", "Task encoders", "Interaction", "Decoders", "Whole network"]
    assert [metric.label for metric in at.metric] == ["KEM: forward pass", "Cross-attention: forward pass"]
    assert all(float(metric.value.split()[0]) > 0 for metric in at.metric)
    assert "multiply-accumulates in KEM" in said(at)


def test_the_mean_over_all_tokens_can_be_mapped(first_view, open_page) -> None:
    token = charts(first_view)["compare_reads_B_0_0"]
    everyone = charts(open_page(PAGE, compare_reader="All tokens, on average"))["compare_reads_B_0_0"]
    assert "not read: the reader's own task" in written(token)
    assert "of the weight" in written(everyone)


def test_cards_without_a_common_set_say_so(first_view) -> None:
    assert "report no set in common" in said(first_view)


def test_cards_put_whole_sets_beside_the_single_image(open_page, checkpoints, tmp_path, monkeypatch) -> None:
    for name, miou in (("kem", 0.61), ("cross_attention", 0.6)):
        tasks = {"semseg": {"metrics": {"miou": miou}, "constant": {"miou": 0.03}}}
        metrics = {"rooms:val": {"images": 300, "tasks": tasks, "interaction_off": {"semseg": {"miou": 0.5}}}}
        card = read_card(name, checkpoints).model_copy(update={"metrics": metrics})
        save_checkpoint(load_weights(name, checkpoints), card, tmp_path)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path))
    at = open_page(PAGE)
    found = table(at, "KEM, alone")
    assert found.loc["Segmentation"].tolist() == ["mIoU ↑", "0.610", "0.500", "0.600", "0.500", "0.030"]
    assert set(found.loc["Depth"].tolist()[1:]) == {"–"}
    assert "n = 300" in said(at)
