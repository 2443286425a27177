"""What every number of the noise study means, in one place: page, command line and files say the same."""

from collections.abc import Sequence

from mtlviz.analysis.noise.oracles import ORACLES
from mtlviz.analysis.stability.names import Measure
from mtlviz.tasks import Task

WHAT = {"classes": "class", "depth": "depth bin", "instances": "instance"}
"""By oracle what tokens that belong together share."""

MAPS: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("entropy", "entropy", "Entropy of a row over that of an even reading of its candidates: 0 = one token, "
                "1 = all alike.", r"H(a_i)/\log n_i"),
        Measure("participation", "tokens read", "The number of tokens that equal weights would need to be as spread.",
                r"1/\sum_j a_{ij}^2", "tokens"),
        Measure("top_p_tokens", "tokens for 90 %", "The fewest tokens that hold 90 % of a row's mass.", "", "tokens"),
        Measure("mass", "mass of a row", "Sum of a row's weights; below 1 where a competition drops mass.",
                r"\sum_j a_{ij}"),
        Measure("effective_rank", "effective rank", "Exponential of the entropy of the map's normalised singular "
                "values; of the first images of the set only.", r"\exp H(\sigma/\sum\sigma)"),
        Measure("sink", "largest sink", "Share of all reading that the most read token has.",
                r"\max_j c_j,\ c_j=\tfrac1n\sum_i a_{ij}"),
        Measure("gini", "Gini of columns", "How unequally the reading is spread over the tokens: 0 = all are read "
                "alike."),
        Measure("top", "top 1 % of columns", "Share of all reading that the most read 1 % of the tokens have."),
        Measure("value_sink", "largest sink, by size", "The largest sink of weight times the size of what is carried: "
                "a token's value, or the content of the slot that passes it on.", r"\max_j c_j|v_j|/\sum_j c_j|v_j|"),
        Measure("value_gini", "Gini of columns, by size", "The Gini of weight times the size of what is carried."),
        Measure("value_top", "top 1 % of columns, by size", "The top 1 % of weight times the size of what is "
                "carried."),
        Measure("written_variation", "variation of what is written", "Share of the power of what tokens receive that "
                "differs between them: 0 = all receive the mean token.",
                r"\frac{\sum_i|f_i-\bar f|^2}{\sum_i|f_i|^2}"),
        Measure("half_range", "logit half range B", "Half the distance between the largest and the smallest logit of "
                "a row.", "B", "nats"),
        Measure("write_half_range", "Write half range B", "Half the range of a token's logits over the slots.", "B",
                "nats"),
        Measure("write_floor", "floor of Write", "The least mass that Write leaves outside one relevant slot, with the "
                "measured B; the number of tokens does not enter.", r"1/(1+\tfrac{1}{L-1}e^{2B})"),
    )
}  # fmt: skip
"""Numbers of a map that need no oracle, in the order in which they are shown."""


def _of_oracle(oracle: str) -> tuple[Measure, ...]:
    what = WHAT[oracle]
    return (
        Measure(f"noise:{oracle}", f"noise mass, {what}", f"Share of the labelled mass that a token reads from tokens "
                f"of another {what}.", r"\eta_i=\sum_{j\notin S_i}a_{ij}", "", None, "lower"),
        Measure(f"chance:{oracle}", f"chance, {what}", "The same if a token read all its candidates alike.",
                r"(n-m)/n"),
        Measure(f"relative:{oracle}", f"noise over chance, {what}", "Mean noise mass of an image over its mean chance: "
                "1 = as noisy as reading everything alike.", "", "", None, "lower"),
        Measure(f"floor:{oracle}", f"floor, {what}", "The least noise mass that a softmax over all candidates can "
                "leave with the measured logit range; none for KEM and for top-K, whose weights can be 0.",
                r"1/(1+\tfrac{m}{n-m}e^{2B})"),
        Measure(f"variance:{oracle}", f"variance passed, {what}", "Variance that independent noise of variance 1 on "
                "the irrelevant tokens has in what is read: small for even weights, large for few picks.",
                r"\sum_{j\notin S_i}a_{ij}^2"),
    )  # fmt: skip


NOISE: dict[str, Measure] = {measure.key: measure for oracle in ORACLES for measure in _of_oracle(oracle)}
"""Numbers of a map that need an oracle."""


def dose_measures(tasks: Sequence[Task]) -> dict[str, Measure]:
    """Numbers of an experiment on a model of these tasks."""
    found = [
        Measure("dose", "dose", "Relative change of the disturbed task's features before the interaction.",
                r"|\Delta F_s|/|F_s|"),
        Measure("features", "leak into features", "Relative change of what the other tasks' decoders receive, mean "
                "over them.", r"|\Delta F_t|/|F_t|", "", 0.0, "lower"),
    ]  # fmt: skip
    for task in tasks:
        name = task.title.lower()
        found.append(
            Measure(
                f"features:{task.name}",
                f"{name}: leak into features",
                "Relative change of what its decoder receives.",
                r"|\Delta F_t|/|F_t|",
                "",
                0.0,
                "lower",
            )
        )
        found.append(
            Measure(
                f"change:{task.name}",
                f"{name}: change of the prediction",
                _change(task),
                "",
                "°" if task.kind == "normals" else "",
                0.0,
                "lower",
            )
        )
        found.append(Measure(f"gain:{task.name}", f"{name}: gain in {task.metric}",
                             f"{task.metric} with the edit less without, of each image alone; positive where the "
                             "edit made it better, whatever the direction of the metric.", "", task.metric_unit, 0.0,
                             "higher"))  # fmt: skip
    return {one.key: one for one in found}


def map_measures() -> dict[str, Measure]:
    """Numbers of a map, the noise first."""
    return {**NOISE, **MAPS}


def _change(task: Task) -> str:
    if task.kind == "classes":
        return "1 less the mean IoU of the label maps before and after, over the classes in either."
    if task.kind == "depth":
        return "Mean size of the change over the depth before."
    return "Mean angle to before." if task.kind == "normals" else "Mean size of the change of the probability."
