"""A data set of one file a sample and task, described by where the files lie and how each is read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from mtlviz.data.sample import Intrinsics, Sample
from mtlviz.data.sets.base import BadFile, Finding, positions
from mtlviz.data.sets.files import read_picture
from mtlviz.data.sets.labels import Label, no_label, resized
from mtlviz.tasks import Task


@dataclass(frozen=True)
class Source:
    """Where one file of every sample lies.

    Attributes:
        patterns: paths inside the data set with ``{split}`` and ``{id}``; the first that exists is taken.
    """

    patterns: tuple[str, ...]

    def path(self, root: Path, split: str, name: str) -> Path:
        """The file of a sample, or where it is missed."""
        paths = [root / _filled(pattern, split, name) for pattern in self.patterns]
        return next((path for path in paths if path.is_file()), paths[0])

    def names(self, root: Path, split: str) -> set[str]:
        """Names of all samples that have such a file."""
        return {name for pattern in self.patterns for name in _found(root, pattern.replace("{split}", split))}


def _filled(pattern: str, split: str, name: str) -> str:
    return pattern.replace("{split}", split).replace("{id}", name)


def _found(root: Path, pattern: str) -> Iterator[str]:
    """What ``{id}`` stands for in the files that are there; it may hold one slash for a folder below."""
    before, after = pattern.split("{id}")
    folder, start = root / PurePosixPath(before + "x").parent, PurePosixPath(before + "x").name[:-1]
    for depth in ("*", "*/*"):
        for path in folder.glob(f"{depth}{after}"):
            name = path.relative_to(folder).as_posix()
            if name.startswith(start) and path.is_file() and not path.name.startswith("."):
                yield name[len(start) : len(name) - len(after)]


@dataclass(frozen=True)
class Layer:
    """The labels of one task.

    Attributes:
        task: what is labelled.
        sources: the files that a label is made of, the one named in messages first.
        read: takes one path for each source; its ``ValueError`` goes on from the file's name.
        optional: an image may have no label; without this, a missing file is an error.
    """

    task: Task
    sources: tuple[Source, ...]
    read: Callable[..., Label]
    optional: bool = False


@dataclass(frozen=True)
class FileSet:
    """A data set of one file a sample and task, see ``DataSet``.

    Attributes:
        root: its folder.
        image: where the images lie.
        layers: the labels.
        read_image: makes ``(H, W, 3)`` uint8 of an image's path.
        camera: the camera of all images, where the file of each lies, or None.
        read_camera: makes a camera of such a file.
        size: (height, width) that every image should have, or None.
        published: number of samples that the published split has, or None.
        whole: every label file belongs to a sample of some split.
    """

    variant: str
    title: str
    root: Path
    split: str
    splits: tuple[str, ...]
    names: tuple[str, ...]
    image: Source
    layers: tuple[Layer, ...]
    read_image: Callable[[Path], np.ndarray] = read_picture
    camera: Intrinsics | Source | None = None
    read_camera: Callable[[Path], Intrinsics] | None = None
    size: tuple[int, int] | None = None
    published: int | None = None
    whole: bool = True

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is labelled."""
        return tuple(layer.task for layer in self.layers)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """A sample with all labels at the size of its image.

        Raises:
            BadFile: naming the file that is missing or cannot be used.
        """
        name = self.names[index]
        image = self._picture(name)
        size = (image.shape[0], image.shape[1])
        labels = {layer.task.name: self._label(layer, name, size) for layer in self.layers}
        return Sample(
            image,
            name,
            {task: label.values for task, label in labels.items()},
            {task: label.valid for task, label in labels.items()},
            intrinsics=self._camera(name),
        )

    def only(self, tasks: Sequence[str]) -> "FileSet":
        """The same samples with these tasks alone, so that no other file is read.

        Raises:
            DataError: if a task is not labelled here.
        """
        return replace(self, layers=tuple(self.layers[position] for position in positions(self.tasks, tasks)))

    def files(self, index: int) -> tuple[Path, ...]:
        """What a sample is read from, whether it is there or not."""
        cameras = (self.camera,) if isinstance(self.camera, Source) else ()
        sources = dict.fromkeys((self.image, *(source for layer in self.layers for source in layer.sources), *cameras))
        return tuple(source.path(self.root, self.split, self.names[index]) for source in sources)

    def check(self, index: int) -> Iterator[Finding]:
        """Read every file of a sample and say what is missing or odd."""
        name, size = self.names[index], self.size
        try:
            image = self._picture(name)
        except BadFile as error:
            yield self._finding(error)
        else:
            found = (image.shape[0], image.shape[1])
            if size is not None and found != size:
                said = "is {}x{}; {}x{} is usual here".format(*found, *size)
                yield Finding(self._inside(self.image.path(self.root, self.split, name)), said, False)
            size = found
        for layer in self.layers:
            path = layer.sources[0].path(self.root, self.split, name)
            try:
                label = self._label(layer, name, size)
            except BadFile as error:
                yield self._finding(error)
                continue
            yield from (Finding(self._inside(path), remark, False) for remark in label.remarks)
        try:
            self._camera(name)
        except BadFile as error:
            yield self._finding(error)

    def strays(self) -> Iterator[Finding]:
        """Label files of this split that belong to no image."""
        if self.whole:
            images = self.image.names(self.root, self.split) | set(self.names)
            for source in {source: None for layer in self.layers for source in layer.sources[:1]}:
                for name in sorted(source.names(self.root, self.split) - images):
                    path = source.path(self.root, self.split, name)
                    yield Finding(self._inside(path), "belongs to no image", False)

    def _picture(self, name: str) -> np.ndarray:
        path = self._present(self.image, name)
        try:
            return self.read_image(path)
        except ValueError as error:
            raise BadFile(path, str(error)) from error

    def _label(self, layer: Layer, name: str, size: tuple[int, int] | None) -> Label:
        if layer.optional and not layer.sources[0].path(self.root, self.split, name).is_file():
            return no_label(layer.task, size or (1, 1))
        paths = [self._present(source, name) for source in layer.sources]
        try:
            label = layer.read(*paths)
            return label if size is None else resized(label, size)
        except ValueError as error:
            raise BadFile(paths[0], str(error)) from error

    def _camera(self, name: str) -> Intrinsics | None:
        if not isinstance(self.camera, Source) or self.read_camera is None:
            return self.camera if isinstance(self.camera, Intrinsics) else None
        path = self._present(self.camera, name)
        try:
            return self.read_camera(path)
        except ValueError as error:
            raise BadFile(path, str(error)) from error

    def _present(self, source: Source, name: str) -> Path:
        path = source.path(self.root, self.split, name)
        if not path.is_file():
            raise BadFile(path, "is missing; 'validate-dataset' lists every such file")
        return path

    def _inside(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _finding(self, error: BadFile) -> Finding:
        return Finding(self._inside(error.file), error.says, True)
