"""Two models on one image: what the Compare page is about."""

from dataclasses import dataclass, replace

import streamlit as st

from mtlviz.analysis.compare import Difference, difference
from mtlviz.engine import Engine, Run
from mtlviz.errors import MtlvizError, OptionError
from mtlviz.plots.maps import Geometry
from mtlviz.plots.style import task_title
from mtlviz.trace import Capture, RowTrace
from mtlviz.ui import negative_controls, pick, state
from mtlviz.ui.heads import choose_head
from mtlviz.ui.panels import plain

HEAD_KEYS = {"A": "compare_head_a", "B": "compare_head_b"}


@dataclass(frozen=True)
class Side:
    """One of the two models and what it made of the image.

    Attributes:
        letter: ``A`` or ``B``.
        title: of the model, unlike the other side's.
        engine: the model.
        run: its pass over the image.
        head: of its interaction, from 0.
        real: the pass of the model itself, where ``run`` is that of a negative control.
    """

    letter: str
    title: str
    engine: Engine
    run: Run
    head: int
    real: Run | None = None

    @property
    def trace(self) -> RowTrace | None:
        """What its tokens read, token by token; None where they read nothing that way."""
        trace = self.run.trace.interaction
        return trace if isinstance(trace, RowTrace) else None

    @property
    def interacts(self) -> bool:
        """Whether its tasks share more than the encoder."""
        return self.run.card.architecture.interaction != "none"

    @property
    def geometry(self) -> Geometry:
        """Where the image and its tokens lie."""
        return state.geometry(self.run)


@dataclass(frozen=True)
class Pair:
    """The two sides and what they have in common.

    Attributes:
        first: A, the sidebar's model.
        second: B, the sidebar's second model.
        tasks: names of the tasks that both predict, in A's order.
        control: what was drawn in the models' place.
    """

    first: Side
    second: Side
    tasks: tuple[str, ...]
    control: negative_controls.Choice = negative_controls.MODEL_ITSELF

    @property
    def real(self) -> "Pair | None":
        """The models themselves, where the sides are those of a negative control."""
        found = [replace(side, run=side.real, real=None) for side in self.sides if side.real is not None]
        return Pair(found[0], found[1], self.tasks) if len(found) == 2 else None

    @property
    def sides(self) -> tuple[Side, Side]:
        """A and B."""
        return self.first, self.second

    @property
    def titles(self) -> tuple[str, str]:
        """Names of A and B."""
        return self.first.title, self.second.title

    @property
    def itself(self) -> bool:
        """Whether one model stands on both sides."""
        return self.first.engine.card.weights_sha256 == self.second.engine.card.weights_sha256

    @property
    def key(self) -> tuple[str, ...]:
        """What results about this pair depend on; caches are keyed by it."""
        weights = (side.run.card.weights_sha256 for side in self.sides)
        image = self.first.run
        edit = repr(image.provenance.edit)
        return *weights, *self.titles, edit, image.provenance.image_sha256, image.sample.name, *image.sample.labels

    def difference(self, task: str) -> Difference:
        """A minus B of one task on the image."""
        return _difference(self, task, self.key)

    def token(self, side: Side, picked: pick.Token) -> int:
        """The picked token in a side's own trace; B's grid may differ from A's, so the place decides."""
        if side.trace is None:
            raise OptionError(f"{side.title} has no weights with which its tokens read others.")
        x, y = self.first.geometry.centre(picked.row, picked.column)
        row, column = side.geometry.token_at(float(x), float(y))
        return side.trace.layout.token(picked.task, row, column)


def question() -> str:
    """The page's question, with the names of the models where there are some."""
    try:
        first, second = _titles()
    except MtlvizError:
        return "How do two models differ on this image?"
    if state.model_name("a") == state.model_name("b"):
        return f"Does {plain(state.card(state.model_name('a')).title)} agree with itself?"
    return f"What does {plain(first)} change against {plain(second)} on this image?"


def pair() -> Pair:
    """Run both models on the current image, each with the head that is asked for where it has several.

    Raises:
        OptionError: if they have no task in common.
    """
    titles = _titles()
    sides, engines = [], (state.engine("a"), state.engine("b"))
    control = negative_controls.choose(*(engine.card for engine in engines))
    for engine, letter, title in zip(engines, HEAD_KEYS, titles, strict=True):
        head = choose_head(engine.card, HEAD_KEYS[letter], f"Head of {plain(title)}")
        run, real = negative_controls.run_beside(engine, control, Capture(head=head))
        sides.append(Side(letter, title, engine, run, head, real))
    theirs = sides[1].run.outputs
    tasks = tuple(task for task in sides[0].run.outputs if task in theirs)
    if not tasks:
        raise OptionError("These two models have no task in common; choose another second model in the sidebar.")
    return Pair(sides[0], sides[1], tasks, control)


def swap_button() -> None:
    """A button that exchanges the models, each with its head."""
    st.button(
        "Swap sides", on_click=_swap, icon=":material/swap_horiz:", key="compare_swap",
        help="Exchange the two models, so that neither profits from standing on the left.",
    )  # fmt: skip


def pick_token(pair: Pair) -> pick.Token:
    """The inputs of the picked token; returns it, of a task that both predict."""
    picked = pick.token(pair.first.run)
    if picked.task in pair.tasks:
        return picked
    st.caption(
        f"{plain(pair.second.title)} does not predict {task_title(picked.task)}; {task_title(pair.tasks[0])} is shown."
    )
    return pick.Token(pair.tasks[0], picked.row, picked.column)


def _swap() -> None:
    """Callback of the button."""
    state.swap_models()
    heads = [int(st.session_state.get(key, 0)) for key in HEAD_KEYS.values()]
    if any(heads):
        st.session_state.update(zip(HEAD_KEYS.values(), reversed(heads), strict=True))


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=32, show_spinner=False)
def _difference(_pair: Pair, task: str, key: tuple[str, ...]) -> Difference:
    first, second = (side.run.prediction(task) for side in _pair.sides)
    return difference(first.task, first.values, second.values)


def _titles() -> tuple[str, str]:
    names = state.model_name("a"), state.model_name("b")
    titles = [state.card(name).title for name in names]
    if names[0] == names[1]:
        return f"{titles[0]} (A)", f"{titles[1]} (B)"
    if titles[0] == titles[1]:
        return names
    return titles[0], titles[1]
