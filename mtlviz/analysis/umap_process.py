"""UMAP in processes of its own: the app stays responsive meanwhile, and a map can be stopped at any moment."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mtlviz.analysis.projection import UmapSettings
from mtlviz.analysis.umap_worker import decoded_array, request

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 2
"""Most maps that are computed at a time; others wait."""
KEPT = 32
"""Maps that are remembered."""


@dataclass(frozen=True)
class Progress:
    """How far a map is.

    Attributes:
        stage: what is being done.
        share: of this stage, where it is known.
        seconds: since the start.
    """

    stage: str
    share: float | None
    seconds: float


class UmapJob:
    """One map on its way.

    Attributes:
        digest: names the map.
        result: the coordinates, once they are there.
        problem: a sentence, if it failed.
        stopped: whether it was stopped.
    """

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.result: Float32[np.ndarray, "n A"] | None = None
        self.problem = ""
        self.stopped = False
        self._start = time.monotonic()
        self._stage: tuple[str, float | None] = ("waiting for another map", None)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Neither finished nor failed nor stopped."""
        return self.result is None and not self.problem and not self.stopped

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(*self._stage, time.monotonic() - self._start)

    def stop(self) -> None:
        """End it at once; a map that is finished stays."""
        with self._lock:
            if self.running:
                self.stopped = True
                if self._process is not None:
                    self._process.kill()

    def run_in(self, process: "subprocess.Popen[str]", asked: str) -> None:
        """Let a process compute the map and wait for it.

        Args:
            process: that waits for a request.
            asked: the request.
        """
        with self._lock:
            if self.stopped:
                return
            self._process = process
        try:
            self._talk(process, asked)
        except (OSError, ValueError) as error:
            if not self.stopped:
                self.problem = f"The process that computes UMAP cannot be reached ({error}); try again."
        finally:
            with self._lock:
                self._process = None

    def _talk(self, process: "subprocess.Popen[str]", asked: str) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("it has no pipes")
        self._stage = ("starting", None)
        process.stdin.write(asked + "\n")
        process.stdin.flush()
        for line in process.stdout:
            said = json.loads(line)
            if "stage" in said:
                self._stage = (said["stage"], said["share"])
            elif "error" in said:
                self.problem = said["error"]
                return
            else:
                self.result = decoded_array(said["result"])
                return
        if not self.stopped:
            self.problem = f"The process that computes UMAP ended (code {process.wait()}); try fewer tokens."


class UmapDesk:
    """Where maps are asked for: keeps warm processes and finished maps, and may be shared by any number of threads."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(PROCESSES)
        self._lock = threading.Lock()
        self._warm: list[subprocess.Popen[str]] = []
        self._finished: OrderedDict[str, Float32[np.ndarray, "n A"]] = OrderedDict()

    def found(self, digest: str) -> Float32[np.ndarray, "n A"] | None:
        """A map that is already known."""
        with self._lock:
            if digest in self._finished:
                self._finished.move_to_end(digest)
            return self._finished.get(digest)

    @property
    def warm(self) -> bool:
        """Whether a process waits that has compiled already."""
        with self._lock:
            return any(process.poll() is None for process in self._warm)

    def start(self, points: Float32[np.ndarray, "n P"], settings: UmapSettings) -> UmapJob:
        """Begin a map, and return at once.

        Args:
            points: ``umap_points``.
            settings: of the map.
        """
        job = UmapJob(settings.digest(points))
        job.result = self.found(job.digest)
        if job.result is None:
            threading.Thread(target=self._work, args=(job, request(points, settings)), daemon=True).start()
        return job

    def close(self) -> None:
        """End the processes that wait."""
        with self._lock:
            waiting, self._warm = self._warm, []
        for process in waiting:
            end_process(process)

    def _work(self, job: UmapJob, asked: str) -> None:
        with self._places:
            if job.running:
                process = self._taken()
                job.run_in(process, asked)
                self._put_back(process, usable=job.result is not None)
        if job.result is not None:
            with self._lock:
                self._finished[job.digest] = job.result
                while len(self._finished) > KEPT:
                    self._finished.popitem(last=False)

    def _taken(self) -> "subprocess.Popen[str]":
        with self._lock:
            while self._warm:
                process = self._warm.pop()
                if process.poll() is None:
                    return process
                end_process(process)
        return started_process()

    def _put_back(self, process: "subprocess.Popen[str]", *, usable: bool) -> None:
        with self._lock:
            if usable and process.poll() is None and not self._warm:
                self._warm.append(process)
                return
        end_process(process)


def started_process() -> "subprocess.Popen[str]":
    """A process that waits for its first request."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(  # our own module
        [sys.executable, "-m", "mtlviz.analysis.umap_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def end_process(process: "subprocess.Popen[str]") -> None:
    """End a process and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was still to be written has nowhere to go
                pipe.close()
