"""The statistics by key: what each one is called, how it is computed and what it is under exact collapse."""

from dataclasses import dataclass
from typing import Literal

Family = Literal["nc1", "nc2", "nc3", "nc4", "agreement", "classifier", "nrc"]


@dataclass(frozen=True)
class Statistic:
    """One statistic.

    Attributes:
        key: its name in results.
        family: of statistics that ask the same question.
        title: for a person.
        formula: in LaTeX; w_c are the weights of the classes, 1/K (balanced) or their shares (pixel).
        meaning: one sentence.
        collapsed: its value under exact neural collapse.
        banded: whether results hold a bootstrap band for it.
        places: where it is computed; empty for every place.
    """

    key: str
    family: Family
    title: str
    formula: str
    meaning: str
    collapsed: float = 0.0
    banded: bool = False
    places: tuple[str, ...] = ()


_DECODER = ("decoder",)

STATISTICS: dict[str, Statistic] = {
    one.key: one
    for one in (
        Statistic(
            "nc1_pinv", "nc1", "NC1, trace of the ratio", r"\operatorname{tr}(S_W S_B^{+})/K",
            "Spread within classes over the spread of their means, direction by direction.",
        ),
        Statistic(
            "nc1_quotient", "nc1", "NC1, quotient of traces", r"\operatorname{tr} S_W / \operatorname{tr} S_B",
            "Spread within classes over the spread of their means, all directions together.", banded=True,
        ),
        Statistic(
            "nc1_cdnv", "nc1", "NC1, CDNV", r"\operatorname{Avg}_{c \ne c'} (v_c + v_{c'}) / (2 |\mu_c - \mu_{c'}|^2)",
            "Spread within two classes over the squared distance of their means, averaged over pairs.", banded=True,
        ),
        Statistic(
            "nc2_equinorm", "nc2", "NC2, equal norms", r"\operatorname{Std}_c |m_c| / \operatorname{Avg}_c |m_c|",
            "How unequal the distances of the class means from their centre are.", banded=True,
        ),
        Statistic(
            "nc2_equiangular", "nc2", "NC2, equal angles", r"\operatorname{Std}_{c \ne c'} \cos(m_c, m_{c'})",
            "How unequal the angles between centred class means are.", banded=True,
        ),
        Statistic(
            "nc2_max_angle", "nc2", "NC2, widest angles",
            r"\operatorname{Avg}_{c \ne c'} |\cos(m_c, m_{c'}) + 1/(K-1)|",
            "How far the angles are from the widest that K directions can have among each other.", banded=True,
        ),
        Statistic(
            "nc2_etf_error", "nc2", "NC2, distance from the simplex frame",
            r"\| M M^\top/\|M M^\top\| - (I - 11^\top/K)/\sqrt{K-1} \|",
            "Distance of the normalised Gram matrix of the class means from that of a simplex frame.", banded=True,
        ),
        Statistic(
            "nc2_distances", "nc2", "NC2, equal distances",
            r"\operatorname{Std}_{c \ne c'} |\mu_c - \mu_{c'}| / \operatorname{Avg}_{c \ne c'} |\mu_c - \mu_{c'}|",
            "How unequal the distances between class means are.",
        ),
        Statistic(
            "agreement", "agreement", "Nearest class mean agrees with the prediction",
            r"P(\arg\min_c |h - \mu_c| = \hat y)",
            "Share of positions whose nearest class mean is the final prediction.", 1.0, banded=True,
        ),
        Statistic(
            "recall", "agreement", "Nearest class mean is right", r"P(\arg\min_c |h - \mu_c| = y)",
            "Share of positions whose nearest class mean is that of their label.", 1.0, banded=True,
        ),
        Statistic(
            "accuracy", "agreement", "Prediction is right", r"P(\hat y = y)",
            "Share of positions whose final prediction is their label.", 1.0, banded=True,
        ),
        Statistic(
            "nc3_self_duality", "nc3", "NC3, self-duality", r"\| W/\|W\| - M/\|M\| \|^2",
            "Squared distance between the classifier and the centred class means, both normalised.", places=_DECODER,
        ),
        Statistic(
            "nc3_structure", "nc3", "NC3, joint simplex structure",
            r"\| W M^\top/\|W M^\top\| - (I - 11^\top/K)/\sqrt{K-1} \|",
            "Distance of the products of classifier and class means from those of a simplex frame.", places=_DECODER,
        ),
        Statistic(
            "nc3_cosine", "nc3", "NC3, cosine", r"\operatorname{Avg}_c \cos(w_c, m_c)",
            "Cosine between a class's weights and its centred mean.", 1.0, places=_DECODER,
        ),
        Statistic(
            "nc3_cosine_spread", "nc3", "NC3, spread of the cosine", r"\operatorname{Std}_c \cos(w_c, m_c)",
            "How unequal that cosine is between classes.", places=_DECODER,
        ),
        Statistic(
            "nc3_uniform", "nc3", "NC3, uniform duality", r"\operatorname{Std}_{c \ne c'} \cos(w_c, m_{c'})",
            "How unequal the cosines of a class's weights with the means of other classes are.", places=_DECODER,
        ),
        Statistic(
            "nc3_bias", "nc3", "NC3, offset at the centre",
            r"\operatorname{Std}_c (w_c \cdot \bar\mu + b_c) / (\|W M^\top\|/K)",
            "How unequal the logits of the centre of all classes are, over the size of the logits of class means.",
            places=_DECODER,
        ),
        Statistic(
            "nc4", "nc4", "NC4, disagreement with the nearest mean",
            r"P(\arg\max_c (w_c \cdot h + b_c) \ne \arg\min_c |h - \mu_c|)",
            "Share of positions where the classifier differs from the nearest class mean.", banded=True,
            places=_DECODER,
        ),
        Statistic(
            "nc4_without_bias", "nc4", "NC4 without bias",
            r"P(\arg\max_c w_c \cdot h \ne \arg\min_c |h - \mu_c|)",
            "The same for the classifier without its biases.", banded=True, places=_DECODER,
        ),
        Statistic(
            "w_equinorm", "classifier", "Classifier, equal norms",
            r"\operatorname{Std}_c |w_c| / \operatorname{Avg}_c |w_c|",
            "How unequal the norms of the classifier's centred weights are.", places=_DECODER,
        ),
        Statistic(
            "w_equiangular", "classifier", "Classifier, equal angles",
            r"\operatorname{Std}_{c \ne c'} \cos(w_c, w_{c'})",
            "How unequal the angles between the classifier's centred weights are.", places=_DECODER,
        ),
        Statistic(
            "w_max_angle", "classifier", "Classifier, widest angles",
            r"\operatorname{Avg}_{c \ne c'} |\cos(w_c, w_{c'}) + 1/(K-1)|",
            "How far those angles are from the widest possible ones.", places=_DECODER,
        ),
        Statistic(
            "w_etf_error", "classifier", "Classifier, distance from the simplex frame",
            r"\| W W^\top/\|W W^\top\| - (I - 11^\top/K)/\sqrt{K-1} \|",
            "Distance of the classifier's normalised Gram matrix from that of a simplex frame.", places=_DECODER,
        ),
        Statistic(
            "nrc1", "nrc", "NRC1, variance outside n directions",
            r"1 - \textstyle\sum_{i \le n} \lambda_i / \operatorname{tr} S",
            "Share of the features' variance outside their n principal axes, n the dimension of the target.",
        ),
        Statistic(
            "nrc2", "nrc", "NRC2, variance outside the weights", r"1 - \operatorname{tr}(P_W S)/\operatorname{tr} S",
            "Share of the features' variance outside the span of the last layer's weights.", places=_DECODER,
        ),
        Statistic(
            "nrc3", "nrc", "NRC3, form of the weights",
            r"\min_\gamma \| W W^\top/\|\cdot\| - (\Sigma^{1/2} - \gamma^{1/2} I)/\|\cdot\| \|^2",
            "Distance of the weights' Gram matrix from the form that the targets' covariance sets; needs n > 1.",
            places=_DECODER,
        ),
    )
}  # fmt: skip
"""Every statistic by key, in the order in which they are shown."""
