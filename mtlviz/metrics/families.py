"""Evaluation protocols of published work: the conventions of all tasks at once, under one name.

Numbers of two families do not belong in one table: they count other pixels, or another quantity of the same name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from mtlviz.errors import OptionError
from mtlviz.metrics.options import (
    ClassOptions,
    DepthOptions,
    EdgeOptions,
    MeterOptions,
    NormalOptions,
    SaliencyOptions,
    is_edge,
)
from mtlviz.tasks import Task

EDGE_TOLERANCE = {"nyud": 0.011, "voc": 0.01, "sbd": 0.02}
"""Share of the diagonal by a word in the name of a data set; 0.0075 elsewhere, PASCAL-Context included."""


@dataclass(frozen=True)
class Family:
    """One protocol.

    Attributes:
        name: what commands call it.
        title: whose protocol it is and on what.
        classes: segmentation; None where the family has no such task, as for all that follow.
        human_parts: human parts.
        depth: depth or disparity.
        normals: surface normals.
        saliency: saliency.
        edge: edges, at the tolerance of PASCAL-Context.
    """

    name: str
    title: str
    classes: ClassOptions | None = None
    human_parts: ClassOptions | None = None
    depth: DepthOptions | None = None
    normals: NormalOptions | None = None
    saliency: SaliencyOptions | None = None
    edge: EdgeOptions | None = None

    def options(self, task: Task, variant: str = "") -> MeterOptions | None:
        """Conventions of a task, or None if the family does not have it.

        Args:
            task: what is scored.
            variant: name of the data set, on which the tolerance of edges depends.
        """
        if task.kind == "classes":
            return self.human_parts if task.name == "human_parts" else self.classes
        if task.kind == "depth":
            return self.depth
        if task.kind == "normals":
            return self.normals
        if not is_edge(task):
            return self.saliency
        tolerance = next((share for word, share in EDGE_TOLERANCE.items() if word in variant.lower()), None)
        return self.edge if self.edge is None or tolerance is None else self.edge.model_copy(
            update={"tolerance": tolerance}
        )  # fmt: skip


_PLAIN = ClassOptions(metrics=("miou",))
_PARTS = ClassOptions(metrics=("miou",), skip_background=True)
_ANGLES = NormalOptions(
    metrics=("mean_angle", "median_angle", "rmse_angle", "within_11.25", "within_22.5", "within_30")
)
_RMSE = DepthOptions(metrics=("rmse", "log_rmse"))
_RELATIVE = DepthOptions(metrics=("rmse", "log_rmse", "abs_err", "abs_rel", "sq_rel"))
_ODS = EdgeOptions(
    metrics=("ods_f", "ois_f", "edge_ap", "bf_score", "edge_bce"), eight_bit=True, thin_truth=False
)  # fmt: skip
_AREA = SaliencyOptions(metrics=("sal_miou", "max_f_image"))
_MAX_F = SaliencyOptions(metrics=("max_f", "sal_miou"))
_SQUASHED = SaliencyOptions(metrics=("max_f_second_sigmoid", "max_f", "sal_miou"))
_MTAN_DEPTH = DepthOptions(metrics=("abs_err", "abs_rel"), pooling="batches")
_MTAN_CLASSES = ClassOptions(absent="nan")
_TO_80 = _RELATIVE.model_copy(update={"cap": 80.0})
_CITY = DepthOptions(
    metrics=("rmse", "log_rmse", "abs_rel", "sq_rel", "delta1", "delta2", "delta3"), clamp=(1e-3, 80.0)
)  # fmt: skip

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("vandenhende", "Vandenhende et al.: NYUD 480x640 (40 classes), PASCAL-Context; saliency by mIoU",
               _PLAIN, _PARTS, _RMSE, _ANGLES, _AREA, _ODS),
        Family("mtformer", "MTFormer, by inference KEM: vandenhende's, true depth of 6.5535 m or more left out",
               _PLAIN, _PARTS, _RMSE.model_copy(update={"cap": 6.5535}), _ANGLES, _AREA, _ODS),
        Family("atrc", "ATRC: NYUD 425x560 padded to 448x576, PASCAL-Context 512x512; saliency by max F",
               _PLAIN, _PARTS, _RELATIVE, _ANGLES, _MAX_F, _ODS),
        Family("invpt", "InvPT: atrc's, with a second sigmoid before saliency is thresholded",
               _PLAIN, _PARTS, _RELATIVE, _ANGLES, _SQUASHED, _ODS),
        Family("taskprompter", "TaskPrompter and MLoRE: invpt's, with true depth in 0 to 80 m only",
               _PLAIN, _PARTS, _TO_80, _ANGLES, _SQUASHED, _ODS),
        Family("mtan", "MTAN: NYUv2 288x384 (13 classes) and Cityscapes; depth errors averaged over batches",
               classes=_MTAN_CLASSES, depth=_MTAN_DEPTH, normals=_ANGLES),
        Family("libmtl", "LibMTL and EMA-Net: mtan's data, with depth errors over pixels",
               classes=_MTAN_CLASSES, depth=DepthOptions(metrics=("abs_err", "abs_rel")), normals=_ANGLES),
        Family("densemtl", "DenseMTL: Cityscapes depth, predictions clamped to 0.001 to 80 m", depth=_CITY),
    )
}  # fmt: skip
"""Every protocol by name."""


def protocol_family(name: str) -> Family:
    """The family of a name.

    Raises:
        OptionError: if there is none.
    """
    if name not in FAMILIES:
        near = get_close_matches(name, FAMILIES, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise OptionError(f"There is no protocol {name!r}{hint}; choose one of {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def family_options(name: str, tasks: Iterable[Task], variant: str = "") -> dict[str, MeterOptions]:
    """Conventions by name of a task; tasks that the family does not have are missing.

    Raises:
        OptionError: if there is no such family.
    """
    family = protocol_family(name)
    found = {task.name: family.options(task, variant) for task in tasks}
    return {name: options for name, options in found.items() if options is not None}
