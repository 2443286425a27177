"""Results of ``faithfulness`` read back from their files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtlviz.analysis.stability.stored import Intervals
from mtlviz.results import read_form


@dataclass(frozen=True)
class StoredKind:
    """One kind of map of one model.

    Attributes:
        numbers: by measure the mean over images.
        by_task: by reading task the mean rank correlation of map and effect.
        single: by measure one value an image, None where it has none.
    """

    numbers: Intervals
    by_task: Intervals
    single: Mapping[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class StoredModel:
    """One model; without kinds where it has no interaction."""

    name: str
    title: str
    trained: str
    interaction: str
    weights_sha256: str
    kinds: Mapping[str, StoredKind]


@dataclass(frozen=True)
class StoredFaithfulness:
    """A result of the command.

    Attributes:
        images: n.
        seed: of the draws.
        data: which images.
        protocol: what the numbers are.
        device: that it ran on.
        versions: of the libraries.
        models: in the order of the command.
    """

    images: int
    seed: int
    data: str
    protocol: str
    device: str
    versions: Mapping[str, str]
    models: tuple[StoredModel, ...]


def from_plain(content: Mapping[str, Any]) -> StoredFaithfulness:
    """A result from what its JSON holds.

    Raises:
        DataError: if it is not one.
    """
    return read_form(StoredFaithfulness, content, "faithfulness")
