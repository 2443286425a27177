"""What every number means, in one place: page, command line and files say the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mtlviz.tasks import TASKS, Task

Better = Literal["higher", "lower", ""]

CHANGE = "change:"
"""Prefix of the measures of changed predictions; the task's name follows."""
SCORE = "score:"
"""Prefix of the scores of the image as it is; the task's name follows."""


@dataclass(frozen=True)
class Measure:
    """One number an image.

    Attributes:
        key: its name in results.
        title: for a person.
        meaning: one sentence.
        formula: LaTeX, empty where words say it all.
        unit: empty where it has none.
        same: its value where nothing changed; None where that depends on the image.
        better: which direction is the better one, empty where neither is.
    """

    key: str
    title: str
    meaning: str
    formula: str = ""
    unit: str = ""
    same: float | None = None
    better: Better = ""


PAIRED: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("tokens", "token overlap",
                "Jaccard index of the tokens a slot picked before and after, mean over slots.",
                r"J_l=\frac{|P_l\cap P'_l|}{|P_l\cup P'_l|}", "", 1.0, "higher"),
        Measure("classes", "class overlap",
                "Jaccard index of the classes of these tokens, counted with repetition, mean over slots: swapping two "
                "tokens of one class costs nothing.",
                r"J^c_l=\frac{\sum_c\min(n_{lc},n'_{lc})}{\sum_c\max(n_{lc},n'_{lc})}", "", 1.0, "higher"),
        Measure("retrieved", "content cosine",
                "Cosine of what a slot holds before and after, with the model's own values, mean over slots.",
                r"\cos(\hat r_l,\hat r'_l)", "", 1.0, "higher"),
        Measure("features", "content cosine, task features",
                "The same for the mixture of the picked tokens as the task encoders give them, so that models with "
                "other values can be compared.", r"\cos(a_lF,a'_lF')", "", 1.0, "higher"),
        Measure("compared", "content cosine, compared features",
                "The same for the mixture of the picked tokens as the competition sees them, after its norm and "
                "projection.", r"\cos(a_lZ,a'_lZ')", "", 1.0, "higher"),
        Measure("margin", "class margin",
                "Logit of a slot's last pick less that of the best token of another class, in the changed image, mean "
                "over slots; below 0 a token of another class is ahead.",
                r"m_l=s_{l,(K)}-\max_{c(j)\ne c((K))}s_{lj}", "logits", None, "higher"),
        Measure("relative_margin", "class margin over spread",
                "The class margin over the standard deviation of the slot's logits, so that models with other scales "
                "can be compared.", r"m_l/\operatorname{Std}_j s_{lj}", "", None, "higher"),
    )
}  # fmt: skip
"""Numbers of an image before and after a change, in the order in which they are shown."""

CLEAN: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("rare_recall", "rare-class recall",
                "Share of the classes with less than 2% of an image's tokens that hold at least one pick.",
                r"\frac{\#\{c\ \text{rare}: p_c>0\}}{\#\{c\ \text{rare}\}}", "", None, "higher"),
        Measure("proportional_gini", "Gini against tokens",
                "How far the picks of the classes are from their shares of the tokens: 0 = picked as often as they "
                "occur.", r"1-2\int_0^1 L(q)\,dq", "", None),
        Measure("equal_access_gini", "Gini over classes",
                "How unequally the picks are spread over the classes that are present: 0 = all have the same number.",
                r"\frac{\sum_{cd}|p_c-p_d|}{2C\sum_c p_c}", "", None),
        Measure("task_gini", "Gini over tasks",
                "How unequally the picks are spread over the tasks whose tokens they are: 0 = equal shares.",
                r"\frac{\sum_{tu}|p_t-p_u|}{2T\sum_t p_t}", "", None),
        Measure("coverage", "coverage",
                "Distinct tokens among all picks, over the L K places: 1 = no token is picked twice.",
                r"\frac{|\bigcup_l P_l|}{LK}", "", None),
    )
}  # fmt: skip
"""Numbers of an image as it is, in the order in which they are shown."""


def change_measure(task: Task) -> Measure:
    """What became of a task's prediction."""
    key, name = f"{CHANGE}{task.name}", task.title.lower()
    if task.kind == "classes":
        meaning = "Mean IoU of the label maps before and after, over the classes in either."
        return Measure(key, f"{name}: mIoU with before", meaning, "", "", 1.0, "higher")
    if task.kind == "depth":
        meaning = "Mean size of the change over the depth before."
        return Measure(key, f"{name}: relative change", meaning, "", "", 0.0, "lower")
    if task.kind == "normals":
        return Measure(key, f"{name}: angle to before", "Mean angle between before and after.", "", "°", 0.0, "lower")
    return Measure(key, f"{name}: change", "Mean size of the change of the probability.", "", "", 0.0, "lower")


def score_measure(task: Task) -> Measure:
    """How good a task's prediction of the image as it is was."""
    return Measure(
        f"{SCORE}{task.name}", f"{task.title.lower()}: {task.metric}",
        f"The headline metric {task.metric} of each image alone, mean over images; the score of the whole set is "
        "computed from all pixels together and differs.", "", task.metric_unit, None,
        "higher" if task.higher_is_better else "lower",
    )  # fmt: skip


def paired_measures(tasks: Sequence[Task]) -> dict[str, Measure]:
    """All numbers before and after a change, for a model of these tasks."""
    return {**PAIRED, **{one.key: one for one in map(change_measure, tasks)}}


def clean_measures(tasks: Sequence[Task]) -> dict[str, Measure]:
    """All numbers of an image as it is, for a model of these tasks."""
    return {**CLEAN, **{one.key: one for one in map(score_measure, tasks)}}


def measure(key: str, tasks: Sequence[Task] = ()) -> Measure:
    """The measure of this name; ``KeyError`` if there is none.

    Args:
        key: its name in results.
        tasks: whose predictions it may be about, besides the built-in ones.
    """
    known = {**TASKS, **{task.name: task for task in tasks}}
    for prefix, made in ((CHANGE, change_measure), (SCORE, score_measure)):
        if key.startswith(prefix):
            return made(known[key.removeprefix(prefix)])
    return {**PAIRED, **CLEAN}[key]
