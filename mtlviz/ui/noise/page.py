"""How much that is irrelevant do tokens read? The two models, the picked token and what counts as relevant."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.noise.names import WHAT
from mtlviz.analysis.noise.oracles import Labels, oracle_labels
from mtlviz.checkpoints import ModelCard
from mtlviz.engine import Run
from mtlviz.plots.maps import Place
from mtlviz.plots.style import task_title
from mtlviz.trace import RowTrace, TokenLayout
from mtlviz.ui import linked, pick
from mtlviz.ui.compare import page

QUESTION = "How much of what a token reads has nothing to do with it?"
PARTS = ("the picked token", "all tokens", "the floor", "dose and response", "noise taken away", "all numbers")
OF_IMAGE = (*PARTS[:3], PARTS[5])
"""Parts that show the map of the image, and under a negative control that of the control."""


@dataclass(frozen=True)
class Side:
    """One of the two models on the image.

    Attributes:
        model: the side, as the Compare page has it.
        labels: by oracle the label of every place on its token grid; empty without ground truth.
        token: index of the picked token; None where no token reads another.
    """

    model: page.Side
    labels: Labels
    token: int | None

    @property
    def title(self) -> str:
        """Of the model, unlike the other side's."""
        return self.model.title

    @property
    def index(self) -> int:
        """0 for A, 1 for B."""
        return "AB".index(self.model.letter)

    @property
    def run(self) -> Run:
        """Its pass over the image."""
        return self.model.run

    @property
    def trace(self) -> RowTrace | None:
        """What its tokens read, token by token; None where they read nothing that way."""
        return self.model.trace

    @property
    def rows(self) -> RowTrace:
        """The same for a side whose tokens do read others.

        Raises:
            ValueError: if they do not.
        """
        if self.trace is None:
            raise ValueError(f"{self.title} has no rows of weights")
        return self.trace

    @property
    def layout(self) -> TokenLayout:
        """The tokens of ``rows``."""
        return self.rows.layout

    @property
    def place(self) -> Place:
        """(row, column) of the picked token on its own grid."""
        row, column = divmod((self.token or 0) % self.layout.tokens_per_task, self.layout.grid[1])
        return row, column

    @property
    def card(self) -> ModelCard:
        """Of the model itself, also where a negative control stands in its place."""
        return self.model.engine.card

    @property
    def key(self) -> tuple[str, ...]:
        """What its numbers on this image depend on; caches are keyed by it."""
        made = self.run.provenance
        return made.weights_sha256, made.image_sha256, repr(made.edit), f"head {self.model.head}", *self.known

    @property
    def known(self) -> tuple[str, ...]:
        """What distinguishes its labels from others of the same image."""
        return tuple(f"{name} {hash(labels.tobytes())}" for name, labels in self.labels.items())


@dataclass(frozen=True)
class View:
    """What the controls say.

    Attributes:
        pair: the two models.
        sides: those that are drawn, one where a model is compared with itself.
        picked: the reading token.
        oracle: which label says what is relevant; None without ground truth.
        real: the same of the models themselves, where the sides are those of a negative control.
    """

    pair: page.Pair
    sides: tuple[Side, ...]
    picked: pick.Token
    oracle: str | None
    real: "View | None" = None

    @property
    def reading(self) -> tuple[Side, ...]:
        """Sides whose tokens read others."""
        return tuple(side for side in self.sides if side.trace is not None)

    @property
    def what(self) -> str:
        """What relevant tokens share: class, depth bin, instance."""
        return WHAT.get(self.oracle or "", self.oracle or "label")


def controls() -> tuple[View, str, DeltaGenerator]:
    """The page's controls in one row, and the parts below them.

    Returns:
        What they say; the part that is asked for; the row, to whose end a part may add what concerns it alone.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        pair = page.pair()
        picked = _choose_token(pair)
        sides = _sides(pair, picked)
        oracle = _choose_oracle(sides)
    part = linked.buttons("Show", PARTS, "noise_part")
    real = None if pair.real is None else View(pair.real, _sides(pair.real, picked), picked, oracle)
    return View(pair, sides, picked, oracle, real), part, row


def _choose_token(pair: page.Pair) -> pick.Token:
    """The reading token behind a button that names it; mostly it is picked by a click on a map."""
    now = pick.current(pair.first.run)
    with st.popover(f"{task_title(now.task)} token ({now.row}, {now.column})", icon=":material/my_location:",
                    help="The token whose reading is looked at. A click on a map picks another one."):  # fmt: skip
        return page.pick_token(pair)


def _sides(pair: page.Pair, picked: pick.Token) -> tuple[Side, ...]:
    return tuple(_side(pair, side, picked) for side in pair.sides[: 1 if pair.itself else 2])


def _side(pair: page.Pair, side: page.Side, picked: pick.Token) -> Side:
    if pair.itself:
        side = replace(side, title=side.engine.card.title)
    token = None if side.trace is None else pair.token(side, picked)
    made = side.run.provenance
    key = (made.weights_sha256, made.image_sha256, side.run.sample.name, *sorted(side.run.sample.labels))
    return Side(side, _labels(side.run, key), token)


def _choose_oracle(sides: tuple[Side, ...]) -> str | None:
    """Which label says what is worth reading; None where the image has none."""
    known = {f"same {WHAT.get(oracle, oracle)}": oracle for oracle in sides[0].labels}
    if not known or not any(side.trace is not None for side in sides):
        return None
    shown = linked.buttons(
        "Relevant are tokens of the", list(known), "noise_relevant",
        hint="By the true labels of the image. Weight on all other labelled tokens is noise; a depth bin holds depths "
        "within a factor of 1.25.",
    )  # fmt: skip
    return known[shown]


# Results are shared between sessions and treated as read-only, so they are not copied.
@st.cache_resource(max_entries=16, show_spinner=False)
def _labels(_run: Run, key: tuple[str, ...]) -> Labels:
    return oracle_labels(_run)
