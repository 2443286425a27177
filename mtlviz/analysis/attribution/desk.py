"""Attributions in the background."""

from typing import TypeAlias

from mtlviz.analysis.attribution.explain import Attribution
from mtlviz.analysis.desk import Desk, Job, Stopped

AttributionJob: TypeAlias = Job[Attribution]
AttributionDesk: TypeAlias = Desk[Attribution]

__all__ = ["AttributionDesk", "AttributionJob", "Stopped"]
