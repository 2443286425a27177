"""Locks between processes, also on several machines that share a folder."""

import os
import sys
from pathlib import Path
from types import TracebackType

from mtlviz.errors import DataError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """A file that one process at a time holds.

    The system lets go of it when the process ends, however it ends, so that nothing has to be renewed or cleared
    away. The file itself stays: a lock whose file is removed could be held twice.

    Args:
        path: of the file; made if missing, its folder too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Take the lock; whether it is held now, which without ``wait`` another process may prevent.

        Raises:
            DataError: if the file system has no locks.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(opened, wait)
        except BlockingIOError:
            os.close(opened)
            return False
        except OSError as error:
            os.close(opened)
            raise DataError(
                f"{self.path.parent} lies on a file system without locks ({error.strerror}), so processes cannot share "
                "it; choose another folder."
            ) from error
        self._file = opened
        return True

    def release(self) -> None:
        """Let go, if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "FileLock":
        if self._file is None:
            self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":

    def _lock(opened: int, wait: bool) -> None:
        """Lock an open file; BlockingIOError if another process holds it and nobody is to wait."""
        while True:
            try:
                msvcrt.locking(opened, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return
            except OSError as error:  # after ten seconds also where it was to wait
                if not wait:
                    raise BlockingIOError from error

else:

    def _lock(opened: int, wait: bool) -> None:
        """Lock an open file; BlockingIOError if another process holds it and nobody is to wait."""
        fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
