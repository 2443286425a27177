import pytest

from mtlviz.metrics import delta_m


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


def test_the_same_tasks_are_needed():
    with pytest.raises(ValueError, match="same tasks"):
        delta_m({"semseg": 1.0}, {"depth": 1.0})
