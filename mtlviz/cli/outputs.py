"""Files and folders of results: files appear whole and together, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtlviz.errors import OptionError


def check_folder(out: Path, option: str = "--out") -> Path:
    """``out`` itself if results can be written there, so that a long computation does not fail at its end.

    Raises:
        OptionError: if it is a file, lies below a file, or may not be written.
    """
    nearest = _nearest(out)
    if not nearest.is_dir():
        where = "is a file" if nearest == out.absolute() else f"lies below {str(nearest)!r}, which is a file"
        raise OptionError(f"{option} {str(out)!r} {where}; give a folder, which is made if missing.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise OptionError(f"{option} {str(out)!r} cannot be written; choose a folder in which you may write.")
    return out


def check_file(out: Path | None) -> None:
    """Refuse before the computation what could not be written after it.

    Raises:
        OptionError: if a file cannot be made there.
    """
    if out is not None:
        check_folder(out.parent)
        if out.is_dir():
            raise OptionError(f"--out {str(out)!r} is a folder; give the name of a JSON file in it.")


@contextmanager
def written_together(out: Path) -> Iterator[Path]:
    """A temporary folder whose files move into ``out`` when the block ends without an error.

    It lies in ``out`` or its nearest existing parent, so that moving a file is one step on one disk.
    Files of the same name are replaced; other files in ``out`` stay. JSON moves last: where it is, the rest is there.
    """
    partial = Path(tempfile.mkdtemp(prefix=".mtlviz-", dir=_nearest(check_folder(out))))
    try:
        yield partial
        for path in sorted(partial.rglob("*"), key=lambda path: (path.suffix == ".json", path)):
            target = out / path.relative_to(partial)
            if not path.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest parent that exists."""
    path = path.absolute()
    return next(parent for parent in (path, *path.parents) if os.path.lexists(parent))


def write_measured(out: Path | None, kind: str, content: dict[str, Any]) -> None:
    """Write what a command measured, if a file was named."""
    from mtlviz.results import write_result

    if out is not None:
        write_result(out, kind, content)
