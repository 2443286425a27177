"""Files that are written whole or not at all."""

import os

import pytest

from mtlviz.files import write_whole, written_whole


@pytest.mark.parametrize(
    ("content", "stored"), [("depth in m²\n", "depth in m²\n".encode()), (b"\x00\xff", b"\x00\xff")]
)
def test_a_file_is_written_as_given_and_nothing_is_left_beside_it(tmp_path, content, stored):
    write_whole(tmp_path / "a", b"old")
    write_whole(tmp_path / "a", content)
    assert (tmp_path / "a").read_bytes() == stored
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_reader_finds_the_old_content_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with written_whole(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_content_alone(tmp_path, failure):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail():
        with written_whole(path) as partial:
            partial.write_bytes(b"ne")
            raise failure

    with pytest.raises(type(failure)):
        fail()
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_two_writers_at_once_do_not_meet(tmp_path):
    path = tmp_path / "a"
    with written_whole(path) as first, written_whole(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # the outer block ends last


def test_others_may_read_it_as_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    write_whole(tmp_path / "a", b"")
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "plain").st_mode
