"""Sets of images: a folder, a zip or several uploads, listed at once and decoded one at a time.

Nothing is ever unpacked to disk and names inside a zip are labels only: no name can reach the file system.
"""

import io
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from mtlviz.data.images import MAX_BYTES, display_name, read_image, starts_like_image
from mtlviz.data.sample import Sample
from mtlviz.errors import ImageError

MAX_IMAGES = 200
MAX_FILES = 10_000
MAX_UNPACKED_BYTES = 2 * 2**30

_SIGNATURE_BYTES = 12
_ENCRYPTED = 0x1
_DAMAGE = (BadZipFile, OSError, EOFError, ValueError, RuntimeError, struct.error, zlib.error)


@dataclass(frozen=True)
class Entry:
    """One file of a set: its label and a reader of at most so many of its first bytes."""

    name: str
    read: Callable[[int], bytes]


@dataclass(frozen=True)
class ImageSet:
    """Images by position; each is decoded when it is read, so that a large set needs the memory of one image.

    Attributes:
        entries: the files that look like images, at most ``limit`` of them, by name.
        notes: one sentence for each kind of file that was left out.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order, no two alike."""
        return tuple(entry.name for entry in self.entries)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.entries)

    def read(self, position: int) -> Sample:
        """Decode one image.

        Raises:
            ImageError: if this image cannot be used; the others still can.
        """
        entry = self.entries[position]
        return read_image(_content(entry, MAX_BYTES + 1), entry.name)


def open_image_set(source: bytes | Path | Sequence[tuple[str, bytes]], limit: int = MAX_IMAGES) -> ImageSet:
    """List the images of a folder (with its sub-folders), a zip or several uploads.

    Files count as images by their first bytes, whatever they are called. Hidden files and links are passed
    over.

    Args:
        source: content of a zip, path of a zip or of a folder, or (name, content) of every upload.
        limit: most images taken; the first by name are.

    Raises:
        ImageError: if there is no such folder or zip, the zip is damaged or would unpack to more than 2 GB,
            or no image is found.
    """
    if isinstance(source, bytes):
        return _listed(_zip_entries(io.BytesIO(source)), limit)
    if not isinstance(source, Path):
        return _listed([_upload(name, content) for name, content in source], limit)
    if source.is_dir():
        return _listed(_folder_entries(source), limit)
    if not source.is_file():
        raise ImageError(f"There is no folder or zip at {str(source)!r}; give the path of one.")
    return _listed(_zip_entries(source), limit)


def _listed(entries: Iterable[Entry], limit: int) -> ImageSet:
    images: list[Entry] = []
    others: list[str] = []
    unreadable: list[str] = []
    notes: list[str] = []
    for seen, entry in enumerate(entries):
        if len(images) == limit or seen == MAX_FILES:
            notes.append(f"Only the first {len(images)} images are used; the rest was not looked at.")
            break
        try:
            found = starts_like_image(_content(entry, _SIGNATURE_BYTES))
        except ImageError:
            unreadable.append(entry.name)
            continue
        if found:
            images.append(entry)
        else:
            others.append(entry.name)
    notes += _left_out(others, "not PNG, JPEG or WebP") + _left_out(unreadable, "damaged or encrypted")
    if not images:
        raise ImageError(" ".join(["No PNG, JPEG or WebP image was found; choose a set that holds some.", *notes]))
    return ImageSet(_with_different_names(images), tuple(notes))


def _left_out(names: Sequence[str], why: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return [f"Left out, because {why}: {shown}."]


def _with_different_names(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    taken: set[str] = set()
    renamed = []
    for entry in entries:
        name, copy = entry.name, 1
        while name in taken:
            copy += 1
            name = f"{entry.name} ({copy})"
        taken.add(name)
        renamed.append(Entry(name, entry.read))
    return tuple(renamed)


def _content(entry: Entry, count: int) -> bytes:
    try:
        return entry.read(count)
    except _DAMAGE as error:
        raise ImageError(f"{entry.name} is damaged, encrypted or unreadable; save it again.") from error


def _upload(name: str, content: bytes) -> Entry:
    return Entry(display_name(name), lambda count: content[:count])


def _folder_entries(folder: Path) -> Iterator[Entry]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield Entry(display_name(name), partial(_first_bytes, path))


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _zip_entries(source: Path | io.BytesIO) -> Iterator[Entry]:
    try:
        archive = ZipFile(source)
    except _DAMAGE as error:
        raise ImageError("This is not a zip that can be read; pack the images again.") from error
    infos = sorted((info for info in archive.infolist() if _is_visible(info)), key=lambda info: info.filename)
    declared = sum(info.file_size for info in infos)
    if declared > MAX_UNPACKED_BYTES or len(infos) > MAX_FILES:
        raise ImageError(
            f"The zip holds {len(infos):,} files, {declared / 2**30:.1f} GB unpacked; at most {MAX_FILES:,} "
            f"files and {MAX_UNPACKED_BYTES // 2**30} GB are allowed, so pack fewer images."
        )
    return (_packed(archive, info) for info in infos)


def _is_visible(info: ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    hidden = any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in parts)
    return not info.is_dir() and not hidden


def _packed(archive: ZipFile, info: ZipInfo) -> Entry:
    """An entry that inflates no more than it is asked for, whatever size the zip declares."""

    def read(count: int) -> bytes:
        # Python bounds the output of stored and deflated entries only; bzip2 and LZMA may explode in one go.
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED) or info.flag_bits & _ENCRYPTED:
            raise BadZipFile(f"{info.filename} is encrypted or packed by method {info.compress_type}")
        with archive.open(info) as file:
            return file.read(count)

    return Entry(display_name(info.filename), read)
