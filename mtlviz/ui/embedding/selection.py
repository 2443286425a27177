"""What is selected: points by box or lasso, cells by box, one token by a click; kept while the view changes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from mtlviz.analysis.token_cloud import SHARED, TokenCloud
from mtlviz.analysis.token_selection import TokenSelection

_SELECTED = "_embedding_selected"


def current(of: str) -> TokenSelection | None:
    """What is selected among these images, if anything.

    Args:
        of: names the images.
    """
    found = st.session_state.get(_SELECTED)
    return found if isinstance(found, TokenSelection) and found.of == of else None


def keep(selection: TokenSelection | None) -> None:
    """Make it the selection, or forget it."""
    st.session_state[_SELECTED] = selection


def clear() -> None:
    """Callback: forget the selection."""
    keep(None)


def take_points(chart: str, of: str, cloud: TokenCloud, single: tuple[int, int] | None) -> None:
    """Callback of the map of features.

    Args:
        chart: its key.
        of: names the images.
        cloud: that it drew.
        single: the token grid of the model where the map shows one image: a click then picks the token.
    """
    event = _event(chart)
    rows = [row for row in map(_carried, event["points"]) if len(row) == 4]
    by_hand = bool(event["box"] or event["lasso"])
    if len(rows) == 1 and not by_hand and single is not None:
        task, row, column, _ = rows[0]
        _pick(None if cloud.shared else cloud.groups[task], row, column, cloud.grid, single)
    else:
        keep(TokenSelection.of_rows(of, cloud.groups, cloud.grid, np.array(rows)) if rows else None)


def take_cells(
    chart: str, of: str, task: str | None, image: int, cloud: TokenCloud, single: tuple[int, int] | None
) -> None:
    """Callback of a map of the image.

    Args:
        chart: its key.
        of: names the images.
        task: whose tokens it shows; None for those of all tasks.
        image: index of the image.
        cloud: that it drew.
        single: as for ``take_points``.
    """
    event = _event(chart)
    cells = [cell for cell in map(_carried, event["points"]) if len(cell) == 2]
    if len(cells) == 1 and not event["box"] and single is not None:
        _pick(task, *cells[0], cloud.grid, single)
        return
    owners = [0] if task is None else [cloud.groups.index(task)]
    tasks = (SHARED,) if task is None else cloud.groups
    rows = [(owner, row, column, image) for owner in owners for row, column in cells]
    keep(TokenSelection.of_rows(of, tasks, cloud.grid, np.array(rows)) if rows else None)


def _pick(task: str | None, row: int, column: int, grid: tuple[int, int], single: tuple[int, int]) -> None:
    """The token of the model that lies there becomes the picked one, as on every page."""
    st.session_state["row"] = row * single[0] // grid[0]
    st.session_state["column"] = column * single[1] // grid[1]
    if task is not None:
        st.session_state["task"] = task


def _event(chart: str) -> dict[str, list[Any]]:
    state: Any = st.session_state.get(chart) or {}
    event = state.get("selection", {})
    return {name: list(event.get(name, ())) for name in ("points", "box", "lasso")}


def _carried(point: Mapping[str, Any]) -> tuple[int, ...]:
    """The whole numbers that a point carries; the browser sends those of a typed array by position."""
    carried = point.get("customdata", ())
    values = carried.values() if isinstance(carried, Mapping) else carried
    if not isinstance(values, Sequence) and not isinstance(carried, Mapping):
        return ()
    return tuple(int(value) for value in values)
