"""Imports only go down, libraries stay where they belong, and nothing dangerous is called."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FLOORS = {
    "tasks": 0, "trace": 0, "errors": 0, "files": 0, "edits": 0,
    "models": 1, "data": 1, "metrics": 1,
    "engine": 2, "runs": 2, "cards": 2, "checkpoints": 2, "prepared": 2, "adapters": 2, "catalogue": 2, "hub": 2,
    "predictions": 2, "results": 2,
    "analysis": 3,
    "plots": 4, "training": 4, "exporting": 4,
    "ui": 5, "cli": 5, "bench": 5, "__main__": 5, "__init__": 5,
    "app": 6, "pages": 6,
}  # fmt: skip
"""Floor of every part of the project; parts of one floor know nothing of each other, but for neighbours."""

NEIGHBOURS = [
    {"engine", "runs", "cards", "checkpoints", "prepared", "adapters", "catalogue", "hub", "predictions", "results"},
    {"cli", "bench", "__main__"},
    {"app", "pages"},
]
"""Parts of one floor that may import one another."""

_WINDOW = {"streamlit", "plotly"}
FORBIDDEN = {
    **dict.fromkeys(("tasks", "trace", "errors", "files", "models", "data", "metrics"), _WINDOW),
    **dict.fromkeys(("engine", "runs", "cards", "checkpoints", "prepared", "adapters", "catalogue", "hub"), _WINDOW),
    **dict.fromkeys(("predictions", "analysis", "training", "exporting"), _WINDOW),
    "plots": {"torch", "streamlit"},
    "ui": {"torch"}, "app": {"torch"}, "pages": {"torch"},
    "cli": {"streamlit"}, "bench": {"streamlit"}, "__main__": {"streamlit"},
    "__init__": {"torch", *_WINDOW},
}  # fmt: skip
"""Libraries that a part never imports; imports for type checking alone are free."""

PICKLERS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


@dataclass(frozen=True)
class Import:
    """One imported module, dotted; ``typing_only`` under ``if TYPE_CHECKING``."""

    module: str
    line: int
    typing_only: bool


def imports(tree: ast.AST, package: str, typing_only: bool = False) -> Iterator[Import]:
    """All imports of a tree, however deep; `package` resolves relative ones."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from imports(ast.Module([child], []), package, True)
            yield from imports(ast.Module(node.orelse, []), package, typing_only)
        elif isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parent, *([node.module] if node.module else [])])
            yield from (Import(f"{base}.{alias.name}", node.lineno, typing_only) for alias in node.names)
        else:
            yield from imports(node, package, typing_only)


def part_of(path: str) -> str:
    """Key of ``FLOORS`` for a source file, given relative to the root; KeyError where it has no floor."""
    parts = Path(path).with_suffix("").parts
    part = parts[1] if parts[0] == "mtlviz" else parts[0]
    part = "bench" if part.startswith("bench") else part
    if part not in FLOORS:
        raise KeyError(f"{path} has no floor; add it to FLOORS and to the architecture")
    return part


def target_of(module: str) -> str | None:
    """Key of ``FLOORS`` for an imported module of the project, or None for a library or a mere attribute."""
    head, _, rest = module.partition(".")
    if head in ("app", "pages"):
        return head
    if head != "mtlviz" or not rest:
        return None
    name = rest.split(".")[0]
    name = "engine" if name == "load" else "bench" if name.startswith("bench") else name
    return name if name in FLOORS or name.startswith("bench") else None


def import_violations(path: str, source: str) -> list[str]:
    """What a file imports although it must not, one line each."""
    part = part_of(path)
    package = ".".join(Path(path).parent.parts)
    found = []
    for item in imports(ast.parse(source), package):
        target, library = target_of(item.module), item.module.split(".")[0]
        neighbours = any({part, target} <= group for group in NEIGHBOURS)
        rises = target is not None and target != part and FLOORS[target] >= FLOORS[part] and not neighbours
        if rises and not (part == "__init__" and item.typing_only):
            found.append(f"{path}:{item.line} imports {item.module}, which is not below it")
        if library in FORBIDDEN.get(part, set()) and not item.typing_only:
            found.append(f"{path}:{item.line} imports {library}, which has no place in {part}")
    return found


