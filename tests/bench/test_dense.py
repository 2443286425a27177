"""The dense baseline against attention written out, and against PyTorch's own."""

import numpy as np
import torch

from mtlviz.bench.contenders import features
from mtlviz.bench.dense import DenseAttention
from mtlviz.models.interactions.base import to_tokens

TOKENS, WIDTH = 160, 8


def dense(**options):
    torch.manual_seed(0)
    return DenseAttention(WIDTH, **options).double().requires_grad_(False)


def inputs():
    torch.manual_seed(1)
    return {task: f.double() for task, f in features("dense", TOKENS, training=False, width=WIDTH).items()}


def test_dense_attention_equals_its_equation():
    module, given = dense(), inputs()
    out, weights = module(given)
    rows = to_tokens(given)[0].numpy()
    q, k, v = (rows @ linear.weight.numpy().T for linear in (module.query, module.key, module.value))
    expected = np.exp(q @ k.T / np.sqrt(WIDTH))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(weights[0].numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(to_tokens(out)[0].numpy(), rows + expected @ v, rtol=1e-12, atol=1e-13)


def test_dense_attention_equals_the_kernel_of_pytorch():
    kept, (fused, nothing) = dense()(inputs())[0], dense(keep_weights=False)(inputs())
    assert nothing is None
    torch.testing.assert_close(to_tokens(fused), to_tokens(kept), rtol=1e-12, atol=1e-12)


def test_operations_are_those_of_the_paper_for_nyud():
    assert f"{DenseAttention.operations(9600, 256):.3g}" == "4.91e+10"  # kem.md 2.2
