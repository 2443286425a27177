"""What the commands have in common that compare models on held-out rooms."""

from pathlib import Path

import pytest

COMMANDS = ("stability", "noise", "faithfulness")


@pytest.fixture(params=COMMANDS)
def measured(request, cli, rooms):
    return lambda *words: cli(request.param, "--data", rooms / "val", "--checkpoint", "kem", *words)


def test_the_same_command_gives_the_same_file(measured):
    for name in ("a", "b"):
        assert measured("--limit", 1, "--out", f"{name}.json").code == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("other",), "'other' is unknown"),
        (("--limit", "99"), "holds 2 images, 99 are wanted"),
        (("--out", "."), "is a folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(measured, words, sentence):
    outcome = measured(*words)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.splitlines()) == 1
