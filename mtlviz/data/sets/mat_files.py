"""MATLAB files of version 5 to 7, as far as annotations need them: numbers, text, structs and cells.

Written for this because scipy's reader crashes the process on some damaged files. Every size that a file claims is
checked against the bytes that are there before anything is made, and objects and functions are refused.

A file is a header of 128 bytes and elements of a tag (type, count of bytes) and data, padded to 8 bytes; an element
of up to 4 bytes has both in 8. An array is an element of elements: flags, shape, name, and what its class needs.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtlviz.data.images import MAX_BYTES

MAX_UNPACKED = 256 * 2**20
"""Most bytes that a file unpacks to."""

_HEADER = 128
_DEEPEST = 8
_INT8, _MATRIX, _COMPRESSED = 1, 14, 15
_CELL, _STRUCT, _CHARACTERS = 1, 2, 4
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_MEANT = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_COMPLEX = 0x0800

Value = Any
"""Numbers as an array of the stored shape, text as str, a struct array as a list of dicts, a cell array as a list."""


class _Element(NamedTuple):
    kind: int
    data: memoryview


class _Array(NamedTuple):
    name: str
    kind: int
    flags: int
    shape: tuple[int, ...]
    rest: Iterator[_Element]


def read_mat(path: Path, variable: str) -> Value:
    """One variable of a file.

    Raises:
        ValueError: if the file is of another version, damaged or too large, or has no such variable. Its text goes
            on from the file's name.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from error
    if size > MAX_BYTES:
        raise ValueError(f"has more than {MAX_BYTES // 2**20} MB, the most that is allowed")
    if content[124:128] not in (b"\0\1IM", b"\1\0MI"):  # 7.3 has a 2 there, and HDF5 behind it
        raise ValueError("is not a MATLAB file of version 5 to 7; save it with -v7")
    order = "<" if content[126:128] == b"IM" else ">"
    try:
        for element in _unpacked(memoryview(content)[_HEADER:], order):
            if element.kind != _MATRIX or not len(element.data):
                continue
            array = _opened(element.data, order)
            if array.name == variable:
                return _value(array, order, 0)
    except (struct.error, zlib.error, UnicodeDecodeError, StopIteration, KeyError, OverflowError) as error:
        raise ValueError("is a damaged MATLAB file") from error
    raise ValueError(f"holds no variable {variable!r}")


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    place = 0
    while place + 8 <= len(data):
        kind, count = struct.unpack_from(f"{order}II", data, place)
        start = place + 8
        if kind >> 16:  # up to four bytes lie in the tag itself
            kind, count, start = kind & 0xFFFF, kind >> 16, place + 4
            place += 8
            if count > 4:
                raise ValueError("is a damaged MATLAB file")
        else:
            padding = 0 if kind == _COMPRESSED else -count % 8
            place = start + count + padding
        if start + count > len(data):
            raise ValueError("is a MATLAB file that is cut short or damaged")
        yield _Element(kind, data[start : start + count])


def _unpacked(data: memoryview, order: str) -> Iterator[_Element]:
    """Elements of a file, the packed ones unpacked, at most so many bytes of all together."""
    total = 0
    for element in _elements(data, order):
        if element.kind != _COMPRESSED:
            yield element
            continue
        content = zlib.decompressobj().decompress(element.data, MAX_UNPACKED - total + 1)
        total += len(content)
        if total > MAX_UNPACKED:
            raise ValueError(f"unpacks to more than {MAX_UNPACKED // 2**20} MB, the most that is allowed")
        yield from _elements(memoryview(content), order)


def _opened(data: memoryview, order: str) -> _Array:
    """An array up to its contents."""
    rest = _elements(data, order)
    flags = int(struct.unpack_from(f"{order}I", next(rest).data)[0])
    sides = next(rest).data
    shape = struct.unpack(f"{order}{len(sides) // 4}i", sides)
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError("is a damaged MATLAB file")
    return _Array(bytes(next(rest).data).decode("latin-1"), flags & 0xFF, flags, shape, rest)


def _value(array: _Array, order: str, depth: int) -> Value:
    if depth > _DEEPEST:
        raise ValueError("is a MATLAB file with structs within structs beyond measure")
    if array.kind in _MEANT and not array.flags & _COMPLEX:
        return _numbers(array, order)
    if array.kind == _CHARACTERS:
        text = next(array.rest, _Element(_INT8, memoryview(b"")))
        suffix = "" if _TEXT[text.kind] in ("latin-1", "utf-8") else "-le" if order == "<" else "-be"
        return bytes(text.data).decode(_TEXT[text.kind] + suffix)
    if array.kind == _CELL:
        return [_inner(array, order, depth) for _ in range(_count(array, 1))]
    if array.kind == _STRUCT:
        width = int(struct.unpack(f"{order}i", next(array.rest).data)[0])
        names = bytes(next(array.rest).data)
        if not 0 < width <= 64:
            raise ValueError("is a damaged MATLAB file")
        fields = [names[at : at + width].split(b"\0")[0].decode("latin-1") for at in range(0, len(names), width)]
        return [{field: _inner(array, order, depth) for field in fields} for _ in range(_count(array, len(fields)))]
    raise ValueError("holds MATLAB objects, functions, sparse or complex numbers; none of them is read")


def _count(array: _Array, parts: int) -> int:
    """Number of elements of a struct or cell array; each takes at least a tag, so a false claim ends early."""
    return math.prod(array.shape) if parts else 0


def _inner(array: _Array, order: str, depth: int) -> Value:
    element = next(array.rest)
    if element.kind != _MATRIX:
        raise ValueError("is a damaged MATLAB file")
    return _value(_opened(element.data, order), order, depth + 1) if len(element.data) else np.zeros((0, 0))


def _numbers(array: _Array, order: str) -> np.ndarray:
    """Stored in the smallest type that holds them, meant as that of the class; columns come first."""
    stored = next(array.rest)
    values = np.frombuffer(stored.data, order + _STORED[stored.kind])
    if values.size != math.prod(array.shape):
        raise ValueError("is a MATLAB file whose arrays are not as long as they claim")
    return values.astype(_MEANT[array.kind]).reshape(array.shape, order="F")
