"""What is read off one frame of a websocket, as the DevTools protocol gives it."""

import base64

import pytest

pytest.importorskip("playwright")
from mtlviz.bench.browser import payload


def test_binary_payloads_are_counted_as_bytes_and_figures_are_recognised():
    figure = b'\x08\x01{"data":[{"x":[1]}],"layout":{}}\xff\x00'
    frame = {"opcode": 2, "payloadData": base64.b64encode(figure).decode()}
    assert payload(frame) == (len(figure), True)


def test_text_payloads_are_counted_in_utf8():
    assert payload({"opcode": 1, "payloadData": "é"}) == (2, False)
