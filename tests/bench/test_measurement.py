"""Bars, and what the bench says of itself."""

import io
import json
import math

import pytest
from rich.console import Console

from mtlviz.bench import KEYS, PARTS, Bar, Measurement, as_json, run, table
from mtlviz.bench import app as app_part
from mtlviz.bench import interaction as interaction_part
from mtlviz.bench.catalogue import ENTRIES, chosen_entries
from mtlviz.errors import OptionError


def printed(measurements):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(measurements))
    return console.export_text()


@pytest.mark.parametrize(
    ("bar", "value", "holds"),
    [
        (Bar("<=", 1.1), 1.1, True),
        (Bar("<=", 1.1), 1.11, False),
        (Bar("<", 1), 1.0, False),
        (Bar("<", 1), 0.99, True),
        (Bar(">=", 25), 25.0, True),
        (Bar(">=", 25), 24.9, False),
        (Bar(">=", 25), math.nan, False),
        (Bar("<", 25), math.nan, False),
    ],
    ids=str,
)
def test_a_bar_holds_on_its_own_side(bar, value, holds):
    assert bar.holds(value) is holds
    assert Measurement("key", value, "x", bar).holds is holds


def test_without_a_bar_or_a_value_nothing_holds_or_fails():
    assert Measurement("key", 3.0, "x").holds is None
    assert Measurement("key", None, "x", Bar("<", 1)).holds is None


def test_keys_are_unique_and_hold_those_that_were_promised():
    assert len(set(KEYS)) == len(KEYS)
    promised = {
        "traced_over_bare": "<= 1.1", "lesions_over_forward": "<= 4",
        "kem_speedup_s9600": ">= 12", "kem_memory_ratio_s9600": ">= 25",
        "ctal_linear_speedup_nyu": ">= 3", "ctal_linear_memory_ratio_nyu": ">= 15",
        "affinity_row_ms": "< 300", "collapse_over_bare": "<= 1.25", "collapse_memory_growth": "<= 1.05",
        "rooms_images_per_s": ">= 25", "warm_click_s_p95": "< 1", "largest_figure_mb": "< 3",
    }  # fmt: skip
    assert {entry.key: str(entry.bar) for entry in ENTRIES if entry.bar} == promised
    assert {"cold_start_over_imports", "first_paint_s", "bytes_per_page"} <= set(KEYS)


@pytest.mark.parametrize("only", [["nonsense"], ["kem_speedup_s9601"], ["traced_over_bare", "KEM"]])
def test_an_unknown_key_is_refused_before_anything_is_measured(only):
    with pytest.raises(OptionError) as raised:
        run(only, lambda _: pytest.fail("something was measured"))
    for valid in ("kem_speedup_sS", "1280, 4800, 9600, 19200", "rooms_images_per_s", *PARTS):
        assert valid in str(raised.value)


def test_an_almost_right_key_is_named():
    with pytest.raises(OptionError, match="did you mean kem_speedup_s9600"):
        chosen_entries(["kem_speed_s9600"])


def test_a_part_stands_for_its_keys_and_nothing_for_all():
    assert {entry.part for entry in chosen_entries(["app"])} == {"app"}
    assert [entry.key for entry in chosen_entries(["rooms", "traced_over_bare"])] == [
        "traced_over_bare",
        "rooms_images_per_s",
    ]
    assert chosen_entries(None) == chosen_entries([]) == ENTRIES


def test_measurements_come_in_the_order_of_the_catalogue_and_are_json():
    found = run(["kem_operations_ratio_folded_s9600", "kem_memory_ratio_s1280", "kem_memory_ratio_s9600"])
    keys = ["kem_memory_ratio_s1280", "kem_memory_ratio_s9600", "kem_operations_ratio_folded_s9600"]
    assert [m.key for m in found] == keys
    plain = json.loads(json.dumps(as_json(found)))
    assert list(plain) == keys
    assert plain["kem_memory_ratio_s9600"]["bar"] == ">= 25"
    peaks = plain["kem_memory_ratio_s9600"]["detail"]["peak_bytes"]
    assert plain["kem_memory_ratio_s9600"]["value"] == peaks["dense"] / peaks["kem"]


def test_the_analytic_ratio_is_that_of_the_paper():
    (found,) = run(["kem_operations_ratio_literal_s9600"])
    assert found.value == pytest.approx(4.91e10 / 2.08e9, rel=0.01)  # kem.md 2.2: x 23.5


def test_the_table_shows_bar_verdict_and_what_a_ratio_is_made_of():
    peaks = {"peak_bytes": {"dense": 776e6, "kem": 41e6}}
    text = printed(
        [
            Measurement("traced_over_bare", 1.02, "x", Bar("<=", 1.1), {"ms": {"bare": 10.0, "traced": 10.2}}),
            Measurement("kem_memory_ratio_s9600", 19.0, "x", Bar(">=", 25), peaks),
            Measurement("first_paint_s", None, "s", None, {"missing": "Chromium does not start"}),
        ]
    )
    lines = {line.split("│")[1].strip(): line for line in text.splitlines() if "│" in line}
    assert "<= 1.1" in lines["traced_over_bare"]
    assert "pass" in lines["traced_over_bare"]
    assert "bare 10, traced 10.2 ms" in lines["traced_over_bare"]
    assert "dense 776, kem 41 MB" in lines["kem_memory_ratio_s9600"]
    assert "FAIL" in lines["kem_memory_ratio_s9600"]
    assert "776 / 41 MB" in text
    assert "first_paint_s: Chromium does not start" in text


def test_what_needs_more_memory_than_there_is_says_so(monkeypatch):
    monkeypatch.setattr(interaction_part, "free_bytes", lambda: 10**9)
    (found,) = run(["kem_training_speedup_s19200"])
    assert found.value is None
    assert "GB of memory; 1.0 GB are free" in found.detail["missing"]


def test_without_playwright_the_app_part_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(app_part, "find_spec", lambda _: None)
    found = run(["app"])
    assert [m.value for m in found] == [None] * len(found)
    assert all("Playwright" in m.detail["missing"] for m in found)
