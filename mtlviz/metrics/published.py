"""Published results, as printed: reference rows that stay apart from anything measured here.

Values are in percent for mIoU, saliency and odsF, in metres for depth and in degrees for normals. Rows that were
not read in a source are not here. Compare rows of one protocol family only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mtlviz.metrics.delta_m import delta_m
from mtlviz.metrics.published_rows import BACKBONES_OF_ATRC, MEASURED_THERE, MTFORMER, OTHERWISE, TABLES

Dataset = Literal["nyud", "pascal"]
Read = Literal["in its source", "second-hand"]


@dataclass(frozen=True)
class Published:
    """One method on one data set.

    Attributes:
        method: its name, with what was varied.
        backbone: encoder.
        family: protocol, a name of ``mtlviz.metrics.families``.
        dataset: ``nyud`` (NYUDv2) or ``pascal`` (PASCAL-Context).
        values: by task the printed headline.
        saliency_metric: which of the two is printed as saliency; empty where none is.
        delta_m: printed, in percent; None where none is printed against these baselines.
        baseline: method of the same family, data set and backbone against which it is printed; empty for none.
        source: where the row was read.
        note: what a reader must know; empty for nothing.

    Every number is printed there; what follows from printed ones is ``derived_delta_m`` and no part of a row.
    """

    method: str
    backbone: str
    family: str
    dataset: Dataset
    values: Mapping[str, float]
    saliency_metric: str
    delta_m: float | None
    baseline: str
    source: str
    note: str = ""

    @property
    def read(self) -> Read:
        """Whether those who print the row have measured it, or it was copied there from elsewhere."""
        own = self.method.startswith(MEASURED_THERE.get(self.source, ()))
        return "in its source" if own else "second-hand"


def published() -> list[Published]:
    """All rows, in the order of their tables."""
    return [*_single_tables(), *_mtformer_table(), *_atrc_table()]


def baseline_of(row: Published, rows: list[Published] | None = None) -> Published | None:
    """The row of single-task models that it is compared with, or None."""
    for other in published() if rows is None else rows:
        same = (other.family, other.dataset, other.method) == (row.family, row.dataset, row.baseline)
        if same and set(row.values) <= set(other.values) and row.baseline and _same_backbone(row, other):
            return other
    return None


def derived_delta_m(row: Published) -> float | None:
    """Delta_m in percent from the printed values, None without baseline."""
    base = baseline_of(row)
    return None if base is None else delta_m(row.values, {task: base.values[task] for task in row.values})


def _same_backbone(row: Published, other: Published) -> bool:
    # MTFormer measures every method against its Swin models, whatever encoder the method has.
    return row.family == "mtformer" or row.backbone == other.backbone


def _single_tables() -> list[Published]:
    return [
        Published(method, table.backbone, "vandenhende", table.dataset, dict(zip(table.tasks, values, strict=False)),
                  "sal_miou" if "saliency" in table.tasks else "", gain, table.baseline if gain is not None else "",
                  table.source, note)
        for table in TABLES
        for method, values, gain, note in table.rows
    ]  # fmt: skip


def _mtformer_table() -> list[Published]:
    rows = []
    for method, backbone, source, note, nyud, pascal in MTFORMER:
        for dataset, tasks, (*values, gain), remark in (
            ("nyud", ("semseg", "depth"), nyud, note),
            ("pascal", ("semseg", "human_parts", "saliency"), pascal, "" if method == "KEM" else note),
        ):
            kind: Dataset = "nyud" if dataset == "nyud" else "pascal"
            rows.append(
                Published(
                    method,
                    backbone,
                    "mtformer",
                    kind,
                    dict(zip(tasks, values, strict=True)),
                    "sal_miou" if kind == "pascal" else "",
                    gain,
                    "" if method == "STL" else "STL",
                    source,
                    remark,
                )
            )
    return rows


def _atrc_table() -> list[Published]:
    rows = []
    for method, backbone, source, nyud, pascal, saliency, gain in BACKBONES_OF_ATRC:
        for dataset, tasks, values in (
            ("nyud", ("semseg", "depth", "normals", "edge"), nyud),
            ("pascal", ("semseg", "human_parts", "saliency", "normals", "edge"), pascal),
        ):
            if not values:
                continue
            kind: Dataset = "nyud" if dataset == "nyud" else "pascal"
            printed = gain if kind == "nyud" else None
            rows.append(
                Published(
                    method,
                    backbone,
                    "atrc",
                    kind,
                    dict(zip(tasks, values, strict=False)),
                    saliency if kind == "pascal" else "",
                    printed,
                    "STL" if printed is not None else "",
                    source,
                    OTHERWISE.get(method, ""),
                )
            )
    return rows
