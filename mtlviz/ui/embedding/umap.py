"""PCA at once; UMAP on a button, in a process of its own, with progress and a stop."""

import numpy as np
import streamlit as st
from jaxtyping import Float32

from mtlviz.analysis.projection import Projection, UmapSettings, pca, umap_points
from mtlviz.analysis.token_cloud import TokenCloud
from mtlviz.analysis.umap_process import UmapDesk, UmapJob
from mtlviz.ui import panels

COMPILING = 15
"""Seconds that the first UMAP of a server takes in addition."""
SECONDS_A_THOUSAND = 1.5
"""Seconds that a thousand tokens usually take."""
POLL = 0.5
_JOB = "_embedding_umap"

Key = tuple[str, ...]


def projected(cloud: TokenCloud, key: Key, method: str, axes: int) -> Projection:
    """The map that was asked for, or PCA as long as there is no UMAP of these tokens.

    Args:
        cloud: the tokens.
        key: names them.
        method: PCA or UMAP.
        axes: 2 or 3.
    """
    first = _pca(cloud, axes, key)
    if method != "UMAP":
        return first
    settings = UmapSettings(axes=axes)
    digest = settings.digest(_points(cloud, settings, key))
    coordinates = _desk().found(digest)
    if coordinates is None:
        job = _job(digest)
        if job is not None and job.running:
            _watch(job)
        elif job is None or job.result is None:
            _offer(cloud, key, settings, job)
        else:  # forgotten by the desk, not by this session
            coordinates = job.result
    return first if coordinates is None else Projection("UMAP", coordinates, first.explained[:0])


def _job(digest: str) -> UmapJob | None:
    """The map that this session asked for last, if it is this one."""
    found = st.session_state.get(_JOB)
    return found if isinstance(found, UmapJob) and found.digest == digest else None


def _offer(cloud: TokenCloud, key: Key, settings: UmapSettings, before: UmapJob | None) -> None:
    """The button that starts, and what became of the try before."""
    if before is not None and before.problem:
        st.error(panels.plain(before.problem), icon=":material/error:")
    seconds = max(2, round(len(cloud) / 1000 * SECONDS_A_THOUSAND * settings.axes / 2))
    first = "" if _desk().warm else f", and about {COMPILING} s more this first time, while UMAP is compiled"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.button(
            f"Compute UMAP of {len(cloud):,} tokens", key="embedding_compute", type="primary",
            icon=":material/scatter_plot:", on_click=_start, args=(cloud, key, settings),
        )  # fmt: skip
        st.caption(
            ("Stopped. " if before is not None and before.stopped else "")
            + f"It usually takes about {seconds} s{first}; until then PCA is shown. Seed {settings.seed}, "
            f"{settings.principal} principal components first, {settings.neighbours} neighbours, "
            f"min_dist {settings.distance}, {settings.epochs} epochs."
        )


def _start(cloud: TokenCloud, key: Key, settings: UmapSettings) -> None:
    """Callback: begin, and give up what this session waited for before."""
    before = st.session_state.get(_JOB)
    if isinstance(before, UmapJob):
        before.stop()
    st.session_state[_JOB] = _desk().start(_points(cloud, settings, key), settings)


@st.fragment(run_every=POLL)
def _watch(job: UmapJob) -> None:
    """Progress of a map; only this part of the page runs again, so that everything else stays usable."""
    if not job.running:
        st.rerun()
    progress = job.progress
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        share = "" if progress.share is None else f" {progress.share:.0%}"
        st.progress(progress.share or 0.0, f"UMAP: {progress.stage}{share} · {progress.seconds:.0f} s. PCA is shown.")
        st.button("Stop", icon=":material/stop:", key="embedding_stop", on_click=job.stop)


@st.cache_resource(show_spinner=False, on_release=lambda desk: desk.close())
def _desk() -> UmapDesk:
    """One for all sessions."""
    return UmapDesk()


@st.cache_resource(max_entries=16, show_spinner=False)
def _pca(_cloud: TokenCloud, axes: int, key: Key) -> Projection:
    return pca(_cloud.features, axes)


@st.cache_resource(max_entries=4, show_spinner=False)
def _points(_cloud: TokenCloud, settings: UmapSettings, key: Key) -> Float32[np.ndarray, "n P"]:
    return umap_points(_cloud.features, settings)
