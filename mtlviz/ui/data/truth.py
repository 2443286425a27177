"""Ground truth beside an image of one's own: what each file must be, taking it, and taking it away."""

import streamlit as st

from mtlviz.data.truth_files import MAX_TRUTH_BYTES, expected
from mtlviz.errors import CheckpointError, MtlvizError
from mtlviz.tasks import TASKS, Task
from mtlviz.ui import state
from mtlviz.ui.panels import plain
from mtlviz.ui.sources import Truth, Upload

UPLOAD = "_upload"
_PROBLEM, _ROUND = "_truth_problem", "_truth_round"


def draw() -> None:
    """The whole control; nothing without an image to which truth could belong."""
    upload = st.session_state.get(UPLOAD)
    if not isinstance(upload, Upload):
        return
    tasks = _tasks()
    with st.expander("Ground truth of your image", icon=":material/fact_check:"):
        if tasks:
            _one_file({task.title: task for task in tasks}, upload)
        for truth in upload.truths.values():
            _given(truth)


def _tasks() -> list[Task]:
    """What the chosen models predict, as the first of them that has it defines it."""
    try:
        cards = [state.card(state.model_name("a")), state.card(state.model_name("b"))]
    except CheckpointError:
        return []
    found = {task.name: task for card in reversed(cards) for task in card.tasks}
    order = [*TASKS, *found]
    return sorted(found.values(), key=lambda task: order.index(task.name))


def _one_file(tasks: dict[str, Task], upload: Upload) -> None:
    """A file for one task at a time, under the sentence that says what it must be."""
    if st.session_state.get("truth_task") not in tasks:
        st.session_state.pop("truth_task", None)
    task = tasks[str(st.selectbox("Task", list(tasks), key="truth_task", persist_state="session"))]
    height, width = upload.size
    st.caption(f"{expected(task)} Its size must be that of your image, {width:,} × {height:,}.")
    if task.kind == "classes":
        classes = ", ".join(f"{number} {name}" for number, name in enumerate(task.class_names))
        st.caption(plain(f"Classes: {classes}"))
    types = ["png", "npy"] if task.kind in ("depth", "normals") else ["png"]
    key = f"truth_file_{task.name}_{st.session_state.get(_ROUND, 0)}"
    st.file_uploader(
        f"File for {task.title.lower()}", types, key=key, on_change=_take, args=(task, key),
        max_upload_size=MAX_TRUTH_BYTES // 2**20, label_visibility="collapsed",
    )  # fmt: skip
    if problem := st.session_state.get(_PROBLEM):
        st.error(plain(problem), icon=":material/error:")


def _take(task: Task, key: str) -> None:
    """Callback of the uploader: a good file becomes ground truth, a bad one leaves everything as it was."""
    file, upload = st.session_state.get(key), st.session_state.get(UPLOAD)
    st.session_state[_PROBLEM] = ""
    if not isinstance(upload, Upload):
        return
    if file is None:
        st.session_state[UPLOAD] = upload.without_truth(task.name)
        return
    try:
        st.session_state[UPLOAD] = upload.with_truth(task, file.getvalue(), file.name)
    except MtlvizError as error:
        st.session_state[_PROBLEM] = str(error)


def _given(truth: Truth) -> None:
    share = float(truth.label.valid.mean())
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{truth.task.title}**: {plain(truth.title)}, labels on {share:.0%} of the pixels")
        st.button(
            "Remove", key=f"truth_remove_{truth.task.name}", type="tertiary", icon=":material/delete:",
            help=f"Forget the ground truth of {truth.task.title.lower()}", on_click=_remove, args=(truth.task.name,),
        )  # fmt: skip
    for remark in truth.label.remarks:
        st.caption(plain(f"{truth.title} {remark}."))


def forget_files() -> None:
    """Empty the uploader, whose files are of another image or not wanted any more; for a callback."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.session_state[_PROBLEM] = ""


def _remove(task: str) -> None:
    """Callback."""
    forget_files()
    upload = st.session_state.get(UPLOAD)
    if isinstance(upload, Upload):
        st.session_state[UPLOAD] = upload.without_truth(task)
