"""mtlviz: how multi-task networks for dense prediction share what they know, made visible.

``mtlviz.load("kem").run(image)`` is the shortest way in. Importing the package itself imports neither torch
nor Streamlit; both come with the first use of what needs them.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Idle OpenMP threads that spin cost up to twenty times the run time when another process uses a core. The
# setting is read when torch is loaded, so it has to stand here, before any module of the package is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's own threads spin too, and gain nothing at our sizes

if TYPE_CHECKING:
    from mtlviz.engine import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

_ON_FIRST_USE = {"analysis", "data", "engine", "errors", "metrics", "plots", "predictions", "tasks", "trace"}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "load":
        return import_module("mtlviz.engine").load
    if name in _ON_FIRST_USE:
        return import_module(f"mtlviz.{name}")
    raise AttributeError(f"module 'mtlviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_FIRST_USE, "load"})
