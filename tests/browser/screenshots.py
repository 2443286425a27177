"""The pictures of the README: ``python -m tests.browser.screenshots`` takes them with the shipped models."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from mtlviz.checkpoints import DEFAULT_FOLDER
from tests.browser.conftest import CHROMIUM, FLAGS, PATIENCE, ROOT, serving, visit

FOLDER = ROOT / "docs" / "screenshots"
ROOM = 19
"""Held-out room in all pictures."""
PICTURES = {
    "predictions": (f"predictions?room={ROOM}", 1400, 1500),
    "slots": (f"slots?room={ROOM}", 1400, 1350),
    "compare": (f"compare?room={ROOM}", 1400, 1500),
    "etf": (f"etf?room={ROOM}&model=skem", 1400, 1500),
    "collapse": (f"collapse?room={ROOM}&model=skem", 1400, 1500),
    "stability": (f"stability?room={ROOM}", 1400, 1500),
    "affinity": (f"affinity?room={ROOM}&model=ctal", 1400, 1500),
    "noise": (f"noise?room={ROOM}", 1400, 1500),
    "surgery": (f"surgery?room={ROOM}&surgery_edits=residual-0", 1400, 1500),
    "faithfulness": (f"faithfulness?room={ROOM}", 1400, 1700),
    "models": (f"models?room={ROOM}", 1400, 1300),
    "results": (f"results?room={ROOM}", 1400, 1300),
    "phone": (f"predictions?room={ROOM}", 420, 900),
}
"""By file name: page, width and height of the window in pixels."""


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    log = Path(tempfile.mkdtemp()) / "server.log"
    with serving(DEFAULT_FOLDER, log) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, (path, width, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            visit(page, f"{address}/{path}")
            page.wait_for_timeout(2000)  # fonts and the last chart
            page.screenshot(path=FOLDER / f"{name}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
