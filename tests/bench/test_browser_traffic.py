"""What is read off one frame of a websocket, as the DevTools protocol gives it."""

import base64
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

pytest.importorskip("playwright")
from mtlviz.bench import app, browser
from mtlviz.bench.browser import payload
from mtlviz.bench.measurement import Unavailable


def test_binary_payloads_are_counted_as_bytes_and_figures_are_recognised():
    figure = b'\x08\x01{"data":[{"x":[1]}],"layout":{}}\xff\x00'
    frame = {"opcode": 2, "payloadData": base64.b64encode(figure).decode()}
    assert payload(frame) == (len(figure), True)


def test_text_payloads_are_counted_in_utf8():
    assert payload({"opcode": 1, "payloadData": "é"}) == (2, False)


def test_pages_that_send_no_figure_keep_to_no_bar(monkeypatch):
    empty = {"http": 1, "websocket": 1, "largest_figure": 0}
    page = SimpleNamespace(goto=lambda url: None, close=lambda: None)
    context = SimpleNamespace(new_page=lambda: page)
    monkeypatch.setattr(app, "serving", lambda _: nullcontext(SimpleNamespace(url="")))
    for name, stand_in in {
        "new_context": lambda _: nullcontext(context),
        "settle": lambda _: None,
        "linked_pages": lambda _: [],
        "Traffic": lambda _: SimpleNamespace(as_dict=lambda: empty, close=lambda: None),
    }.items():
        monkeypatch.setattr(browser, name, stand_in)
    with pytest.raises(Unavailable, match="No page sent a figure"):
        app._traffic(None, None)
