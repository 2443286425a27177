"""The parts of the Results page that need no comparison: the grid of a sweep, and what others have published."""

import pandas as pd
import pytest

from mtlviz import results
from mtlviz.metrics.published import published
from mtlviz.ui.results import published as results_published
from mtlviz.ui.results.page import PUBLISHED, SWEEP
from tests.app.conftest import said, spec

PAGE = "pages/14_results.py"


def test_published_numbers_stay_apart_with_their_source_and_the_inconsistency(open_page, results_folder):
    at = open_page(PAGE, results_part=PUBLISHED)
    words = said(at)
    assert "KEM on NYUDv2 is inconsistent in print" in words
    assert "+3.78%" in words
    assert "+4.05%" in words
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
    assert "There is one seed a cell" in said(at)
    assert spec(at, 0)["data"][0]["type"] == "heatmap"


def test_a_sweep_over_seeds_says_its_spread(open_page, results_folder):
    found = sweep()
    for cell in found["cells"]:
        cell["scores"]["depth"]["rmse"] |= {"std": 0.05, "count": 3}
    results.write_result(results_folder / "sweep.json", "sweep", found)
    words = said(open_page(PAGE, results_part=SWEEP))
    assert "**0.7 ± 0.05 over 3 seeds** with" in words
    assert "one seed a cell" not in words


def test_published_numbers_keep_the_decimals_that_they_are_printed_with():
    assert results_published._decimals(pd.Series([0.61, 0.614, None])) == 3
    assert results_published._decimals(pd.Series([45.0, 44.2])) == 1


def test_a_damaged_sweep_counts_as_none(open_page, results_folder):
    results.write_result(results_folder / "sweep.json", "sweep", {"fields": {"seed": [1]}})
    at = open_page(PAGE, results_part=SWEEP)
    assert not at.exception
    assert "No sweep is stored yet" in said(at)
