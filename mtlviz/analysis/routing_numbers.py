"""What every number of the routing page means, in one place: page, command line and files say the same."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NumberDefinition:
    """One number and its meaning.

    Attributes:
        name: what a person calls it.
        definition: one sentence.
        formula: LaTeX without dollar signs; w is Write (S x L over valid tokens), a Retrieve.
        lowest: what the smallest possible value says.
        highest: what the largest possible value says.
        decimals: digits after the point that are worth showing.
    """

    name: str
    definition: str
    formula: str
    lowest: str
    highest: str
    decimals: int = 2


IMAGE_NUMBERS: dict[str, NumberDefinition] = {
    "entropy": NumberDefinition(
        "Write entropy",
        "How undecided the tokens are between slots: entropy of a token's Write weights over log L, mean "
        "over tokens.",
        r"\frac{1}{V}\sum_i \frac{-\sum_l w_{il}\log w_{il}}{\log L}",
        "0: every token reads one slot", "1: every token reads all slots alike",
    ),
    "certainty": NumberDefinition(
        "Winning weight",
        "The largest Write weight of a token, mean over tokens.",
        r"\frac{1}{V}\sum_i \max_l w_{il}",
        "1/L: no slot stands out", "1: every token reads one slot",
    ),
    "written_variation": NumberDefinition(
        "Variation of what is written",
        "Share of what is written that differs between tokens; the rest is one vector that all receive.",
        r"\frac{\sum_i \lVert \hat f_i-\bar f\rVert^2}{\sum_i \lVert \hat f_i\rVert^2}",
        "0: all tokens receive the same", "1: what they receive has no common part",
    ),
    "gini": NumberDefinition(
        "Gini of occupancy",
        "How unequally the slots are read.",
        r"\frac{\sum_{lm}|o_l-o_m|}{2L\sum_l o_l}",
        "0: all slots equally", "1 - 1/L: one slot gets everything",
    ),
    "dead": NumberDefinition(
        "Dead slots",
        "Slots that almost nothing reads: occupancy below 1/(10 L).",
        r"\#\{l: o_l < \tfrac{1}{10L}\}",
        "0: every slot is read", "L - 1: one slot does all the work", 0,
    ),
    "twins": NumberDefinition(
        "Slots with a twin",
        "Slots for which another slot holds the same: cosine of retrieved content above 0.95, or at least "
        "half of the picks in common.",
        r"\#\{l: \exists m\ne l:\ \cos(\hat r_l,\hat r_m)>0.95 \ \lor\ |P_l\cap P_m|/K\ge 0.5\}",
        "0: all slots differ", "L: none is unique", 0,
    ),
    "groups": NumberDefinition(
        "Different slots",
        "Groups of slots left when twins, and twins of twins, count as one.",
        r"\#\,\text{components of the twin graph}",
        "1: all slots hold the same", "L: all slots differ", 0,
    ),
    "coverage": NumberDefinition(
        "Coverage",
        "Distinct tokens among all picks, over the L K places.",
        r"\frac{|\bigcup_l P_l|}{LK}",
        "1/(L K): all places hold one token", "1: no token is picked twice",
    ),
}  # fmt: skip
"""Numbers of one image, in the order in which they are shown."""

SLOT_NUMBERS: dict[str, NumberDefinition] = {
    "occupancy": NumberDefinition(
        "Occupancy",
        "How much the slot is read: its mean Write weight over the tokens that are not padding.",
        r"o_l=\frac{1}{V}\sum_i w_{il}",
        "0: nothing reads it", "1: everything reads only it", 3,
    ),
    "won": NumberDefinition(
        "First choice",
        "Share of tokens that read this slot more than any other.",
        r"\frac{1}{V}\#\{i: \arg\max_m w_{im}=l\}",
        "0: first choice of no token", "1: first choice of all tokens", 3,
    ),
    "writers": NumberDefinition(
        "Who writes",
        "Share of the slot's Retrieve weight held by the tokens of each task.",
        r"\frac{\sum_{k: P_{lk}\in t} a_{lk}}{\sum_k a_{lk}}",
        "0: the task has no pick here", "1: all picks are of this task",
    ),
    "readers": NumberDefinition(
        "Who reads",
        "Share of the slot's Write mass by the task of the reading tokens.",
        r"\frac{\sum_{i\in t} w_{il}}{\sum_i w_{il}}",
        "0: the task does not read it", "1: only this task reads it",
    ),
    "norm": NumberDefinition(
        "Content norm",
        "Length of the retrieved content over the mean length of all slots of the image.",
        r"\frac{\lVert\hat r_l\rVert}{\tfrac1L\sum_m\lVert\hat r_m\rVert}",
        "0: the slot holds nothing", "above 1: more than the average slot",
    ),
}  # fmt: skip
"""Numbers of one slot, in the order in which they are shown."""
