"""The sentences of the affinity page say what their numbers say."""

import numpy as np
import pytest

from mtlviz.analysis.affinity.fusion import FusionWeights, fusion_weights
from mtlviz.analysis.affinity.rows import pixel_rows
from mtlviz.ui.affinity import words as words
from tests.analysis.affinity_traces import GRID, N, case, features, module, same_projections


def weights(total: np.ndarray) -> FusionWeights:
    shares = np.full_like(total, 1 / len(total))
    return FusionWeights(centre=total, total=total, share=shares, bias=np.zeros(N, np.float32))


def test_the_answer_names_the_planted_pair_and_the_place_of_the_largest_disagreement():
    first, other = features()["semseg"], features(1)["depth"]
    given = {"semseg": first, "depth": other, "normals": first}
    trace = case(given=given, interaction=same_projections(module())).trace
    rows = pixel_rows(trace, 8)
    said = words.answer(rows, trace.layout)
    assert "**row 1, column 3**, **Segmentation** and **Normals** rank the image's pixels most alike" in said
    assert "(rank correlation **+1.00**)" in said
    row, column = divmod(int(rows.disagreement.argmax()), GRID[1])
    assert f"disagree most about row {row}, column {column}:" in said


def test_one_task_has_nobody_to_disagree_with():
    given = {"depth": features()["depth"]}
    trace = case(given=given, interaction=module(tasks=("depth",))).trace
    said = words.answer(pixel_rows(trace, 8), trace.layout)
    assert "one task only" in said
    assert "disagree" not in said


@pytest.mark.parametrize(
    ("ratio", "meaning"),
    [(0.0, "what pixels receive is nothing"), (0.1, "a small perturbation"), (0.3, "less of the result than"),
     (1.0, "about as much of the result as"), (1.7, "more of the result than"), (22.0, "mostly what was diffused")],
)  # fmt: skip
def test_the_regime_is_stated_with_gamma_and_n(ratio, meaning):
    said = words.regime(ratio, 320, 0.05)
    assert "With **γ = 0.05** and **n = 320** pixels" in said
    assert meaning in said
    assert "weighs more on a larger grid" in said
    assert "weighs more" not in words.regime(ratio, 320, 0.05, softmax=True)


def test_what_is_said_of_the_rows_follows_from_the_options():
    plain, softmax, laid = (case(**options).trace for options in ({}, {"softmax": True}, {"interleaved": False}))
    assert words.unlike_others(plain) == "Neither these numbers nor G are probabilities."
    assert "each sums to 1" in words.unlike_others(softmax)
    assert words.unlike_others(laid).endswith(words.END_TO_END)
    assert "a projection that it learned" in words.blue(plain, False, learned=True)
    assert "learned" not in words.blue(plain, False)


def test_fusion_weights_of_neighbours_are_described_by_their_correlation():
    layout = case().trace.layout
    down, right = np.indices(GRID)
    board = np.tile((2.0 * ((down + right) % 2) - 1).ravel(), (3, 1)).astype(np.float32)
    assert "against one another" in words.fusion(weights(board), layout)
    assert "correlation **−1.00**" in words.fusion(weights(board), layout)
    smooth = np.tile(down.ravel().astype(np.float32), (3, 1))
    assert "weigh the tasks alike (" in words.fusion(weights(smooth), layout)
    assert "Every query pixel" in words.fusion(fusion_weights(case(tied=True).trace), layout)


def test_agreement_names_the_two_ends():
    cka = np.array([[1, 0.2, 0.5], [0.2, 1, 0.4], [0.5, 0.4, 1]])
    said = words.agreement(cka, case().trace.layout)
    assert "**Segmentation** and **Normals** agree most (CKA **0.50**)" in said
    assert "**Segmentation** and **Depth** least (**0.20**)" in said
