"""A whole data set read once: what is missing or odd in it."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mtlviz.data.sets.base import DataSet, Finding
from mtlviz.data.sets.catalogue import data_splits, open_data
from mtlviz.data.sets.file_set import FileSet
from mtlviz.errors import DataError


@dataclass(frozen=True)
class SplitReport:
    """What was found in a split.

    Attributes:
        split: its name.
        samples: number of them.
        findings: about its files, missing and unusable ones first.
        problem: why it could not be opened at all, or None.
    """

    split: str
    samples: int
    findings: tuple[Finding, ...]
    problem: str | None = None

    @property
    def serious(self) -> int:
        """Number of files that are missing or cannot be used."""
        return sum(finding.serious for finding in self.findings)


@dataclass(frozen=True)
class Report:
    """What was found in a data set.

    Attributes:
        path: what was asked for.
        variant: form of the first split that could be opened, None if none could.
        title: its title.
        tasks: names of what is labelled.
        splits: one report each.
        notes: sentences about the whole, such as samples in two splits.
    """

    path: Path
    variant: str | None
    title: str | None
    tasks: tuple[str, ...]
    splits: tuple[SplitReport, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every sample can be used."""
        return not any(split.serious or split.problem for split in self.splits)


def validate(path: Path, progress: Callable[[int, int], None] | None = None) -> Report:
    """Read every file of every split.

    Args:
        path: a data set.
        progress: called with (samples read, samples in all).

    Raises:
        DataError: if there is no data set that is known.
    """
    opened: dict[str, DataSet | str] = {split: _opened(path, split) for split in data_splits(path)}
    sets = [found for found in opened.values() if not isinstance(found, str)]
    total, done, reports = sum(map(len, sets)), 0, []
    for split, found in opened.items():
        if isinstance(found, str):
            reports.append(SplitReport(split, 0, (), found))
            continue
        findings: list[Finding] = []
        for index in range(len(found)):
            findings += found.check(index)
            done += 1
            if progress:
                progress(done, total)
        findings += found.strays()
        ordered = dict.fromkeys(sorted(findings, key=lambda finding: not finding.serious))
        reports.append(SplitReport(split, len(found), tuple(ordered)))
    first: DataSet | None = sets[0] if sets else None
    return Report(
        path,
        first.variant if first else None,
        first.title if first else None,
        tuple(task.name for task in first.tasks) if first else (),
        tuple(reports),
        tuple(_notes(sets)),
    )


def _opened(path: Path, split: str) -> DataSet | str:
    try:
        return open_data(path, split)
    except DataError as error:
        return str(error)


def _notes(sets: list[DataSet]) -> Iterator[str]:
    for one in sets:
        if isinstance(one, FileSet) and one.published is not None and one.published != len(one):
            yield f"{one.split} has {len(one):,} samples; {one.published:,} are published."
        twice = [name for name, count in Counter(one.names).items() if count > 1]
        if twice:
            yield f"{one.split} lists {len(twice)} samples more than once, such as {twice[0]}."
        if not one.tasks:
            yield f"{one.split} has no labels; only its images can be used."
    for position, one in enumerate(sets):
        for other in sets[position + 1 :]:
            shared = _shared(one, other)
            if shared:
                yield f"{len(shared)} samples are in {one.split} and in {other.split}, such as {shared[0]}."
    forms = {one.variant for one in sets}
    if len(forms) > 1:
        yield f"The splits are of different forms: {', '.join(sorted(forms))}."


def _shared(one: DataSet, other: DataSet) -> list[str]:
    """Names of samples whose image is the same file in two splits."""
    if not (isinstance(one, FileSet) and isinstance(other, FileSet)):
        return []
    if any("{split}" in pattern for pattern in one.image.patterns):
        return []
    return sorted(set(one.names) & set(other.names))
