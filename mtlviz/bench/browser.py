"""A real Chromium that loads pages of the app, clicks on tokens and counts what it receives."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, TimeoutError, sync_playwright

from mtlviz.bench.measurement import Unavailable

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
VIEW = (1400, 900)
PATIENCE_MS = 120_000

QUIET = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const busy = !app || app.getAttribute('data-test-script-state') !== 'notRunning'
    || document.querySelector('[data-testid="stSkeleton"]');
  const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].filter(c => c.offsetParent);
  return !busy && document.querySelector('h1') && charts.every(c => c.querySelector('.main-svg'));
}"""

CLICKABLE = """() => {
  const charts = [...document.querySelectorAll('.js-plotly-plot')];
  const grid = c => (c._fullData || []).find(t => t.name === 'tokens' && t.x?.length);
  const chart = charts.find(grid);
  if (!chart) return null;
  chart.scrollIntoView({block: 'center'});
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  const tokens = grid(chart);
  return Array.from(tokens.x, (x, i) => ({x, y: tokens.y[i],
    left: box.left + xaxis._offset + xaxis.d2p(x), top: box.top + yaxis._offset + yaxis.d2p(tokens.y[i])}));
}"""

WATCH = """() => {
  const marks = () => [...document.querySelectorAll('.js-plotly-plot')]
    .filter(c => (c.data || []).some(t => t.name === 'tokens') && c.layout.shapes?.length)
    .map(c => c.layout.shapes.map(s => [s.x0, s.y0]).join(';'));
  const before = marks()[0];
  const moved = () => {
    const now = marks(), app = document.querySelector('[data-testid="stApp"]');
    return now.length && now.every(mark => mark !== before && mark === now[0])
      && app.getAttribute('data-test-script-state') === 'notRunning';
  };
  window.mtlvizClick = new Promise(resolve => document.addEventListener('pointerdown', () => {
    const start = performance.now();
    const look = () => moved() ? requestAnimationFrame(() => resolve(performance.now() - start))
      : performance.now() - start > 30000 ? resolve(null) : requestAnimationFrame(look);
    requestAnimationFrame(look);
  }, {once: true, capture: true}));
}"""


class Traffic:
    """What a page receives from the moment on that it is watched.

    Attributes:
        http: bytes of responses as they came over the line; what the browser had cached counts nothing.
        websocket: bytes of the payloads that Streamlit sent.
        largest_figure: bytes of the largest payload that holds a figure, an upper bound of the figure.
    """

    def __init__(self, page: Page) -> None:
        self.http = self.websocket = self.largest_figure = 0
        self._session = page.context.new_cdp_session(page)
        self._session.on("Network.loadingFinished", self._response)
        self._session.on("Network.webSocketFrameReceived", self._frame)
        self._session.send("Network.enable")

    def as_dict(self) -> dict[str, int]:
        """The numbers so far."""
        return {"http": self.http, "websocket": self.websocket, "largest_figure": self.largest_figure}

    def close(self) -> None:
        """Stop watching."""
        self._session.detach()

    def _response(self, event: dict[str, Any]) -> None:
        self.http += int(event["encodedDataLength"])

    def _frame(self, event: dict[str, Any]) -> None:
        size, figure = payload(event["response"])
        self.websocket += size
        if figure:
            self.largest_figure = max(self.largest_figure, size)


def payload(response: dict[str, Any]) -> tuple[int, bool]:
    """Bytes of one frame of a websocket, and whether it carries a Plotly figure.

    Args:
        response: as the DevTools protocol describes a frame; a binary one is base64 text.
    """
    from base64 import b64decode

    text = str(response["payloadData"])
    content = b64decode(text) if response["opcode"] == 2 else text.encode()
    return len(content), b'"layout":' in content and b'"data":' in content


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or the one that Playwright installed.

    Raises:
        Unavailable: if there is none that starts.
    """
    path = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *root])
        except Error as error:
            raise Unavailable(f"Chromium does not start ({error.message.splitlines()[0]}); install it.") from error
        with browser:
            yield browser


def new_context(browser: Browser) -> BrowserContext:
    """A browser profile with nothing cached."""
    context = browser.new_context(viewport={"width": VIEW[0], "height": VIEW[1]})
    context.set_default_timeout(PATIENCE_MS)
    return context


def settle(page: Page) -> None:
    """Wait until the page is drawn and has stayed so for a moment.

    Raises:
        Unavailable: if that takes too long.
    """
    try:
        for _ in range(2):
            page.wait_for_function(QUIET)
            page.wait_for_timeout(700)
        page.wait_for_function(QUIET)
    except TimeoutError as error:
        raise Unavailable(f"The page {page.url} did not come to rest within {PATIENCE_MS // 1000} s.") from error


def processor_seconds(browser: Browser) -> float:
    """Processor time that all processes of the browser have used."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return float(sum(process["cpuTime"] for process in processes))


def linked_pages(page: Page) -> list[str]:
    """Paths of the pages that the home page links to, without slashes."""
    links = page.locator('[data-testid="stPageLink-NavLink"]')
    return [path.strip("/") for path in links.evaluate_all("links => links.map(link => link.pathname)")]


def click_seconds(page: Page, token: dict[str, float]) -> float | None:
    """Seconds from pressing the button on a token until every map marks it and the script rests.

    Args:
        page: with at least one map.
        token: one of what ``CLICKABLE`` returns.

    Returns:
        None if nothing happened within 30 seconds.
    """
    page.mouse.move(token["left"], token["top"])
    page.wait_for_timeout(150)  # Plotly attaches a click to what it last found under the pointer
    page.evaluate(WATCH)
    page.mouse.click(token["left"], token["top"])
    milliseconds = page.evaluate("() => window.mtlvizClick")
    return None if milliseconds is None else float(milliseconds) / 1000
