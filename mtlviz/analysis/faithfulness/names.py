"""What every map and every number of the faithfulness report means: page, command line and files say the same."""

from dataclasses import dataclass

from mtlviz.analysis.stability.names import Measure


@dataclass(frozen=True)
class MapKind:
    """One kind of map that the app shows.

    Attributes:
        key: its name in results.
        title: for a person.
        cells: what a cell of the map is.
        removed: what is done to a cell to see its effect.
        row: over which cells a rank correlation is taken.
        page: where the app shows the map.
    """

    key: str
    title: str
    cells: str
    removed: str
    row: str
    page: str


ABLATED = "the task's features there take the mean of the task over the image before the interaction"

BLURRED = "the region of the image is blurred until only large shapes are left"

KINDS: dict[str, MapKind] = {
    kind.key: kind
    for kind in (
        MapKind("slots", "Write weight by slot", "Mean Write weight with which a task's tokens read a slot.",
                "the slot's term of the Write sum is dropped", "over the slots, for each task", "Slot routing"),
        MapKind("retrieve", "Retrieve share by task", "Share of what all slots hand out that tokens of a task put "
                "there.", "the task takes no part in Retrieve", "over pairs of a silenced and another task",
                "Slot routing"),
        MapKind("read", "What tasks read from tasks", "Share of what a task's tokens read that comes from another "
                "task's tokens: the composite map A = A_w A_r, or the attention.", "nobody reads the task",
                "over pairs of a silenced and another task", "Compare"),
        MapKind("regions", "A row of the map, by region", "Weight that the tokens of a region give to a region of "
                "another task: composite map, attention, or for affinities |what the source adds to G|.", ABLATED,
                "over the regions of all other tasks, for each reading region of each task", "Compare"),
        MapKind("fusion", "Source of the fused matrix", "Share of the variation of G's rows that a source task's "
                "affinity brings in.", "no task looks at the source task's affinity",
                "over pairs of a source and another task", "Affinity"),
        MapKind("diffusion", "A row of G, by region", "Size |G| of what a region receives from another region of its "
                "own task, at least one region apart.", ABLATED,
                "over the far regions of the same task, for each reading region", "Affinity"),
        MapKind("saliency", "Saliency, by region", "Sum over a region of the image of the sizes of the slopes of a "
                "task's mean prediction (logits of the predicted classes, metres, lean towards the camera).", BLURRED,
                "over the regions of the image, for each task", "Attribution"),
        MapKind("integrated", "Integrated Gradients, by region", "Size of what a region of the image contributes to a "
                "task's mean prediction against the blurred image, from eight gradients with the picks held.", BLURRED,
                "over the regions of the image, for each task", "Attribution"),
    )
}  # fmt: skip
"""In the order in which they are shown."""

MEASURES: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("faithful", "map", "Rank correlation between the map and the effect: 1 = the map puts the cells in "
                "the order of their effects, 0 = it says nothing of them.", r"\rho(\text{map},\text{effect})", "",
                None, "higher"),
        Measure("random", "random weights", "The same for the map of the same architecture with random weights, "
                "against the effects in the model itself.", r"\rho(\text{map}_0,\text{effect})"),
        Measure("shuffled", "shuffled cells", "The same for the map with its cells shuffled: chance, with the map's "
                "own values.", r"\rho(\pi(\text{map}),\text{effect})"),
        Measure("gain", "map − random weights", "By how much the map knows more than that of random weights, image by "
                "image.", "", "", None, "higher"),
        Measure("alike", "map ~ random map", "Rank correlation between the map and that of random weights: near 1, the "
                "map was not learned.", r"\rho(\text{map},\text{map}_0)", "", None, "lower"),
    )
}  # fmt: skip
"""Numbers of one image, by kind of map."""
