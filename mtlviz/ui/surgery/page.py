"""The operating table: the model, the list of edits in the link, and the runs before and after them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mtlviz.analysis.compare import Difference
from mtlviz.analysis.controls import control_edit
from mtlviz.analysis.lesions.edit import Subject, edit_of
from mtlviz.analysis.lesions.effects import prediction_change
from mtlviz.analysis.lesions.operations import HERE, VERBS, Operation, Operations, read_operations, write_operations
from mtlviz.analysis.lesions.silencing import Silencing, silencing
from mtlviz.analysis.lesions.slots import LesionKind, SlotLesions, slot_lesions
from mtlviz.data.images import PHOTOGRAPH_TITLES
from mtlviz.data.sample import Sample
from mtlviz.edits import NOTHING, Edit
from mtlviz.engine import Engine, Run
from mtlviz.errors import MtlvizError, OptionError
from mtlviz.trace import SlotTrace
from mtlviz.ui import negative_controls, state
from mtlviz.ui.negative_controls import MODEL_ITSELF, Choice
from mtlviz.ui.panels import plain
from mtlviz.ui.sources import ROOMS, photograph, room
from mtlviz.ui.surgery import words

QUESTION = "What happens to every task when a slot, a task or a token is changed?"
EDITS, HISTORY, NOW = "surgery_edits", "_surgery_history", "_surgery_now"
SLOT, DRAFT_SLOT = "surgery_slot", "surgery_at"
"""Keys of the slot that details are about, and of the one that the next edit takes."""
REMEMBERED = 50
"""Steps that can be undone."""


@dataclass(frozen=True, eq=False)
class Table:
    """A model, or its negative control, and an image with a list of edits.

    Attributes:
        engine: the model itself.
        subject: its parts as operations name them.
        operations: the list.
        before: the image as it is.
        after: the image under the edits; ``before`` itself where there are none.
        control: what takes the model's place.
    """

    engine: Engine
    subject: Subject
    operations: Operations
    before: Run
    after: Run
    control: Choice = MODEL_ITSELF

    @property
    def acting(self) -> Engine:
        """The model that is operated on: itself, or with random weights."""
        return negative_controls.engine(self.engine, self.control)

    @property
    def base(self) -> Edit:
        """What the control changes all along."""
        return control_edit(self.control.key, self.engine.card, self.control.seed) or NOTHING

    @property
    def real(self) -> "Table | None":
        """The model itself without edits, where a control takes its place."""
        if not self.control.on:
            return None
        own = state.run(self.engine)
        return Table(self.engine, self.subject, (), own, own)

    @property
    def weight(self) -> str:
        """What the interaction calls the weight of its residual."""
        return "gamma" if self.engine.card.architecture.interaction == "ctal" else "w_r"

    @property
    def phrases(self) -> list[str]:
        """The edits in words."""
        return [words.said(operation, self.weight) for operation in self.operations]

    @property
    def key(self) -> tuple[str, ...]:
        """What numbers about the image as it is depend on; caches are keyed by it."""
        run = self.before.provenance
        return run.weights_sha256, run.image_sha256, run.image, repr(run.edit), *self.before.sample.labels

    def change(self, task: str) -> Difference:
        """The prediction of a task after the edits minus the one before."""
        return change(self.before, self.after, task)


def change(before: Run, after: Run, task: str) -> Difference:
    """The prediction of a task after an edit minus the one before, computed once."""
    return _change(before, after, task, (before.provenance.stamp(), after.provenance.stamp()))


def answer(table: Table) -> str:
    """The sentence that answers the page's question for the current image and list."""
    if table.operations:
        changes = [table.change(task.name) for task in table.before.card.tasks]
        return words.edited_answer(table.phrases, changes)
    if table.subject.slots:
        return words.lesion_answer(lesions(table, "zero"))
    if "silence" in table.subject.verbs and len(table.subject.layout.tasks) > 1:
        return words.silencing_answer(silenced(table))
    return (
        f"Nothing is edited yet. The tasks of {plain(table.before.card.title)} share only the encoder: what is done to "
        "the features of one task moves **no other task**."
    )


def lesions(table: Table, kind: LesionKind) -> SlotLesions:
    """Every slot of the unedited model out of action once."""
    return _lesions(table.acting, table.before, kind, table.base, table.key)


