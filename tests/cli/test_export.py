"""``export``: the file, its JSON and the table; and nothing where the check fails."""

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import jaxtyping
import pytest

from mtlviz.data.images import photographs
from mtlviz.exporting.onnx_file import EXTRAS

DOCS = Path(__file__).resolve().parents[2] / "docs" / "export.md"
WITH_ONNX, WITH_TORCH = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def exported(cli, rooms):
    jaxtyping.config.update("jaxtyping_disable", True)  # sizes of a graph are symbols
    yield lambda *words: cli("export", "--data", rooms / "val", "--limit", 2, "--out", "o", *words)
    jaxtyping.config.update("jaxtyping_disable", False)


def test_a_file_comes_with_all_that_is_needed_to_use_it(exported, monkeypatch):
    monkeypatch.setattr(sys.modules["mtlviz.cli.export"], "SECONDS", 0.1)
    outcome = exported("--checkpoint", "none", "--format", "torch-export", "--json")
    assert outcome.code == 0
    assert sorted(path.name for path in Path("o").iterdir()) == ["none.pt2", "none.pt2.json"]
    described = json.loads(Path("o/none.pt2.json").read_text())
    assert described["input"]["shape"] == ["batch", 3, 64, 80]
    assert "multiples of 32" in described["input"]["fixed_because"]
    assert described["preprocessing"]["mean"] == described["card"]["mean"]
    assert described["provenance"]["weights_sha256"] == described["card"]["weights_sha256"]
    assert [(one["name"], one["unit"]) for one in described["outputs"]] == [
        ("semseg", ""), ("depth", "m"), ("normals", ""), ("edge", ""),
    ]  # fmt: skip
    assert len(described["outputs"][0]["class_names"]) == described["outputs"][0]["shape"][1] == 17
    for task in described["agreement"]["tasks"].values():
        assert task["difference"] <= 1e-4
    assert described["bytes"]["exported"] == Path("o/none.pt2").stat().st_size
    assert min(outcome.last["latency"][f"{side}_ms"] for side in ("original", "exported")) > 0
    for words in ("depth: rmse", "latency, ms", "size, MB", "images of"):
        assert words in outcome.err
    found = as_documented(WITH_TORCH, Path("o/none.pt2"), "kem.pt2")
    assert found["about"].items() <= described.items()
    assert found["depth"].shape == (1, 1, 64, 80)


def as_documented(code, file, name):
    """What the lines of docs/export.md make of a file, without anything of ours."""
    from PIL import Image

    file.rename(name)
    Image.fromarray(photographs()["china"]().image).save("room.jpg")
    names: dict[str, object] = {}
    exec(compile(code, DOCS.name, "exec"), names)  # noqa: S102  # our own documentation
    return names


def test_a_file_that_does_not_agree_is_not_left(exported, monkeypatch):
    from mtlviz.exporting.files import original_forward

    def wrong(engine, *_):
        with engine.parts() as network:
            forward = original_forward(network)
        return lambda image: {task: 1.01 * output for task, output in forward(image).items()}

    monkeypatch.setattr(sys.modules["mtlviz.cli.export"], "_opened", wrong)
    outcome = exported("--checkpoint", "none", "--format", "torch-export")
    assert outcome.code == 2
    assert "by 1.0e-02 of the largest value of" in outcome.err
    assert "so nothing was written" in outcome.err
    assert not Path("o").exists()
    assert not list(Path().glob(".mtlviz-*"))


@pytest.mark.skipif(find_spec("onnxruntime") is not None, reason="the packages are installed")
def test_onnx_without_its_packages_is_refused_before_anything_is_done(exported):
    outcome = exported("--format", "onnx")
    assert outcome.code == 2
    assert "pip install" in outcome.err
    assert not Path("o").exists()


@pytest.mark.timeout(600)
@pytest.mark.skipif(any(find_spec(name) is None for name in EXTRAS), reason="needs " + ", ".join(EXTRAS))
def test_onnx_in_eight_bits_says_what_it_covers(exported, rooms, monkeypatch):
    monkeypatch.setattr(sys.modules["mtlviz.cli.export"], "SECONDS", 0.1)
    words = ("--checkpoint", "none", "--format", "onnx", "--quantize", "int8", "--calibration", rooms / "train")
    outcome = exported(*words)
    assert outcome.code == 0
    assert sorted(path.name for path in Path("o").iterdir()) == ["none-int8.onnx", "none-int8.onnx.json"]
    described = json.loads(Path("o/none-int8.onnx.json").read_text())
    assert "those of 4 images" in described["quantised"]["how"]
    assert described["agreement"]["tolerance"] is None
    assert "float32: the last convolution of every task" in " ".join(outcome.out.split())
    found = as_documented(WITH_ONNX, Path("o/none-int8.onnx"), "kem-int8.onnx")
    assert found["about"].items() <= described.items()
    assert found["classes"].shape == found["depth"].shape == (64, 80)
    assert found["depth"].min() > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--checkpoint", "gone", "--format", "torch-export"), "'gone' is unknown"),
        (("--format", "tflite"), "'tflite' is not one of"),
        (("--format", "torch-export", "--quantize", "int4"), "'int4' is not"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(exported, words, sentence):
    outcome = exported(*words)
    assert outcome.code == 2
    assert sentence in outcome.err
