"""The app in a real Chromium: a server of its own on a free port, and a page at 1400 x 900."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.app.conftest import save_tiny_checkpoints

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 90_000
"""Milliseconds; a shared machine may be slow."""


@contextmanager
def serving(checkpoints: Path, log: Path) -> Iterator[str]:
    """A server just started; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}", "--server.headless=true"]
    variables = {**os.environ, "MTLVIZ_CHECKPOINTS": str(checkpoints)}
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health", server, log)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  # our own server
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the app did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def tiny_checkpoints(tmp_path_factory) -> Path:
    """A folder with tiny models."""
    return save_tiny_checkpoints(tmp_path_factory.mktemp("browser_checkpoints"))


@pytest.fixture
def start_app(tiny_checkpoints, tmp_path) -> Iterator[Callable[[], str]]:
    """Start a server that nobody has visited; gives its address."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(serving(tiny_checkpoints, tmp_path / "server.log"))


@pytest.fixture(scope="session")
def app_url(tiny_checkpoints, tmp_path_factory) -> Iterator[str]:
    """Address of a server that all tests share."""
    with serving(tiny_checkpoints, tmp_path_factory.mktemp("server") / "server.log") as address:
        yield address


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine; apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing; pip install playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A fresh visitor at 1400 x 900."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    yield opened
    context.close()


def settle(page) -> None:
    """Wait until the script has run and every chart is drawn."""
    page.wait_for_selector("h1")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")


def visit(page, address: str) -> None:
    """Open an address and wait for the finished page."""
    page.goto(address)
    settle(page)


def click_map(page, chart: int, across: float, down: float) -> None:
    """Click a map at a share of its width and height."""
    surface = page.locator(".js-plotly-plot").nth(chart).locator(".nsewdrag").first
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    surface.click(position={"x": box["width"] * across, "y": box["height"] * down})


def overflow(page) -> int:
    """Pixels by which the page is wider than the window."""
    return page.evaluate(
        "Math.max(...[document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]"
        ".map(e => e.scrollWidth - e.clientWidth))"
    )
