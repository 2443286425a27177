"""A Swin transformer of a few thousand parameters, and where the library that builds it is missing a skip."""

from importlib.util import find_spec

import pytest

needs_transformers = pytest.mark.skipif(
    find_spec("transformers") is None, reason='needs transformers: pip install ".[backbones]"'
)
SWIN = {"model_type": "swin", "embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 4}
TINY = {"backbone": "tiny", "settings": SWIN, "out": 12}
"""As a configuration names it."""
WIDTHS = (8, 16, 32, 64)
"""Of its stages."""
