"""Numbers of what one token reads."""

import numpy as np
import pytest

from mtlviz.analysis.reading import read_token, whole_map
from mtlviz.analysis.write_map import written_variation
from tests.analysis.test_attention import N, S, padding, traced

LABELS = np.arange(N, dtype=np.int16) % 3


@pytest.mark.parametrize("name", ["kem", "cross_attention"])
def test_a_reading_holds_the_row_and_numbers_with_definitions(name: str) -> None:
    _, trace = traced(name)
    reading = read_token(trace, 7, whole_map(trace, LABELS), LABELS)
    assert reading.row.shape == (S,)
    assert (reading.row[~reading.readable.read] == 0).all()
    quantities = {quantity.title: quantity for quantity in reading.quantities}
    assert all(quantity.definition.endswith(".") for quantity in reading.quantities)
    assert quantities["Tokens it could read"].token == (S if name == "kem" else S - N)
    assert 0 < quantities["Entropy"].token <= 1
    assert quantities["Noise over chance"].token == pytest.approx(
        quantities["Weight on other labels"].token / quantities["The same at chance"].token
    )


def test_without_labels_there_is_no_noise() -> None:
    _, trace = traced("kem")
    reading = read_token(trace, 0, whole_map(trace))
    assert reading.noise is None
    assert np.isnan(reading.floor)
    assert not any("label" in quantity.title for quantity in reading.quantities)


def test_the_floor_of_cross_attention_is_below_its_noise_and_kem_has_none() -> None:
    _, trace = traced("cross_attention", padding(4))
    for token in (0, 9, S - 1):
        reading = read_token(trace, token, whole_map(trace, LABELS), LABELS)
        assert 0 < reading.floor <= reading.noise.mass[0] + 1e-6
    _, slots = traced("kem")
    assert np.isnan(read_token(slots, 0, whole_map(slots, LABELS), LABELS).floor)


def test_what_is_written_does_not_vary_if_every_token_reads_alike() -> None:
    _, trace = traced("kem", slots=1)
    assert written_variation(trace) == pytest.approx(0, abs=1e-6)
