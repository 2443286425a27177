"""The app in a real browser: cold start, a click on a token, bytes on the line."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mtlviz.bench.catalogue import Entry
from mtlviz.bench.measurement import Finding, Say, Unavailable
from mtlviz.bench.server import import_seconds, serving
from mtlviz.bench.timing import percentile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STARTS = 3
CLICKS = 20
WARM_UP = 2
CLICKED_PAGE = "slots"

Measure = Callable[["Browser", Path | None], dict[str, Finding]]


def measure(entries: Sequence[Entry], checkpoints: Path | None, say: Say) -> Iterator[Finding]:
    """Findings for the entries asked for; without Playwright or a Chromium each says what is missing."""
    keys = {entry.key for entry in entries}
    found: dict[str, Finding] = {}
    if find_spec("playwright") is None:
        problem = "Playwright is not installed; pip install -r requirements-dev.txt."
    else:
        from mtlviz.bench.browser import chromium

        problem = "not measured"
        try:
            with chromium() as browser:
                for what, names, part in _PARTS:
                    if keys & names:
                        say(what)
                        found |= _attempt(part, names, browser, checkpoints)
        except Unavailable as error:
            problem = str(error)
    yield from (found.get(entry.key, Finding(entry.key, None, {"missing": problem})) for entry in entries)


def _attempt(part: Measure, names: set[str], browser: "Browser", checkpoints: Path | None) -> dict[str, Finding]:
    from playwright.sync_api import Error

    try:
        return part(browser, checkpoints)
    except (Unavailable, Error) as error:
        problem = str(error).splitlines()[0]
        return {name: Finding(name, None, {"missing": problem}) for name in names}


def _cold_start(browser: "Browser", checkpoints: Path | None) -> dict[str, Finding]:
    from mtlviz.bench.browser import new_context, settle

    imports, paints, rests = [], [], []
    for _ in range(STARTS):
        imports.append(import_seconds())
        with new_context(browser) as context, serving(checkpoints) as server:
            page = context.new_page()
            page.goto(server.url, wait_until="commit")
            page.locator("h1").first.wait_for()
            paints.append(time.perf_counter() - server.started)
            settle(page)
            rests.append(time.perf_counter() - server.started)
    detail = {"import_s": _rounded(imports), "first_paint_s": _rounded(paints), "at_rest_s": _rounded(rests)}
    ratio = statistics.median(paint / alone for paint, alone in zip(paints, imports, strict=True))
    return {
        "first_paint_s": Finding("first_paint_s", statistics.median(paints), detail),
        "cold_start_over_imports": Finding("cold_start_over_imports", ratio, detail),
    }


def _warm_click(browser: "Browser", checkpoints: Path | None) -> dict[str, Finding]:
    from mtlviz.bench.browser import CLICKABLE, new_context, processor_seconds, settle

    key = "warm_click_s_p95"
    choose = random.Random(0)  # noqa: S311
    with serving(checkpoints) as server, new_context(browser) as context:
        page = context.new_page()
        page.goto(f"{server.url}/{CLICKED_PAGE}")
        settle(page)
        page.wait_for_function(CLICKABLE)
        _click(page, choose, WARM_UP)
        before = server.processor_seconds(), processor_seconds(browser)
        seconds = _click(page, choose, CLICKS)
        after = server.processor_seconds(), processor_seconds(browser)
    server_s, browser_s = (round((end - start) / CLICKS, 3) for start, end in zip(before, after, strict=True))
    detail = {"clicks": CLICKS, "page": CLICKED_PAGE, "median_s": round(statistics.median(seconds), 3),
              "seconds": _rounded(seconds), "processor_s": {"server": server_s, "browser": browser_s}}  # fmt: skip
    return {key: Finding(key, percentile(seconds, 0.95), detail)}


def _click(page: "Page", choose: random.Random, count: int) -> list[float]:
    """Seconds of ``count`` clicks on tokens chosen at random."""
    from mtlviz.bench.browser import CLICKABLE, click_seconds

    seconds = []
    for _ in range(count):
        second = click_seconds(page, choose.choice(page.evaluate(CLICKABLE)))
        if second is None:
            raise Unavailable(f"A click on the page {CLICKED_PAGE} changed nothing within 30 s.")
        seconds.append(second)
        page.wait_for_timeout(300)
    return seconds


def _traffic(browser: "Browser", checkpoints: Path | None) -> dict[str, Finding]:
    from mtlviz.bench.browser import Traffic, linked_pages, new_context, settle

    pages: dict[str, dict[str, dict[str, int]]] = {}
    with serving(checkpoints) as server, new_context(browser) as context:
        paths = [""]
        for path in paths:  # the first one finds the others
            page = context.new_page()
            visits = {}
            for visit in ("first", "again"):
                traffic = Traffic(page)
                page.goto(f"{server.url}/{path}")
                settle(page)
                visits[visit] = traffic.as_dict()
                traffic.close()
            pages[path or "home"] = visits
            paths += [link for link in linked_pages(page) if link not in paths]
            page.close()
    again = [visits["again"] for visits in pages.values()]
    most = max(sizes["http"] + sizes["websocket"] for sizes in again)
    largest = max(sizes["largest_figure"] for sizes in again)
    if not largest:
        raise Unavailable("No page sent a figure, so there is no largest one; look at what the app shows.")
    return {
        "bytes_per_page": Finding("bytes_per_page", float(most), {"pages": pages}),
        "largest_figure_mb": Finding("largest_figure_mb", largest / 1e6, {"pages": pages}),
    }


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(second, 3) for second in seconds]


_PARTS: tuple[tuple[str, set[str], Measure], ...] = (
    (f"{STARTS} cold starts of the app", {"first_paint_s", "cold_start_over_imports"}, _cold_start),
    (f"{CLICKS} clicks on tokens in the browser", {"warm_click_s_p95"}, _warm_click),
    ("What every page of the app sends", {"bytes_per_page", "largest_figure_mb"}, _traffic),
)
