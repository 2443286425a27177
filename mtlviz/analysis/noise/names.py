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
        Measure("top_p_tokens", "tokens for 90%", "The fewest tokens that hold 90% of a row's mass.", "", "tokens"),
        Measure("mass", "mass of a row", "Sum of a row's weights; below 1 where a competition drops mass.",
                r"\sum_j a_{ij}"),
        Measure("effective_rank", "effective rank", "Exponential of the entropy of the map's normalised singular "
                "values; of the first images of the set only.", r"\exp H(\sigma/\sum\sigma)"),
        Measure("effective_rank_estimate", "effective rank, estimated", "The same of a map of more than 2,048 rows, "
                "estimated by deflated stochastic Lanczos quadrature.", r"\exp H(\sigma/\sum\sigma)"),
        Measure("rank1_residual", "distance from rank one", "Size of the map less its mean row, over its size: 0 = "
                "every token reads the same.", r"|A-\mathbf 1\bar a^\top|_F/|A|_F"),
        Measure("read_share", "share that is read", "Share of what leaves the interaction that was read from tokens "
                "and is not the token itself, by the weights of the sum.", r"|w|m_i/(1+|w|m_i)"),
        Measure("read_share_size", "share that is read, by size", "The same with the lengths of both terms of the sum "
                "for weights; of CTAL the share that was diffused.",
                r"|w\hat F_i|/(|F_i|+|w\hat F_i|)"),
        Measure("sink", "largest sink", "Share of all reading that the most read token has.",
                r"\max_j c_j,\ c_j=\tfrac1n\sum_i a_{ij}"),
        Measure("gini", "Gini of columns", "How unequally the reading is spread over the tokens: 0 = all are read "
                "alike."),
        Measure("top", "top 1% of columns", "Share of all reading that the most read 1% of the tokens have."),
        Measure("value_sink", "largest sink, by size", "The largest sink of weight times the size of what is carried: "
                "a token's value, or the content of the slot that passes it on.", r"\max_j c_j|v_j|/\sum_j c_j|v_j|"),
        Measure("value_gini", "Gini of columns, by size", "The Gini of weight times the size of what is carried."),
        Measure("value_top", "top 1% of columns, by size", "The top 1% of weight times the size of what is "
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
        Measure("positive_share", "positive share of G", "Part of the sizes of a row of CTAL's G that is positive: 0.5 "
                "where it cancels out.", r"\sum_j\max(g_{ij},0)/\sum_j|g_{ij}|"),
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
                "leave with the measured logit range, of dense slots the mean of theirs; none for a competition that "
                "keeps the top K, whose weights can be 0.", r"1/(1+\tfrac{m}{n-m}e^{2B})"),
        Measure(f"variance:{oracle}", f"variance passed, {what}", "Variance that independent noise of variance 1 on "
                "the irrelevant tokens has in what is read: small for even weights, large for few picks.",
                r"\sum_{j\notin S_i}a_{ij}^2"),
        Measure(f"attenuation:{oracle}", f"attenuation, {what}", f"Share of the signal (mean token of the {what} less "
                "mean token) that is missing in what is read: 0 all there, 1 only the mean token is left. Equal to the "
                "noise mass where the others are read evenly.",
                r"1-\frac{\langle o_i-\bar x,\,r_i-\bar x\rangle}{|r_i-\bar x|^2}", "", 0.0, "lower"),
        Measure(f"bias:{oracle}", f"bias of noise, {what}", "How far the irrelevant tokens move what is read, over the "
                "length of the mean relevant token.", r"\eta_i|u_i-s_i|/|r_i|", "", 0.0, "lower"),
        Measure(f"toward_mean:{oracle}", f"bias toward the mean, {what}", "Cosine of the move with the way to the mean "
                "token: 1 = pure smoothing.", r"\cos(u_i-s_i,\bar x-s_i)"),
        Measure(f"selection:{oracle}", f"error of selection, {what}", "How far the relevant tokens that are read lie "
                "from the mean of all relevant ones: the price of reading few.", r"|s_i-r_i|/|r_i|", "", 0.0, "lower"),
        Measure(f"selection_variance:{oracle}", f"variance of selection, {what}", "Variance that independent scatter "
                "of variance 1 among the relevant tokens has in their weighted mean: 1/m for m read alike, 1/K for K.",
                r"\sum_{S_i}a_{ij}^2/(\sum_{S_i}a_{ij})^2", "", None, "lower"),
        Measure(f"error:{oracle}", f"error of what is read, {what}", "Distance of what is read from the mean relevant "
                "token: bias of noise and error of selection together.", r"|o_i-r_i|/|r_i|", "", 0.0, "lower"),
        Measure(f"rollout:{oracle}", f"noise of the rollout, {what}", "Noise mass of a token together with itself, the "
                "rows of I + |w| A over their sums: one layer is all the rollout there is.",
                r"\sum_{j\notin S_i}\frac{(I+|w|A)_{ij}}{1+|w|m_i}", "", None, "lower"),
        Measure(f"rollout_size:{oracle}", f"noise of the rollout by size, {what}", "The same with the measured lengths "
                "of a token and of what it receives for 1 and |w|.", "", "", None, "lower"),
        Measure(f"size_noise:{oracle}", f"sizes on other labels, {what}", f"Share of the sizes of a row of CTAL's G "
                f"that lies on places of another {what}; signs cancel some of it, so it is no noise mass.",
                r"\sum_{j\notin S_i}|g_{ij}|/\sum_j|g_{ij}|"),
        Measure(f"size_chance:{oracle}", f"chance of sizes, {what}", "The same for equal sizes.", r"(n-m)/n"),
        Measure(f"size_relative:{oracle}", f"sizes over chance, {what}", "Their quotient, image by image: 1 = no "
                "preference."),
    )  # fmt: skip


