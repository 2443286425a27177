import itertools

import pytest

from mtlviz.metrics.delta_m import delta_m
from mtlviz.metrics.families import FAMILIES
from mtlviz.metrics.published import Published, baseline_of, derived_delta_m, published

ROWS = published()
PRINTED = [row for row in ROWS if row.delta_m is not None and row.baseline]
DIGITS = {"semseg": 2, "human_parts": 2, "saliency": 2, "edge": 2, "depth": 3, "normals": 2}


def row_of(method: str, dataset: str, backbone: str | None = None) -> Published:
    found = [
        row for row in PRINTED
        if (row.method, row.dataset, row.family == "vandenhende") == (method, dataset, False)
        and backbone in (None, row.backbone)
    ]  # fmt: skip
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("method", "dataset", "backbone", "printed"),
    [
        ("MTFormer", "nyud", None, 4.12),
        ("MTFormer", "pascal", None, 2.41),
        ("KEM", "pascal", None, 2.24),
        ("PRISM", "nyud", "ViT-B", 10.59),
    ],
)
def test_published_gains_are_reproduced_to_the_digit(method, dataset, backbone, printed):
    row = row_of(method, dataset, backbone)
    assert row.delta_m == printed
    assert round(derived_delta_m(row), 2) == printed


def within_rounding(row: Published) -> tuple[float, float]:
    """Smallest and largest Delta_m of values that round to the printed ones."""
    base = baseline_of(row)
    digits = {**DIGITS, **dict.fromkeys(("semseg", "human_parts", "saliency", "edge", "normals"), 1)} \
        if row.family == "vandenhende" else DIGITS  # fmt: skip
    gains = []
    for signs in itertools.product((-1, 1), repeat=2):
        ours, theirs = (
            {task: values[task] + sign * (-1 if task in ("depth", "normals") else 1) * 0.5 * 10.0 ** -digits[task]
             for task in row.values}
            for sign, values in zip(signs, (row.values, base.values), strict=True)
        )  # fmt: skip
        gains.append(delta_m(ours, theirs))
    return min(gains) - 0.005, max(gains) + 0.005


@pytest.mark.parametrize("row", PRINTED, ids=lambda row: f"{row.method}, {row.dataset}, {row.backbone}")
def test_printed_gains_follow_from_the_printed_values(row):
    if (row.method, row.dataset) == ("KEM", "nyud"):
        assert derived_delta_m(row) == pytest.approx(4.05, abs=0.006)
        assert row.delta_m == 3.78
        assert "+4.05" in row.note
        return
    low, high = within_rounding(row)
    assert low <= row.delta_m <= high
    if row.family != "vandenhende":
        assert derived_delta_m(row) == pytest.approx(row.delta_m, abs=0.02)


def test_rows_say_where_they_come_from_and_follow_a_known_protocol():
    for row in ROWS:
        assert row.source
        assert row.family in FAMILIES
        assert ("saliency" in row.values) == bool(row.saliency_metric)
        assert row.saliency_metric in ("", "max_f", "sal_miou")


def test_rows_say_whether_those_who_print_them_measured_them():
    def how(method: str, family: str, backbone: str | None = None) -> set[str]:
        return {row.read for row in ROWS
                if (row.method, row.family) == (method, family) and backbone in (None, row.backbone)}  # fmt: skip

    assert how("MTFormer", "mtformer") == how("PRISM", "atrc") == how("InvPT", "atrc", "ViT-L") == {"in its source"}
    assert how("KEM", "mtformer") == how("MTAN (MTL-A)", "mtformer") == {"second-hand"}
    assert how("InvPT", "atrc", "ViT-B") == how("ATRC", "atrc") == how("MTI-Net (survey)", "vandenhende") == {
        "second-hand"}  # fmt: skip
    copied = [row for row in ROWS if row.source.startswith("MTFormer") and row.note]
    assert {row.read for row in copied} == {"second-hand"}


def test_protocols_that_differ_inside_a_family_are_noted():
    notes = {row.method: row.note for row in ROWS if row.family == "atrc"}
    assert "second sigmoid" in notes["MLoRE"]
    assert "non-maximum suppression" in notes["SAK"]
    assert not notes["DeMT"]


def test_rows_are_told_apart():
    keys = [(row.family, row.dataset, row.method, row.backbone) for row in ROWS]
    assert len(set(keys)) == len(keys)


def test_every_baseline_is_there():
    assert all(baseline_of(row) is not None for row in PRINTED)
    assert derived_delta_m(next(row for row in ROWS if row.method == "JTRL")) is None
