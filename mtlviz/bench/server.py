"""The app as a person starts it: ``streamlit run app.py`` in a process of its own."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mtlviz
from mtlviz.bench.measurement import Unavailable

ROOT = Path(mtlviz.__file__).resolve().parents[1]
LONGEST_START = 60.0


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        url: its address.
        started: when its process was started, on the clock of ``time.perf_counter``.
        process: its id.
    """

    url: str
    started: float
    process: int

    def processor_seconds(self) -> float:
        """Processor time that it has used; NaN where the system does not tell by file."""
        try:
            fields = Path(f"/proc/{self.process}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return float("nan")
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(checkpoints: Path | None) -> Iterator[Server]:
    """A fresh server on a free port, ended with the block.

    Args:
        checkpoints: folder of the models it offers; None for the shipped ones.

    Raises:
        Unavailable: if the app is not beside the package, or does not start.
    """
    if not (ROOT / "app.py").exists():
        raise Unavailable(f"The app is measured in a clone of the repository; {ROOT} holds no app.py.")
    port = _free_port()
    environment = dict(os.environ) if checkpoints is None else os.environ | {"MTLVIZ_CHECKPOINTS": str(checkpoints)}
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(_command(port), cwd=ROOT, env=environment, stdout=log, stderr=log)  # noqa: S603
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, url)
            yield Server(url, started, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def import_seconds() -> float:
    """Seconds that a new Python takes to import streamlit, torch and plotly, and nothing else."""
    start = time.perf_counter()
    code = "import streamlit, torch, plotly.graph_objects"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)  # noqa: S603
    return time.perf_counter() - start


def _command(port: int) -> list[str]:
    options = {"server.port": port, "server.address": "127.0.0.1", "server.headless": "true",
               "browser.gatherUsageStats": "false"}  # fmt: skip
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", "app.py", *arguments]


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.perf_counter() + LONGEST_START
    while time.perf_counter() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise Unavailable(f"The app did not start within {LONGEST_START:.0f} s; try `streamlit run app.py` to see why.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