def silenced(table: Table) -> Silencing:
    """Every task of the unedited model silenced once."""
    return _silenced(table.acting, table.before, table.base, table.key)


def edited(table: Table, edit: Edit) -> Run:
    """The image under another edit than the list."""
    return negative_controls.run(table.engine, table.control, edit=edit)


def operate(engine: Engine, control: Choice = MODEL_ITSELF) -> Table:
    """Read the list of edits and run the image without and with it; a list that cannot be applied is left out.

    Args:
        engine: the model.
        control: what takes its place.
    """
    subject, before = Subject.of(engine), negative_controls.run(engine, control)
    try:
        operations = read_operations(current_text())
        edit = edit_of(operations, subject, lambda slot, source: _content(engine, control, slot, source))
        after = negative_controls.run(engine, control, edit=edit) if operations else before
    except MtlvizError as error:
        state.say_once(f"{plain(str(error))} The image is shown without edits.")
        return Table(engine, subject, (), before, before, control)
    return Table(engine, subject, operations, before, after, control)


def current_text() -> str:
    """The list of edits as text: of the session or, before its input was ever drawn, of the link."""
    return str(st.session_state.get(EDITS, st.query_params.get(EDITS, "")))


def put(operations: Sequence[Operation]) -> None:
    """Callback: make this the list of edits."""
    _remember(current_text())
    st.session_state[EDITS] = write_operations(operations)


def typed() -> None:
    """Callback of the text input, which holds the new list already."""
    _remember(str(st.session_state.get(NOW, "")))


def undo() -> None:
    """Callback: the list before the last change."""
    if history := st.session_state.get(HISTORY):
        st.session_state[EDITS] = history.pop()


def keep_inside(key: str, slots: int) -> None:
    """Bring a slot that was chosen with a model of more slots into range; call before its input is drawn."""
    if int(st.session_state.get(key, 0)) >= slots:
        st.session_state[key] = slots - 1


def not_offered(subject: Subject) -> str:
    """One sentence on the operations that this model has no use for; empty where it has all."""
    missing = [words.TITLES[name].lower() for name in VERBS if name not in subject.verbs]
    if not missing:
        return ""
    why = (
        "it has no interaction between its tasks" if len(subject.verbs) == 1 else
        "it has no memory slots" if not subject.slots else "its interaction cannot apply them"
    )  # fmt: skip
    return f"Not offered for this model, since {why}: {', '.join(missing)}."


def sources() -> list[str]:
    """Where a transplanted content may come from."""
    return [HERE, "room", *PHOTOGRAPH_TITLES]


def _remember(text: str) -> None:
    history = st.session_state.setdefault(HISTORY, [])
    history.append(text)
    del history[:-REMEMBERED]


def _content(engine: Engine, control: Choice, slot: int, source: str) -> Any:  # noqa: ANN401
    donor = _donor(source)
    own = negative_controls.run(engine, control) if donor is None else None
    trace = (own or state.run(negative_controls.engine(engine, control), donor)).trace.interaction
    if not isinstance(trace, SlotTrace):
        raise OptionError("This model has no slots whose content could be transplanted.")
    return trace.memory_after[slot]


def _donor(source: str) -> Sample | None:
    """The image that a content comes from; None is the current one."""
    if source == HERE:
        return None
    if source in PHOTOGRAPH_TITLES:
        return photograph(source)
    number = source.removeprefix("room")
    if not number.isdecimal() or int(number) >= ROOMS:
        raise OptionError(
            f"A content comes from {HERE}, room0 to room{ROOMS - 1}, {' or '.join(PHOTOGRAPH_TITLES)}; the list names "
            "another image."
        )
    return room(int(number))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=64, show_spinner=False)
def _change(_before: Run, _after: Run, task: str, key: tuple[str, ...]) -> Difference:
    return prediction_change(_before, _after, task)


@st.cache_resource(max_entries=16, show_spinner="Taking out every slot in turn; this usually takes a second.")
def _lesions(_engine: Engine, _clean: Run, kind: LesionKind, _base: Edit, key: tuple[str, ...]) -> SlotLesions:
    return slot_lesions(_engine, _clean, kind, _base)


@st.cache_resource(max_entries=16, show_spinner="Silencing every task in turn; this usually takes a second.")
def _silenced(_engine: Engine, _clean: Run, _base: Edit, key: tuple[str, ...]) -> Silencing:
    return silencing(_engine, _clean, _base)
