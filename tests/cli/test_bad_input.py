"""Bad input of every kind: exit code 2, one sentence, one JSON object if asked for, nothing written."""

import io
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def png(size=(32, 32), mode="RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, "PNG", **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A small PNG whose header promises 50,000 x 50,000 pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def animated() -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


REFUSED = {
    "text.png": b"hello",
    "empty.png": b"",
    "short.png": png((64, 64))[:60],
    "bomb.png": bomb(),
    "long.png": png((50_000, 2)),
    "dot.png": png((1, 1)),
    "animated.png": animated(),
    "large.png": png() + b"\0" * (20 * 2**20 + 1),
    "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["predict", "inspect"])
def test_what_is_no_usable_image_is_refused(cli, command, name):
    Path(name).write_bytes(REFUSED[name])
    outcome = cli(command, name, "--out", "o", "--json")
    assert_refused(outcome, name)
    assert not Path("o").exists()


def test_unusual_images_are_handled(cli):
    noise = np.random.default_rng(0).integers(0, 255, (24, 40, 4), np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(noise, "CMYK").save("cmyk.jpg")
    Image.fromarray(noise).save("alpha.png")
    Image.fromarray(noise[..., 0].astype(np.uint16) * 257).save("deep.png")
    Image.fromarray(noise[..., :3]).save("turned.jpg", exif=turned)
    Image.fromarray(noise[..., :3]).save("wrong.png", "JPEG")
    for name in ("cmyk.jpg", "alpha.png", "deep.png", "turned.jpg", "wrong.png"):
        found = cli("predict", name, "--checkpoint", "none", "--out", "o", "--json")
        assert found.code == 0, name
        assert found.last["size"] == ([40, 24] if name == "turned.jpg" else [24, 40])


CHINA = "photograph:china"
COMMANDS = {
    "no command of this name": (("dance",), "No such command 'dance'"),
    "no image": (("predict", "--out", "o"), "Missing argument 'IMAGE'"),
    "no out": (("predict", CHINA), "Missing option '--out'"),
    "unknown option": (("predict", CHINA, "--out", "o", "--colour"), "No such option"),
    "missing image": (("predict", "gone.png", "--out", "o"), "no file at 'gone.png'"),
    "folder as image": (("inspect", ".", "--out", "o"), "a folder at '.'"),
    "folder without images": (("predict", ".", "--out", "o"), "There is no PNG, JPEG or WebP image in '.'"),
    "image and data set": (("predict", CHINA, "--data", "x", "--out", "o"), "'IMAGE'; give an image or"),
    "depth that ends before it begins": (("evaluate", "--depth-range", "5", "1"), "--depth-range 5 1 is no range"),
    "unknown photograph": (("predict", "photograph:cat", "--out", "o"), "choose one of china, flower"),
    "room of no split": (("predict", "rooms:night:1", "--out", "o"), "like rooms:val:3"),
    "room below 0": (("predict", "rooms:val:-1", "--out", "o"), "like rooms:val:3"),
    "out is a file": (("predict", CHINA, "--out", "file"), "--out 'file' is a file"),
    "out below a file": (("inspect", CHINA, "--out", "file/deep"), "--out 'file/deep' lies below"),
    "unknown checkpoint": (("predict", CHINA, "--out", "o", "--checkpoint", "KEM"), "choose one of none, kem"),
    "checkpoint with a path": (("predict", CHINA, "--out", "o", "--checkpoint", "../kem"), "'../kem' is unknown"),
    "no checkpoints": (("checkpoints", "--checkpoints", "gone"), "'gone' holds no manifest.json"),
    "checkpoints in a file": (("checkpoints", "--checkpoints", "file"), "file/manifest.json"),
    "unknown device": (("predict", CHINA, "--out", "o", "--device", "tpu"), "'tpu' is not available here"),
    "missing configuration": (("train", "gone.yaml", "--out", "o"), "'gone.yaml' cannot be read"),
    "broken configuration": (("train", "broken.yaml", "--out", "o"), "broken.yaml is not valid YAML"),
    "field that does not exist": (("train", "odd.yaml", "--out", "o"), "there is no such field"),
    "training into a file": (("train", "odd.yaml", "--out", "file"), "--out 'file' is a file"),
    "checkpoint name with a path": (("train", "odd.yaml", "--out", "o", "--publish", "../x"), "is not a name"),
    "unknown split": (("evaluate", "--data", "rooms:night"), "choose one of rooms:train, rooms:val, rooms:test"),
    "unknown data": (("evaluate", "--data", "nyud"), "There is no data set at 'nyud'"),
    "negative limit": (("evaluate", "--limit", "-3"), "'--limit'"),
    "cache is a file": (("evaluate", "--cache", "file"), "--cache 'file/"),
    "evaluate on an unknown device": (("evaluate", "--device", "tpu"), "--device 'tpu'"),
    "size in words": (("rooms", "--out", "o", "--count", "1", "--size", "128by160"), "write for example 128x160"),
    "size of nothing": (("rooms", "--out", "o", "--count", "1", "--size", "0x160"), "each side must have"),
    "negative count": (("rooms", "--out", "o", "--count", "-1"), "'--count'"),
    "more rooms than seeds": (("rooms", "--out", "o", "--count", "99999999"), "between 1 and"),
    "no workers": (("rooms", "--out", "o", "--count", "1", "--workers", "0"), "'--workers'"),
    "tail out of range": (("rooms", "--out", "o", "--count", "1", "--tail", "9"), "'--tail'"),
    "rooms of no split": (("rooms", "--out", "o", "--count", "1", "--split", "night"), "train, val, test"),
    "bench of nothing": (("bench", "--only", "luck"), "'luck' is unknown"),
}  # fmt: skip


@pytest.mark.parametrize("case", COMMANDS)
def test_a_wrong_command_is_refused(cli, case):
    Path("file").write_text("x")
    Path("broken.yaml").write_text("a: [1,")
    Path("odd.yaml").write_text("data: {train: x}\nbudget: 16\nspeed: 3\n")
    words, sentence = COMMANDS[case]
    outcome = cli(*words, "--json")
    assert_refused(outcome, sentence)
    assert not Path("o").exists()
    assert Path("file").read_text() == "x"


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(cli, monkeypatch):
    monkeypatch.setattr("os.access", lambda _, mode: not mode & os.W_OK)
    assert_refused(cli("predict", CHINA, "--out", "o", "--json"), "cannot be written")


def assert_refused(outcome, sentence):
    """Exit code 2, one line on standard error, the same as JSON."""
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert outcome.err.endswith(".\n")
    assert "Traceback" not in outcome.err
    assert json.loads(outcome.out.splitlines()[-1]) == {"error": outcome.err.strip()}
