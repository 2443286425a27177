"""One measured figure and the bar it is held to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mtlviz.errors import MtlvizError

Say = Callable[[str], None]
"""Told in one sentence what is being measured."""


class Unavailable(MtlvizError):
    """Something that a measurement needs is not on this machine."""


@dataclass(frozen=True)
class Bar:
    """What a figure must keep to.

    Attributes:
        comparison: between the figure, on the left, and the limit.
        limit: in the unit of the figure.
    """

    comparison: Literal["<=", "<", ">="]
    limit: float

    def holds(self, value: float) -> bool:
        """Whether the figure keeps to the bar; a NaN never does."""
        if self.comparison == ">=":
            return value >= self.limit
        return value < self.limit if self.comparison == "<" else value <= self.limit

    def __str__(self) -> str:
        """E.g. ``>= 12``."""
        return f"{self.comparison} {self.limit:g}"


@dataclass(frozen=True)
class Finding:
    """What a part of the bench found out about one key.

    Attributes:
        key: of the catalogue.
        value: the figure; None where it could not be measured, ``detail["missing"]`` then says why.
        detail: how it came about: single times, bytes, sample sizes.
    """

    key: str
    value: float | None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One figure of the bench.

    Attributes:
        key: its name, the same in every version.
        value: the figure, or None where it could not be measured (``detail["missing"]`` says why).
        unit: of ``value`` and of the bar.
        bar: what it is held to, or None.
        detail: how it came about.
    """

    key: str
    value: float | None
    unit: str
    bar: Bar | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None without a bar or without a figure."""
        return None if self.bar is None or self.value is None else self.bar.holds(self.value)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "value": self.value,
            "unit": self.unit,
            "bar": None if self.bar is None else str(self.bar),
            "holds": self.holds,
            "detail": dict(self.detail),
        }
