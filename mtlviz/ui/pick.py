"""The picked token: set by a click on a map, by typing, by the arrow keys or by the link."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from mtlviz.engine import Run
from mtlviz.ui import state


@dataclass(frozen=True)
class Token:
    """One token of one task."""

    task: str
    row: int
    column: int

    @property
    def place(self) -> tuple[int, int]:
        """(row, column)."""
        return self.row, self.column


def token(run: Run, *, with_task: bool = True) -> Token:
    """Draw the inputs of the picked token in one row, and return it.

    Args:
        run: gives the tasks, the token grid and where the padding is.
        with_task: ask for the task too.
    """
    (rows, columns), tasks = run.card.token_grid, _tasks(run)
    state.check_query("task", tasks)
    state.check_query_number("row", 0, rows - 1)
    state.check_query_number("column", 0, columns - 1)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if with_task:
            st.selectbox("Task of the token", tasks, width=180, **_linked("task"))
        for key, count, start in (("row", rows, rows // 2), ("column", columns, columns // 2)):
            if st.session_state.get(key, 0) >= count:  # left by a model with a finer grid
                st.session_state[key] = count - 1
            st.number_input(f"{key.capitalize()} (0 to {count - 1})", 0, count - 1, start, width=150, **_linked(key))
        st.button("Centre", on_click=_reset, args=(rows, columns), icon=":material/filter_center_focus:")
    found = current(run)
    asked = (st.session_state["row"], st.session_state["column"])
    if found.place != asked:
        st.caption(
            f"Row {asked[0]}, column {asked[1]} is padding around this image; the nearest token of the image, row "
            f"{found.row}, column {found.column}, is shown."
        )
    return found


def current(run: Run) -> Token:
    """The picked token, moved into the image where it lies on padding; the first task and the centre by default."""
    (rows, columns), tasks = run.card.token_grid, _tasks(run)
    task = _known("task", tasks[0])
    row, column = (_number("row", rows), _number("column", columns))
    return Token(task if task in tasks else tasks[0], *state.geometry(run).clip(row, column))


def take_click(chart: str, task: str | None) -> None:
    """Callback of a clickable map: the clicked token becomes the picked one.

    Args:
        chart: key of the chart.
        task: the map's task; None keeps the task.
    """
    event: Any = st.session_state.get(chart) or {}
    for point in event.get("selection", {}).get("points", []):
        place = point.get("customdata")
        if isinstance(place, list | tuple) and len(place) == 2:
            st.session_state["row"], st.session_state["column"] = (int(index) for index in place)
            if task is not None:
                st.session_state["task"] = task


def _tasks(run: Run) -> list[str]:
    return [task.name for task in run.card.tasks]


def _linked(key: str) -> dict[str, Any]:
    return {"key": key, "bind": "query-params", "persist_state": "session"}


def _known(key: str, default: str) -> str:
    """What the session or, before the widget was ever drawn, the link says."""
    return str(st.session_state.get(key, st.query_params.get(key, default)))


def _number(key: str, count: int) -> int:
    try:
        value = int(_known(key, str(count // 2)))
    except ValueError:
        return count // 2
    return value if 0 <= value < count else count // 2


def _reset(rows: int, columns: int) -> None:
    st.session_state["row"], st.session_state["column"] = rows // 2, columns // 2