NOISE: dict[str, Measure] = {measure.key: measure for oracle in ORACLES for measure in _of_oracle(oracle)}
"""Numbers of a map that need an oracle."""


CURVES: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("candidates", "candidates", "Tokens that a reader can read.", "n", "tokens"),
        Measure("noise", "noise mass", "Mass on tokens of another class.", r"\sum_{j\notin S_i}a_{ij}"),
        Measure("chance", "chance", "The same if all candidates are read alike.", "(n-m)/n"),
        Measure("relative", "noise over chance", "Their quotient."),
        Measure("floor", "floor", "The least that a softmax with the measured logits leaves.",
                r"1/(1+\tfrac{m}{n-m}e^{2B})"),
        Measure("outside", "mass outside a fixed set", "Mass outside m relevant tokens that stay the same while others "
                "are added: over the places those of the reader's class in the smallest draw, over the tasks those of "
                "the first task.", r"1-\sum_{j\in S_i^0}a_{ij}"),
        Measure("outside_chance", "chance outside a fixed set", "The same if all candidates are read alike.", "1-m/n"),
        Measure("outside_floor", "floor outside a fixed set", "The least that a softmax with the measured logits "
                "leaves; goes to 1 as n grows at fixed B.", r"1/(1+\tfrac{m}{n-m}e^{2B})"),
        Measure("tokens", "tokens that hold a share p", "The fewest tokens that hold a share p of a row's mass.", "",
                "tokens"),
        Measure("share", "share of the candidates that holds a share p", "The same over the number of candidates; even "
                "reading gives p."),
    )
}  # fmt: skip
"""Numbers of curves over tokens, tasks and mass, and of labels."""


def map_note(interaction: str, mapped: bool) -> str:
    """Why a model has no numbers of a map, or others than the rest; empty where there is nothing to say.

    Args:
        interaction: its name.
        mapped: whether it has rows of weights.
    """
    if mapped:
        return ""
    if interaction == "none":
        return "This model has no interaction: no token reads another, and there are no weights to describe."
    if interaction == "ctal":
        return (
            "CTAL diffuses along a signed, unbounded matrix G whose rows have no sum: it has no noise mass, floor, "
            "entropy or rank of a reading, and without its negative part it would be another diffusion. Said of it is "
            "how the sizes of a row's entries are shared out, and how much of the result was diffused. G spreads a "
            "task's own values; the other tasks take part in its entries alone."
        )
    return f"The interaction {interaction!r} leaves no rows of weights between tokens, so there is no map to describe."


def dose_measures(tasks: Sequence[Task]) -> dict[str, Measure]:
    """Numbers of an experiment on a model of these tasks."""
    found = [
        Measure("dose", "dose", "Relative change of the disturbed task's features before the interaction; for noise on "
                "the image the mean over the tasks.",
                r"|\Delta F_s|/|F_s|"),
        Measure("features", "leak into features", "Relative change of what the other tasks' decoders receive, mean "
                "over them.", r"|\Delta F_t|/|F_t|", "", 0.0, "lower"),
        Measure("leak_bias", "leak that every draw has", "Square of the mean change over draws of the noise, over that "
                "of the features; unbiased, so that it can fall below 0.", r"|E\,\Delta F_t|^2/|F_t|^2", "", 0.0,
                "lower"),
        Measure("leak_variance", "leak that is the draw's", "Variance of the change over draws of the noise, over the "
                "square of the features.", r"E|F'_t-E\,F'_t|^2/|F_t|^2", "", 0.0, "lower"),
        Measure("leak_variance_share", "share of the draw", "Share of the leak that changes with the draw: 0 = the "
                "same shift whatever the noise, 1 = nothing but the noise."),
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
                task.unit if task.kind == "depth" else "°" if task.kind == "normals" else "",
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
    """Numbers of a map by key, the noise first."""
    return {**NOISE, **MAPS}


def _change(task: Task) -> str:
    if task.kind == "classes":
        return "Share of the pixels that change their class."
    if task.kind == "depth":
        return "Mean size of the change."
    return "Mean angle to before." if task.kind == "normals" else "Mean size of the change of the probability."
