import pytest

from mtlviz.errors import DataError
from mtlviz.metrics import delta_m, delta_p
from mtlviz.metrics.baselines import Baselines, read_baselines


@pytest.mark.parametrize(
    ("model", "baseline", "printed"),
    [
        ({"semseg": 50.56, "depth": 0.483}, {"semseg": 47.96, "depth": 0.497}, 4.12),  # MTFormer, NYUD
        ({"semseg": 50.04, "depth": 0.490}, {"semseg": 47.96, "depth": 0.497}, 2.87),
        (
            {"semseg": 74.15, "human_parts": 64.89, "saliency": 67.71},  # MTFormer, PASCAL
            {"semseg": 71.17, "human_parts": 63.90, "saliency": 66.71},
            2.41,
        ),
    ],
)
def test_published_values_are_reproduced(model, baseline, printed):
    assert delta_m(model, baseline) == pytest.approx(printed, abs=0.006)


def test_directions_can_be_given_for_other_tasks():
    assert delta_m({"flow": 1.0}, {"flow": 2.0}, {"flow": True}) == pytest.approx(50)


@pytest.mark.parametrize(
    ("model", "baseline", "sentence"),
    [
        ({"semseg": 1.0, "depth": 1.0}, {"semseg": 1.0}, "depth has none; score a model"),
        ({"semseg": 1.0}, {"semseg": 1.0, "depth": 1.0}, "hold depth, which the model"),
        ({"semseg": 1.0}, {"semseg": 0.0}, "baseline of 'semseg' is 0"),
        ({"flow": 1.0}, {"flow": 2.0}, "'flow' is better is unknown"),
        ({}, {}, "no task to compare"),
    ],
)
def test_what_cannot_be_compared_is_said(model, baseline, sentence):
    with pytest.raises(DataError, match=sentence):
        delta_m(model, baseline)


def test_delta_p_averages_metrics_inside_a_task_first():
    baseline = {"semseg": {"miou": 0.5, "pixel_accuracy": 0.5}, "depth": {"rmse": 1.0}}
    model = {"semseg": {"miou": 0.6, "pixel_accuracy": 0.5}, "depth": {"rmse": 0.9}}
    assert delta_p(model, baseline) == pytest.approx(100 * ((0.2 + 0.0) / 2 + 0.1) / 2)
    with pytest.raises(DataError, match="metric of depth"):
        delta_p(model, baseline | {"depth": {"abs_rel": 1.0}})


def test_baselines_are_read_or_refused_with_a_sentence(tmp_path):
    path = tmp_path / "baselines.json"
    with pytest.raises(DataError, match="no single-task baselines at"):
        read_baselines(path)
    path.write_text('{"protocol": "atrc", "tasks": {"depth": {"rmse": 0.5}}}')
    with pytest.raises(DataError, match="backbone: Field required"):
        read_baselines(path)
    given = Baselines(protocol="atrc", backbone="ViT-B", tasks={"depth": {"rmse": 0.5}})
    path.write_text(given.model_dump_json())
    assert read_baselines(path) == given
    assert set(Baselines.model_json_schema()["required"]) == {"protocol", "backbone", "tasks"}
