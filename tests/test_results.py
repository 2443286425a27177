"""Results that commands write and pages read."""

import pytest

from mtlviz.errors import DataError
from mtlviz.results import find_results, read_result, write_result


def test_a_result_is_read_back_as_it_was_written(tmp_path):
    write_result(tmp_path / "new" / "a.json", "collapse", {"model": "kem", "values": [0.5, None]})
    assert read_result(tmp_path / "new" / "a.json", "collapse") == {
        "kind": "collapse", "model": "kem", "values": [0.5, None],
    }  # fmt: skip


def test_only_results_of_the_kind_that_is_asked_for_are_found(tmp_path):
    write_result(tmp_path / "b.json", "noise", {})
    write_result(tmp_path / "a.json", "collapse", {"model": "a"})
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    (tmp_path / "d.json").write_text("[]", encoding="utf-8")
    assert [result["model"] for result in find_results("collapse", tmp_path)] == ["a"]
    assert find_results("collapse", tmp_path / "absent") == []


@pytest.mark.parametrize("content", [None, "{", "[]", '{"kind": "noise"}'])
def test_anything_else_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"^a\.json .*\.$"):
        read_result(path, "collapse")


def test_a_value_that_is_not_a_number_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_result(tmp_path / "a.json", "collapse", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []
