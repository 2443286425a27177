"""The command line as a process of its own: exit codes, help without torch, interrupts."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtlviz.cli import app

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [command.callback.__name__.replace("_", "-") for command in app.registered_commands]


def start(*words: object, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *map(str, words)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        **{"env": {**os.environ, "PYTHONWARNINGS": "ignore"}, **options},
    )  # fmt: skip


def test_help_is_there_without_torch():
    code = (
        "import runpy, sys; sys.argv = ['mtlviz', '--help']\n"
        "try: runpy.run_module('mtlviz', run_name='__main__')\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'torch', 'plotly', 'streamlit', 'scipy', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    process = start("-c", code)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example_and_json(cli, name):
    outcome = cli(name, "--help")
    assert outcome.code == 0
    text = re.sub(r"\s+", " ", outcome.out)
    assert f"Example: python -m mtlviz {name}" in text
    assert "--json" in text


def test_no_words_ask_for_help(cli):
    outcome = cli()
    assert outcome.code == 0
    assert "Usage" in outcome.out


def test_a_process_ends_with_2_and_one_sentence():
    process = start("-m", "mtlviz", "predict", "gone.png", "--out", "never", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert json.loads(out.splitlines()[-1]) == {"error": err.strip()}
    assert not (ROOT / "never").exists()


def test_a_stream_that_is_not_utf8_gets_all_it_can_hold():
    ascii_only = {"env": {**os.environ, "PYTHONIOENCODING": "ascii:strict"}}
    process = start("-m", "mtlviz", "results", **ascii_only)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "?" in out  # where UTF-8 has ±
    process = start("-m", "mtlviz", "predict", "ö.png", "--out", "never", "--json", **ascii_only)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "ö.png" in json.loads(out.splitlines()[-1])["error"]


def test_a_reader_that_stops_early_ends_a_command_without_a_traceback():
    process = start("-m", "mtlviz", "results")
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_control_c_ends_with_130_and_leaves_whole_files(tmp_path):
    process = start(
        "-m", "mtlviz", "rooms", "--out", tmp_path / "r", "--count", 5000, "--workers", 1, start_new_session=True
    )
    deadline = time.monotonic() + 150
    while not list(tmp_path.glob("r/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert {path.suffix for path in (tmp_path / "r").iterdir()} == {".json", ".npz"}
