"""Two models on one image: what the Compare page is about."""

from dataclasses import dataclass

import streamlit as st

from mtlviz.analysis.compare import Difference, difference
from mtlviz.engine import Engine, Run
from mtlviz.errors import MtlvizError, OptionError
from mtlviz.plots.maps import Geometry
from mtlviz.trace import InteractionTrace
from mtlviz.ui import pick, state
from mtlviz.ui.panels import plain


@dataclass(frozen=True)
class Side:
    """One of the two models and what it made of the image.

    Attributes:
        letter: ``A`` or ``B``.
        title: of the model, unlike the other side's.
        engine: the model.
        run: its pass over the image.
    """

    letter: str
    title: str
    engine: Engine
    run: Run

    @property
    def trace(self) -> InteractionTrace | None:
        """What its interaction did; None where tasks do not interact."""
        return self.run.trace.interaction

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
    """

    first: Side
    second: Side
    tasks: tuple[str, ...]

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
        return self.first.run.card.weights_sha256 == self.second.run.card.weights_sha256

    @property
    def key(self) -> tuple[str, ...]:
        """What results about this pair depend on; caches are keyed by it."""
        weights = (side.run.card.weights_sha256 for side in self.sides)
        image = self.first.run
        return *weights, *self.titles, image.provenance.image_sha256, image.sample.name, *image.sample.labels

    def difference(self, task: str) -> Difference:
        """A minus B of one task on the image."""
        return _difference(self, task, self.key)

    def token(self, side: Side, picked: pick.Token) -> int:
        """The picked token in a side's own trace; B's grid may differ from A's, so the place decides."""
        if side.trace is None:
            raise OptionError(f"{side.title} has no interaction, so its tokens read nothing.")
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
    """Run both models on the current image.

    Raises:
        OptionError: if they have no task in common.
    """
    titles = _titles()
    sides = []
    for which, letter, title in (("a", "A", titles[0]), ("b", "B", titles[1])):
        engine = state.engine(which)  # type: ignore[arg-type]
        sides.append(Side(letter, title, engine, state.run(engine)))
    theirs = sides[1].run.outputs
    tasks = tuple(task for task in sides[0].run.outputs if task in theirs)
    if not tasks:
        raise OptionError("These two models have no task in common; choose another second model in the sidebar.")
    return Pair(sides[0], sides[1], tasks)


def controls(pair: Pair) -> pick.Token:
    """Swap button and the inputs of the picked token; returns the token, of a task that both predict."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**A** {plain(pair.first.title)}, **B** {plain(pair.second.title)}", width="content")
        st.button(
            "Swap sides", on_click=state.swap_models, icon=":material/swap_horiz:", key="compare_swap",
            help="Exchange A and B, so that neither profits from standing on the left.",
        )  # fmt: skip
    picked = pick.token(pair.first.run)
    if picked.task in pair.tasks:
        return picked
    st.caption(f"{pair.second.title} does not predict {picked.task}; {pair.tasks[0]} is shown.")
    return pick.Token(pair.tasks[0], picked.row, picked.column)


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
