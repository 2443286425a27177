"""Settings that every test shares; they have to stand before torch, numba and mtlviz are imported."""

import os
import random
import sys
from importlib.util import find_spec

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("PYTEST_TIMEOUT", "240")  # seconds a test, where pytest-timeout is installed

import numpy as np
import pytest
from jaxtyping import install_import_hook

if find_spec("beartype"):
    import tests.shape_checks  # noqa: F401  # the hook finds it by name

    # Every call checks the types and shapes of its arguments and results; production runs without.
    install_import_hook("mtlviz", "tests.shape_checks.check")


@pytest.fixture(autouse=True)
def _seeded():
    random.seed(0)
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


_MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def _main_module() -> None:
    """Put ``__main__`` back: an app under test takes its place, and processes spawned later would run the app."""
    sys.modules["__main__"] = _MAIN


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run of a test."""
    return np.random.default_rng(0)
