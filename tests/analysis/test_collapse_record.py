import dataclasses
import json

import pytest

from mtlviz.analysis.collapse.record import (
    ClassPlace,
    ClassRow,
    ClassTask,
    CollapseResult,
    Estimate,
    LogEntry,
    Protocol,
    RegressionPlace,
    RegressionTask,
    Weighted,
    from_plain,
    log_line,
    read_log,
    to_plain,
    with_trajectory,
)
from mtlviz.errors import DataError

ENTRY = LogEntry(10, 160, 64, {"semseg": {"decoder": {"nc1_cdnv": {"balanced": 0.1 + 0.2, "pixel": None}}}})


@pytest.fixture
def result():
    place = ClassPlace(
        8, (2, 3), 60, (0,), {"nc1_cdnv": Weighted(Estimate(1 / 3, 0.2, 0.4), Estimate(None))},
        (ClassRow(0, "wall", 60, 1.0, norm=1.0), ClassRow(1, "lamp", 0, 0.0)), ((1.0,),),
    )  # fmt: skip
    depth = RegressionTask("Depth", 1, {"decoder": RegressionPlace(8, (2, 3), 60, {"nrc1": Estimate(0.25)}, (0.75,))})
    return CollapseResult(
        model="kem", title="KEM", weights_sha256="ab", trained="synthetic", data="rooms:val", images=10,
        input_size=(32, 48), device="cpu", processes=1, versions={"torch": "2"}, protocol=Protocol(),
        classes={"semseg": ClassTask("Semantic segmentation", {"decoder": place})}, regression={"depth": depth},
    )  # fmt: skip


def test_a_result_survives_json(result):
    text = json.dumps({"kind": "collapse", **to_plain(result)}, allow_nan=False)
    assert from_plain(json.loads(text)) == result


def test_a_weighted_number_is_found_by_its_weighting(result):
    found = result.classes["semseg"].places["decoder"].statistics["nc1_cdnv"]
    assert found.of("balanced").low == 0.2
    assert found.of("pixel").value is None


def test_a_damaged_result_says_where(result):
    plain = to_plain(result)
    plain["classes"]["semseg"]["places"]["decoder"]["width"] = "wide"
    with pytest.raises(DataError, match=r"damaged at 'classes\.semseg\.places\.decoder\.width'"):
        from_plain(plain)


def test_a_log_is_read_as_it_was_written():
    lines = [dataclasses.replace(ENTRY, step=step) for step in (0, 10, 20)]
    assert read_log("".join(log_line(one) + "\n" for one in lines)) == tuple(lines)


def test_a_line_that_is_being_written_is_left_out_and_a_damaged_one_is_named():
    line = log_line(ENTRY)
    assert read_log(f"{line}\n{line[:20]}") == (ENTRY,)
    with pytest.raises(DataError, match="Line 1 of the collapse log is damaged"):
        read_log(f"{line[:20]}\n{line}\n")


def test_a_result_can_hold_what_its_training_logged(result):
    assert from_plain(to_plain(with_trajectory(result, (ENTRY,)))).trajectory == (ENTRY,)
