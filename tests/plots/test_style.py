"""One meaning a colour, pictures without loss, figures within the budget."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from mtlviz.plots import style
from mtlviz.tasks import PARTS, ROOM_CLASSES, TASKS


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))


def test_twenty_slots_have_twenty_colours_and_neighbours_differ_in_shape():
    assert len({style.slot_colour(slot) for slot in range(20)}) == 20
    assert all(style.slot_symbol(slot) != style.slot_symbol(slot + 1) for slot in range(40))


def test_slots_of_one_colour_differ_in_shape():
    assert style.slot_colour(3) == style.slot_colour(23)
    assert style.slot_symbol(3) != style.slot_symbol(23)


def test_no_slot_has_the_colour_of_a_class():
    classes = {"#{:02x}{:02x}{:02x}".format(*colour) for colour in (*ROOM_CLASSES.values(), *PARTS.values())}
    assert not classes & {*style.SLOT_COLOURS}


def test_every_task_has_a_colour_of_its_own():
    assert len({style.task_colour(name) for name in TASKS}) == len(TASKS)


@pytest.mark.parametrize(
    ("colour", "expected"), [("#ffffff", "#000000"), ("#000000", "#ffffff"), ("#0000ff", "#ffffff")]
)
def test_ink_is_readable(colour, expected):
    assert style.ink(colour) == expected


def test_colours_span_the_scale_and_clip():
    low, high, below, above = style.colours(np.array([0.0, 1.0, -5.0, 9.0]), 0, 1)
    assert tuple(low) == (68, 1, 84)
    assert tuple(high) == (253, 231, 37)
    assert (below == low).all()
    assert (above == high).all()


def test_a_value_that_is_missing_is_grey():
    assert tuple(style.colours(np.array([np.nan]), 0, 1)[0]) == style.MISSING


def test_a_constant_map_is_drawn():
    assert style.colours(np.full((2, 2), 3.0), 3, 3).shape == (2, 2, 3)


def test_zero_is_in_the_middle_of_the_diverging_scale():
    middle = style.colours(np.array([0.0]), -1, 1, style.DIVERGING)[0]
    assert middle.min() > 240


@pytest.mark.parametrize("colours", [2, 256, 5000])
def test_png_keeps_every_pixel(rng, colours):
    table = rng.integers(0, 255, (colours, 3)).astype(np.uint8)
    picture = table[rng.integers(0, colours, (60, 80))]
    assert (decoded(style.png_uri(picture)) == picture).all()


def test_enlarging_makes_squares(rng):
    picture = rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)
    assert (decoded(style.png_uri(picture, 3)) == picture.repeat(3, 0).repeat(3, 1)).all()


def test_png_carries_its_note(rng):
    content = style.png_bytes(rng.integers(0, 255, (4, 5, 3)).astype(np.uint8), "what made it")
    assert Image.open(io.BytesIO(content)).text["Description"] == "what made it"


def test_a_few_colours_make_a_small_file():
    picture = np.zeros((1024, 1024, 3), np.uint8)
    picture[:512] = 200
    assert len(style.png_bytes(picture)) < 5_000


def test_even_a_photograph_of_noise_stays_small(rng):
    noise = rng.integers(0, 255, (768, 1024, 3)).astype(np.uint8)
    assert len(style.photo_uri(noise)) < 1_500_000


def test_a_figure_over_the_budget_is_refused():
    fig = go.Figure(go.Scatter(x=list(range(400_000)), y=[0.123456] * 400_000))
    with pytest.raises(ValueError, match="3,000,000 are allowed"):
        style.check_budget(fig)


def test_a_figure_has_no_background_until_it_is_for_a_paper():
    fig = style.finish(go.Figure(go.Bar(x=[1], y=[2])))
    assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert style.paper(fig).layout.paper_bgcolor == "#ffffff"
    assert fig.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_metrics_are_written_with_their_unit():
    assert style.metric_text(TASKS["depth"], 0.514) == "0.51 m"
    assert style.metric_text(TASKS["normals"], 13.93) == "13.9°"
    assert style.metric_text(TASKS["semseg"], 0.626) == "0.63"
    assert style.metric_text(TASKS["semseg"], float("nan")) == "–"
