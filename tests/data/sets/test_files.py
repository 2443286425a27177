"""Label files made to hurt are refused with one phrase, before they cost memory, and nothing is executed."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat, savemat

from mtlviz.data.sets import mat_files
from mtlviz.data.sets.files import read_npy, read_png
from mtlviz.data.sets.mat_files import read_mat


def npy_header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": kind, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def mat_header() -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"


def test_arrays_come_back_bit_for_bit(tmp_path, rng):
    for kind in ("f4", "f8", "i8", "u1", "?"):
        array = (rng.random((5, 6, 2)) * 9).astype(kind)
        np.save(tmp_path / "a.npy", array, allow_pickle=False)
        np.testing.assert_array_equal(read_npy(tmp_path / "a.npy"), array)
        assert read_npy(tmp_path / "a.npy").dtype == array.dtype


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy_header((10**6, 10**6)), "cut short"),
        (npy_header((4,)) + b"\0" * 31, "cut short"),
        (npy_header((1,), "|O") + b"cos\nsystem\n(S'true'\ntR.", "never loaded"),
        (b"\x80\x04K\x01.", "not a readable"),
        (b"PK\x03\x04", "not a readable"),
        (b"", "not a readable"),
        (b"\x93NUMPY\x01\x00\xff\xff{", "not a readable"),
        (b"\x93NUMPY\x01\x00\x04\x00{'a'", "not a readable"),
    ],
)
def test_what_is_no_plain_array_is_refused(tmp_path, content, says):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_npy(tmp_path / "a.npy")


def test_a_pickled_command_is_not_executed(tmp_path):
    trap = tmp_path / "sprung"
    pickled = f"cposix\nsystem\n(S'touch {trap}'\ntR.".encode()
    for content in (pickled, npy_header((1,), "|O") + pickled):
        (tmp_path / "a.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r"."):
            read_npy(tmp_path / "a.npy")
    assert not trap.exists()


def test_pngs_keep_their_stored_numbers(tmp_path, rng):
    for array in (rng.integers(0, 65536, (4, 5)).astype(np.uint16), rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)):
        Image.fromarray(array).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_png(tmp_path / "a.png"), array)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 99])
def test_what_is_no_png_is_refused(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match="damaged or not a PNG"):
        read_png(tmp_path / "a.png")


def test_matlab_variables_come_back(tmp_path, rng):
    label_map = rng.integers(0, 460, (4, 5)).astype(np.uint16)
    for packed in (True, False):
        savemat(tmp_path / "a.mat", {"LabelMap": label_map, "other": "x"}, do_compression=packed)
        np.testing.assert_array_equal(read_mat(tmp_path / "a.mat", "LabelMap"), label_map)
    with pytest.raises(ValueError, match="no variable 'anno'"):
        read_mat(tmp_path / "a.mat", "anno")


def test_matlab_structs_are_read_as_scipy_reads_them(tmp_path, rng):
    inner = {"name": "left arm", "mask": rng.integers(0, 2, (3, 4)).astype(np.uint8), "empty": np.zeros((0, 0))}
    for kind in ("f8", "f4", "i2", "u4", "i8"):
        stored = {"a": {**inner, "deep": {"x": (9 * rng.standard_normal((2, 3, 4))).astype(kind)}}}
        savemat(tmp_path / "a.mat", stored, do_compression=kind == "f8")
        theirs = loadmat(tmp_path / "a.mat")["a"][0, 0]
        (ours,) = read_mat(tmp_path / "a.mat", "a")
        assert ours["name"] == theirs["name"].item() == "left arm"
        assert ours["empty"].shape == theirs["empty"].shape == (0, 0)
        np.testing.assert_array_equal(ours["mask"], theirs["mask"])
        np.testing.assert_array_equal(ours["deep"][0]["x"], theirs["deep"][0, 0]["x"])
        assert ours["deep"][0]["x"].dtype == kind


def test_damage_to_a_matlab_file_ends_in_a_phrase(tmp_path, rng):
    savemat(tmp_path / "a.mat", {"a": {"name": "x", "mask": np.ones((3, 4), np.uint8), "list": [1.0, 2.0]}})
    whole = (tmp_path / "a.mat").read_bytes()
    phrases = []
    for _ in range(600):
        spoilt = bytearray(whole)
        for place in rng.integers(128, len(whole), 3):
            spoilt[place] = rng.choice([0, 1, 255, rng.integers(256)])
        (tmp_path / "a.mat").write_bytes(spoilt)
        try:
            read_mat(tmp_path / "a.mat", "a")
        except ValueError as error:
            phrases.append(str(error))
    assert len(phrases) > 100
    assert not any("\n" in phrase for phrase in phrases)


def test_a_matlab_bomb_is_measured_before_it_goes_off(tmp_path, monkeypatch):
    monkeypatch.setattr(mat_files, "MAX_UNPACKED", 2**22)
    packed = zlib.compress(b"\0" * 2**24)
    (tmp_path / "a.mat").write_bytes(mat_header() + struct.pack("<II", 15, len(packed)) + packed)
    assert os.path.getsize(tmp_path / "a.mat") < 2**15
    with pytest.raises(ValueError, match="unpacks to more than 4 MB"):
        read_mat(tmp_path / "a.mat", "LabelMap")


def test_a_matlab_file_of_version_7_3_says_how_to_save_it(tmp_path):
    header = b"MATLAB 7.3 MAT-file, HDF5 schema 1.00 .".ljust(124) + struct.pack("<H", 0x0200) + b"IM"
    (tmp_path / "a.mat").write_bytes(header.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + b"\0" * 99)
    with pytest.raises(ValueError, match="not a MATLAB file of version 5 to 7; save it with -v7"):
        read_mat(tmp_path / "a.mat", "LabelMap")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MATLAB 7.3 MAT-file".ljust(512),
        mat_header() + struct.pack("<II", 15, 4) + b"zzzz",
        mat_header() + struct.pack("<II", 14, 48) + b"\xff" * 48,
    ],
)
def test_what_is_no_matlab_file_is_refused(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"MATLAB file|no variable"):
        read_mat(tmp_path / "a.mat", "LabelMap")
