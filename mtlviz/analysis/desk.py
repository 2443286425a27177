"""Work in the background, one piece at a time for all sessions, with progress and a stop; answers are remembered."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from mtlviz.errors import MtlvizError

KEPT = 64
"""Answers that are remembered."""
_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")
Tick: TypeAlias = Callable[[int], None]
"""Takes how many passes were made since the last call."""
Work: TypeAlias = Callable[[Tick], Answer]


class Stopped(Exception):
    """Somebody pressed stop."""


class Job(Generic[Answer]):
    """One answer on its way.

    Attributes:
        digest: names the answer.
        total: passes that it takes at most.
        done: passes so far.
        result: once it is there.
        problem: a sentence, if it failed.
        stopped: whether it was stopped.
    """

    def __init__(self, digest: str, total: int) -> None:
        self.digest, self.total, self.done = digest, max(total, 1), 0
        self.result: Answer | None = None
        self.problem, self.stopped, self.waiting = "", False, True
        self._start = time.monotonic()

    @property
    def running(self) -> bool:
        """Neither finished nor failed nor stopped."""
        return self.result is None and not self.problem and not self.stopped

    @property
    def share(self) -> float:
        """Of the passes."""
        return min(1.0, self.done / self.total)

    @property
    def seconds(self) -> float:
        """Since it was asked for."""
        return time.monotonic() - self._start

    def stop(self) -> None:
        """End it before its next pass; a finished one stays."""
        if self.running:
            self.stopped = True

    def tick(self, images: int) -> None:
        """Count a pass, or end here if somebody stopped."""
        if self.stopped:
            raise Stopped
        self.done += images


class Desk(Generic[Answer]):
    """Where answers are asked for; may be shared by any number of threads."""

    def __init__(self) -> None:
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._finished: OrderedDict[str, Answer] = OrderedDict()

    def found(self, digest: str) -> Answer | None:
        """An answer that is known already."""
        with self._lock:
            if digest in self._finished:
                self._finished.move_to_end(digest)
            return self._finished.get(digest)

    def keep(self, digest: str, answer: Answer) -> None:
        """Remember an answer."""
        with self._lock:
            self._finished[digest] = answer
            while len(self._finished) > KEPT:
                self._finished.popitem(last=False)

    def start(self, digest: str, total: int, work: Work[Answer]) -> Job[Answer]:
        """Begin, and return at once.

        Args:
            digest: names the answer.
            total: passes that it takes at most.
            work: computes the answer; is given what to tell about its passes.
        """
        job: Job[Answer] = Job(digest, total)
        job.result = self.found(digest)
        if job.result is None:
            threading.Thread(target=self._work, args=(job, work), daemon=True).start()
        return job

    def _work(self, job: Job[Answer], work: Work[Answer]) -> None:
        with self._turn:
            job.waiting = False
            try:
                job.tick(0)
                answer = work(job.tick)
            except Stopped:
                return
            except MtlvizError as error:
                job.problem = str(error)
                return
            except Exception:
                _LOG.exception("work in the background failed")
                job.problem = "The computation ran into a problem of its own; the server's log says where."
                return
            self.keep(job.digest, answer)
            job.result = answer
