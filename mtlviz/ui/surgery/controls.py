"""The controls of the operating table: choose an edit, add it, take it back; the list in words and as text."""

import streamlit as st

from mtlviz.analysis.lesions.edit import Subject, applicable
from mtlviz.analysis.lesions.operations import (
    HERE,
    MOST,
    VERBS,
    Operation,
    Operations,
    read_operations,
    with_operation,
)
from mtlviz.engine import Run
from mtlviz.errors import OptionError
from mtlviz.ui import pick
from mtlviz.ui.linked import LINKED
from mtlviz.ui.sources import ROOMS
from mtlviz.ui.surgery import page, words
from mtlviz.ui.surgery.page import DRAFT_SLOT, EDITS, HISTORY, NOW, Table

VERB = "surgery_verb"
LARGEST_K = 10_000


def draft(table: Table) -> Operation:
    """The row of controls; returns the operation that its button adds."""
    subject = table.subject
    titles = {name: words.TITLES[name] for name in subject.verbs}
    if st.session_state.get(VERB) not in titles:
        st.session_state.pop(VERB, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        verb = st.selectbox("Operation", list(titles), format_func=titles.__getitem__, key=VERB, width=230)
        operation = _parts(verb or subject.verbs[0], subject, table.before)
        st.button("Apply", key="surgery_add", type="primary", icon=":material/content_cut:", on_click=_add,
                  args=(operation, subject), disabled=len(table.operations) >= MOST,
                  help=f"Add this edit to the list, which holds at most {MOST}.")  # fmt: skip
        st.button("Undo", key="surgery_undo", icon=":material/undo:", on_click=page.undo,
                  disabled=not st.session_state.get(HISTORY), help="Take the last change back.")  # fmt: skip
        st.button("Reset", key="surgery_reset", icon=":material/restart_alt:", on_click=page.put, args=((),),
                  disabled=not page.current_text(), help="Remove all edits; Undo brings them back.")  # fmt: skip
    if verb in ("mute", "move"):
        pick.token(table.before)
    missing = page.not_offered(subject)
    st.caption(f"**{titles[operation.verb]}.** {words.MEANINGS[operation.verb]} {missing}")
    return operation


def listed(table: Table) -> None:
    """The edits in force, each removable, and the list as text that can be typed and shared."""
    text, buttons = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
    with text:
        st.text_input(
            "List of edits, as text", key=EDITS, on_change=page.typed, placeholder="zero-3 swap-1-5 residual-0.5",
            help="The list travels in the page's link. Words: "
            + ", ".join(f"`{VERBS[name].example}`" for name in table.subject.verbs) + ".", **LINKED,
        )  # fmt: skip
    with buttons, st.container(horizontal=True, gap="small"):
        for index, phrase in enumerate(table.phrases):
            rest = table.operations[:index] + table.operations[index + 1 :]
            st.button(phrase, key=f"surgery_remove_{index}", icon=":material/close:", on_click=page.put,
                      args=(rest,), help="Remove this edit.")  # fmt: skip
    st.session_state[NOW] = page.current_text()


def _add(operation: Operation, subject: Subject) -> None:
    """Callback: append to what the model allows of the list; one that cannot be read is begun anew."""
    try:
        held: Operations = applicable(read_operations(page.current_text()), subject)
    except OptionError:
        held = ()
    page.put(with_operation(held, operation))


def _parts(verb: str, subject: Subject, run: Run) -> Operation:
    """The inputs of one operation."""
    tasks = list(subject.layout.tasks)
    if verb in ("zero", "freeze"):
        return Operation(verb, (_slot(subject),))
    if verb == "swap":
        return Operation(verb, (_slot(subject), _other(subject, "with slot")))
    if verb == "give":
        return Operation(verb, (_slot(subject), _other(subject, "Content of slot"), _source()))
    if verb == "silence":
        return Operation(verb, (_task(tasks, "Task"),))
    if verb == "noise":
        task = _task(tasks, "Task")
        level = st.number_input("Level", 0.0, 8.0, 1.0, 0.25, key="surgery_level", width=110)
        seed = st.number_input("Seed", 0, 999, 0, key="surgery_seed", width=110)
        return Operation(verb, (task, round(float(level), 3), int(seed)))
    if verb == "residual":
        value = st.number_input("Weight", 0.0, 10.0, 0.0, 0.1, key="surgery_residual", width=120)
        return Operation(verb, (round(float(value), 3),))
    if verb == "picks":
        return Operation(verb, (int(st.number_input("K", 1, LARGEST_K, 1, key="surgery_picks", width=120)),))
    if verb == "slots":
        most = subject.slots
        value = st.number_input(f"L' (1 to {most})", 1, most, max(1, most // 2), key=f"surgery_slots_{most}", width=130)
        return Operation(verb, (int(value),))
    if verb in ("mute", "move"):
        return _token(verb, subject, run)
    return Operation(verb)


def _slot(subject: Subject) -> int:
    page.keep_inside(DRAFT_SLOT, subject.slots)
    last = subject.slots - 1
    return int(st.number_input(f"Slot (0 to {last})", 0, last, key=DRAFT_SLOT, width=130))


def _other(subject: Subject, label: str) -> int:
    last = subject.slots - 1
    key = f"surgery_other_{subject.slots}"
    return int(st.number_input(f"{label} (0 to {last})", 0, last, min(1, last), key=key, width=170))


def _source() -> str:
    source = st.selectbox("of image", page.sources(), index=1, key="surgery_source", width=120,
                          help=f"“{HERE}” is this image, “room” a held-out one.")  # fmt: skip
    if source != "room":
        return source or HERE
    number = st.number_input(f"Room (0 to {ROOMS - 1})", 0, ROOMS - 1, 1, key="surgery_room", width=130)
    return f"room{int(number)}"


def _task(tasks: list[str], label: str, key: str = "surgery_of_task") -> str:
    if st.session_state.get(key) not in tasks:
        st.session_state.pop(key, None)
    return st.selectbox(label, tasks, key=key, width=160) or tasks[0]


def _token(verb: str, subject: Subject, run: Run) -> Operation:
    found = pick.current(run)
    parts = (found.task, found.row, found.column)
    if verb == "mute":
        return Operation(verb, parts)
    task = _task(list(subject.layout.tasks), "To task", "surgery_to_task")
    place = []
    for name, count in zip(("row", "column"), subject.layout.grid, strict=True):
        key = f"surgery_to_{name}_{count}"
        place.append(int(st.number_input(f"To {name}", 0, count - 1, count // 2, key=key, width=120)))
    return Operation(verb, (*parts, task, *place))


def suggestions(table: Table) -> None:
    """Edits to begin with, where none is in force."""
    offered: list[Operation] = []
    if table.subject.slots:
        ranked = page.lesions(table, "zero").ranked
        offered = [Operation("zero", (int(ranked[0]),)), Operation("residual", (0.0,))]
    if "silence" in table.subject.verbs:
        offered += [Operation("silence", (table.subject.layout.tasks[-1],))]
    offered += [Operation("noise", (table.subject.layout.tasks[0], 1.0, 0))]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Begin with", width="content")
        for number, operation in enumerate(offered):
            st.button(words.said(operation, table.weight), key=f"surgery_try_{number}", on_click=page.put,
                      args=((operation,),), icon=":material/content_cut:")  # fmt: skip
