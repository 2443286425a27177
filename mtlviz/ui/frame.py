"""What surrounds every page: navigation, the sidebar, and a place where errors become sentences."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from mtlviz.errors import CapabilityError, MtlvizError
from mtlviz.ui import home, panels, pickers, state
from mtlviz.ui.panels import plain

ROOT = Path(__file__).resolve().parents[2]
SIDEBAR = 340
"""Pixels of its width: room for the four sources of images in one row."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One page of the app.

    Attributes:
        file: below the root.
        title: in the navigation.
        url: path in the address; the same as the file's stem would give, so that a cold link finds it.
        icon: Material symbol.
        question: what the page answers.
        group: heading of the navigation that it stands under.
    """

    file: str
    title: str
    url: str
    icon: str
    question: str
    group: str


LOOK, EXCHANGE, GEOMETRY, TRUST = "Look", "What tasks exchange", "How features lie", "Is it true?"
"""Headings of the navigation."""

PAGES = (
    Entry("pages/1_predictions.py", "Predictions", "predictions", ":material/image_search:",
          "What does the model see in this image, task by task?", LOOK),
    Entry("pages/3_compare.py", "Compare", "compare", ":material/compare:",
          "How do two ways of sharing differ on the same image?", LOOK),
    Entry("pages/13_models.py", "Models", "models", ":material/deployed_code:",
          "Which models are here, and what can each of them show?", LOOK),
    Entry("pages/2_slots.py", "Slot routing", "slots", ":material/hub:",
          "Which pixels fed each memory slot, and who reads it back?", EXCHANGE),
    Entry("pages/8_affinity.py", "Affinity", "affinity", ":material/blur_on:",
          "Which pixels does each task consider alike, and where do they disagree?", EXCHANGE),
    Entry("pages/9_noise.py", "Attention noise", "noise", ":material/grain:",
          "How much of what a token reads has nothing to do with it?", EXCHANGE),
    Entry("pages/4_etf.py", "ETF geometry", "etf", ":material/change_history:",
          "How close do the classes come to the frame of equal angles?", GEOMETRY),
    Entry("pages/5_collapse.py", "Neural collapse", "collapse", ":material/filter_center_focus:",
          "Have the classes collapsed, and which lag behind?", GEOMETRY),
    Entry("pages/6_embedding.py", "Embedding", "embedding", ":material/scatter_plot:",
          "Which tokens look alike to the network?", GEOMETRY),
    Entry("pages/7_stability.py", "Stability", "stability", ":material/balance:",
          "Does the selection survive a small change?", TRUST),
    Entry("pages/10_surgery.py", "Slot surgery", "surgery", ":material/content_cut:",
          "What happens to every task when a slot, a task or a token is changed?", TRUST),
    Entry("pages/11_attribution.py", "Attribution", "attribution", ":material/center_focus_strong:",
          "Which pixels, slots or tasks is this prediction owed to?", TRUST),
    Entry("pages/12_faithfulness.py", "Faithfulness", "faithfulness", ":material/fact_check:",
          "Do the maps of the inside foretell what happens when something is taken away?", TRUST),
    Entry("pages/14_results.py", "Results", "results", ":material/leaderboard:",
          "What does each way of sharing gain, and what does it cost?", TRUST),
)  # fmt: skip


def run() -> None:
    """The whole app: called by app.py."""
    page = _navigation()
    st.set_page_config(f"{page.title} · mtlviz", _icon(), layout="wide", initial_sidebar_state=SIDEBAR)
    state.begin_run()  # sentences about the link belong on the page, which is drawn after the sidebar that finds them
    with st.sidebar:
        pickers.draw()
    st.session_state["_framed"] = True
    try:
        page.run()
    finally:
        st.session_state["_framed"] = False


def bootstrap() -> None:
    """First line of every page.

    On a server just started, Streamlit runs a linked page without app.py; building the navigation and running again
    brings the frame back, with the link's query parameters.
    """
    if not st.session_state.get("_framed"):
        _navigation()
        st.rerun()


@contextmanager
def page(question: str) -> Iterator[None]:
    """The body of a page: its question as the title, and errors as one sentence each.

    Args:
        question: what the page answers.
    """
    st.title(question)
    try:
        yield
    except CapabilityError as error:
        panels.empty(plain(str(error)), "Choose another model; the image stays.")
    except MtlvizError as error:
        st.error(plain(str(error)), icon=":material/error:")
    except Exception:  # the last line of defence: a person sees a sentence, the log has the traceback
        _LOG.exception("a page failed")
        st.error(
            "This page ran into a problem of its own; the server's log says where. "
            "Choose another image or model, or reload the page.",
            icon=":material/error:",
        )
    else:
        _footer()


def page_links() -> Iterator[tuple[Entry, "st.Page"]]:
    """The pages with what links to them.

    They carry no icon of their own: Streamlit would fetch it from the internet as the tab's icon.
    """
    for entry in PAGES:
        if (ROOT / entry.file).exists():
            yield entry, st.Page(ROOT / entry.file, title=entry.title, url_path=entry.url)


def _icon() -> Image.Image:
    """Four tokens; drawn here because Streamlit fetches named icons from the internet."""
    tokens = np.array([[(42, 111, 151), (209, 113, 31)], [(47, 158, 104), (138, 99, 210)]], np.uint8)
    return Image.fromarray(tokens.repeat(16, 0).repeat(16, 1))


def _navigation() -> "st.Page":
    sections = {"": [st.Page(_home, title="Home", default=True)]}
    for entry, linked in page_links():
        sections.setdefault(entry.group, []).append(linked)
    return st.navigation(sections, position="top")


def _home() -> None:
    with page("What happens inside a multi-task network?"):
        home.draw(
            [home.Link(linked, entry.title, entry.icon, entry.question, entry.group) for entry, linked in page_links()]
        )


def _footer() -> None:
    st.divider()
    with st.popover("Figures for a paper", icon=":material/print:", type="tertiary"):
        st.toggle("White background", key="paper", persist_state="session")
        st.segmented_control(
            "The camera button of a figure saves", ["PNG", "SVG"], default="PNG", required=True, key="camera",
            persist_state="session",
        )  # fmt: skip
        st.caption("Every figure has its own camera button; data and provenance are in the downloads.")
