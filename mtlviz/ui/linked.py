"""Controls whose choice is part of the link to a page; a link that asks for what does not exist is told so."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mtlviz.ui import state

LINKED: dict[str, Any] = {"bind": "query-params", "persist_state": "session"}
"""Arguments of a widget that the link to the page carries."""


def buttons(label: str, options: Sequence[str], key: str, *, start: str | None = None, hint: str | None = None) -> str:
    """A few choices side by side.

    Args:
        label: of the control.
        options: what it shows; at least one.
        key: of the widget and the query parameter.
        start: chosen at first; by default the first one.
        hint: shown on demand.
    """
    _check(options, key)
    first = options[0] if start is None else start
    return str(
        st.segmented_control(label, options, default=first, required=True, key=key, help=hint, **LINKED) or first
    )


def select(
    label: str, options: Sequence[str], key: str, *, start: str | None = None, hint: str | None = None, width: int = 165
) -> str:
    """One choice of a list.

    Args:
        label: of the control.
        options: what it shows; at least one.
        key: of the widget and the query parameter.
        start: chosen at first; by default the first one.
        hint: shown on demand.
        width: in pixels.
    """
    _check(options, key)
    index = 0 if start is None else list(options).index(start)
    return str(st.selectbox(label, options, index, key=key, help=hint, width=width, **LINKED))


def _check(options: Sequence[str], key: str) -> None:
    """A choice that another model or place offered and this one does not gives way to the default."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
    state.check_query(key, options)