def danger_violations(path: str, source: str) -> list[str]:
    """Unpickling in any form, and HTML that Streamlit does not escape."""
    tree = ast.parse(source)
    found = [
        f"{path}:{item.line} imports {item.module}"
        for item in imports(tree, ".".join(Path(path).parent.parts))
        if item.module.split(".")[0] in PICKLERS
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += [f"{path}:{node.lineno} {problem}" for problem in _dangerous_call(node)]
    return found


def _dangerous_call(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    options = {keyword.arg: keyword.value for keyword in call.keywords}

    def is_true(option: str) -> bool:
        value = options.get(option)
        return isinstance(value, ast.Constant) and value.value is True

    if name == "torch.load" and not is_true("weights_only"):
        yield "calls torch.load without weights_only=True"
    if "unsafe_allow_html" in options:
        yield "passes unsafe_allow_html"
    if "allow_pickle" in options and ast.unparse(options["allow_pickle"]) != "False":
        yield "passes allow_pickle"


def _sources(*patterns: str) -> list[str]:
    paths = (path for pattern in patterns for path in ROOT.glob(pattern))
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


PROJECT = _sources("mtlviz/**/*.py", "app.py", "pages/*.py")


def test_no_import_goes_up_and_no_library_leaves_its_place() -> None:
    violations = [line for path in PROJECT for line in import_violations(path, (ROOT / path).read_text("utf-8"))]
    assert not violations, "\n".join(violations)


def test_nothing_is_unpickled_and_no_html_is_unescaped() -> None:
    files = PROJECT + _sources("tests/**/*.py")
    violations = [line for path in files for line in danger_violations(path, (ROOT / path).read_text("utf-8"))]
    assert not violations, "\n".join(violations)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("mtlviz/models/kem.py", "import mtlviz.data.sample"),
        ("mtlviz/models/kem.py", "from mtlviz.data import sample"),
        ("mtlviz/models/interactions/kem.py", "from ...data.sample import Sample"),
        ("mtlviz/tasks.py", "from mtlviz import trace"),
        ("mtlviz/data/rooms/mesh.py", "def f():\n    from mtlviz import load"),
        ("mtlviz/analysis/routing.py", "if True:\n    import mtlviz.plots.maps as m"),
        ("mtlviz/plots/maps.py", "from mtlviz.training.loop import train"),
        ("mtlviz/ui/state.py", "from mtlviz.cli import main"),
        ("mtlviz/bench.py", "import mtlviz.ui.state"),
        ("mtlviz/cli/app.py", "from pages import routing"),
        ("mtlviz/plots/maps.py", "def f():\n    import torch.nn"),
        ("mtlviz/analysis/routing.py", "from plotly import graph_objects"),
        ("mtlviz/__init__.py", "import torch"),
        ("app.py", "from torch import Tensor"),
        ("pages/1_predictions.py", "import torch"),
    ],
)
def test_a_planted_import_is_caught(path: str, source: str) -> None:
    assert len(import_violations(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "mtlviz/engine.py",
            "from mtlviz import __version__\nfrom mtlviz.checkpoints import ModelCard\nimport torch",
        ),
        ("mtlviz/models/kem.py", "from mtlviz.models.encoders import Encoder\nfrom mtlviz.trace import Edit"),
        ("mtlviz/__init__.py", "if TYPE_CHECKING:\n    from mtlviz.engine import load"),
        ("mtlviz/ui/state.py", "if TYPE_CHECKING:\n    import torch\nimport streamlit"),
        ("mtlviz/plots/maps.py", "from mtlviz.analysis import routing\nimport plotly"),
        ("pages/1_predictions.py", "import streamlit\nfrom mtlviz.ui import state"),
    ],
)
def test_an_import_that_goes_down_is_allowed(path: str, source: str) -> None:
    assert import_violations(path, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "st.markdown(text, unsafe_allow_html=True)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_a_planted_danger_is_caught(source: str) -> None:
    assert len(danger_violations("mtlviz/engine.py", source)) == 1


def test_safe_calls_are_allowed() -> None:
    source = "torch.load(path, weights_only=True)\nnp.load(path, allow_pickle=False)\nst.markdown(text)"
    assert danger_violations("mtlviz/engine.py", source) == []


def test_a_module_without_a_floor_is_an_error() -> None:
    with pytest.raises(KeyError, match="no floor"):
        import_violations("mtlviz/helpers.py", "")
