"""The numbers of ``mtlviz.metrics.published``, table by table as their sources print them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Table:
    """Rows of (method, values in the order of the tasks, Delta_m, note)."""

    dataset: Literal["nyud", "pascal"]
    backbone: str
    source: str
    baseline: str
    tasks: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float, ...], float | None, str], ...]


_REPOSITORY = "former README of Multi-Task-Learning-PyTorch (Vandenhende et al.)"
_SURVEY = "Vandenhende et al., survey of multi-task learning for dense prediction, by a public digest"
_MTFORMER = "MTFormer (ECCV 2022), tables 9 and 10"
_KEM = "SGW-based Multi-Task Learning in Vision Tasks (ACCV 2024), by public summaries; protocol inferred"
_DIGEST = "a public digest"
_UNTRUNCATED = "copied into MTFormer's table from its own paper: depth over all pixels, own encoder"

TABLES = (
    Table("nyud", "HRNet-18", _REPOSITORY, "STL", ("semseg", "depth"), (
        ("STL", (34.5, 0.610), None, ""),
        ("MTL", (33.9, 0.610), -0.75, ""),
        ("PAD-Net", (35.4, 0.614), 1.13, ""),
        ("PAD-Net + edges, normals", (35.5, 0.593), 2.90, ""),
        ("MTI-Net", (36.2, 0.563), 6.36, ""),
        ("MTI-Net + edges, normals", (37.6, 0.539), 10.32, ""),
    )),
    Table("nyud", "HRNet-18", _SURVEY, "", ("semseg", "depth"), (("MTI-Net (survey)", (38.6, 0.593), None, ""),)),
    Table("nyud", "ResNet-50", _SURVEY, "STL", ("semseg", "depth"), (
        ("STL", (43.9, 0.585), None, ""),
        ("MTL", (44.4, 0.587), 0.41, ""),
        ("MTAN", (45.0, 0.584), 1.32, ""),
        ("Cross-Stitch", (44.2, 0.570), 1.61, ""),
        ("NDDR", (44.2, 0.573), 1.38, ""),
        ("JTRL", (46.4, 0.501), None, ""),
        ("PAP", (50.4, 0.530), None, ""),
        ("PAD-Net", (50.2, 0.582), None, ""),
    )),
    Table("pascal", "HRNet-18", _REPOSITORY, "STL", ("semseg", "human_parts", "saliency", "edge", "normals"), (
        ("STL", (59.4, 60.3, 67.0, 69.2, 14.6), None, ""),
        ("MTL", (55.4, 59.4, 65.4, 71.6, 15.0), -1.98, ""),
        ("PAD-Net, three tasks", (52.7, 60.5, 66.0), None, ""),
        ("MTI-Net", (62.8, 62.2, 67.4, 73.0, 14.8), 2.72, ""),
        ("MTI-Net, three tasks", (63.1, 62.1, 67.2), 3.20, ""),
    )),
)  # fmt: skip

MTFORMER: tuple[tuple[str, str, str, str, tuple[float, ...], tuple[float, ...]], ...] = (
    ("STL", "Swin-S", _MTFORMER, "", (47.96, 0.497, 0.0), (71.17, 63.90, 66.71, 0.0)),
    ("ASTMT", "own", _MTFORMER, _UNTRUNCATED, (42.16, 0.570, -13.39), (68.00, 61.12, 66.10, -3.24)),
    ("Cross-stitch", "own", _MTFORMER, _UNTRUNCATED, (41.01, 0.538, -11.37), (63.28, 60.21, 65.13, -6.41)),
    ("NDDR-CNN", "own", _MTFORMER, _UNTRUNCATED, (40.88, 0.536, -11.30), (63.22, 56.12, 65.16, -8.56)),
    ("MTAN (MTL-A)", "own", _MTFORMER, _UNTRUNCATED, (42.03, 0.519, -8.40), (61.55, 58.89, 64.96, -7.99)),
    ("RCM (Repara)", "own", _MTFORMER, _UNTRUNCATED, (43.22, 0.521, -7.36), (56.63, 55.85, 59.32, -14.70)),
    ("PAD-Net", "own", _MTFORMER, _UNTRUNCATED, (50.20, 0.582, -6.22), (60.12, 60.70, 67.20, -6.60)),
    ("ATRC (ERC)", "own", _MTFORMER, _UNTRUNCATED, (46.33, 0.536, -5.62), (62.69, 59.42, 67.94, -5.70)),
    ("MTI-Net", "own", _MTFORMER, _UNTRUNCATED, (49.00, 0.529, -2.14), (64.98, 62.90, 67.84, -2.86)),
    ("MTFormer without attention and contrast", "Swin-S", _MTFORMER, "",
     (50.04, 0.490, 2.87), (73.52, 64.26, 67.24, 1.55)),
    ("MTFormer without contrast", "Swin-S", _MTFORMER, "", (50.31, 0.486, 3.56), (73.77, 64.47, 67.49, 1.91)),
    ("MTFormer", "Swin-S", _MTFORMER, "", (50.56, 0.483, 4.12), (74.15, 64.89, 67.71, 2.41)),
    ("KEM", "Swin-S", _KEM,
     "inconsistent: +3.78 is reported, the printed values give +4.05 against MTFormer's STL; no hard target",
     (49.63, 0.474, 3.78), (73.60, 64.94, 67.82, 2.24)),
)  # fmt: skip
"""Method, backbone, source, note, NYUD (seg, depth, Delta_m), PASCAL (seg, parts, saliency, Delta_m)."""

_INVPT, _PRISM, _M2H = "README of InvPT", "PRISM (ICML 2026)", "M2H"
_OWN = "its own paper or README"
_NONE: tuple[float, ...] = ()
_Row = tuple[str, str, str, tuple[float, ...], tuple[float, ...], str, float | None]

BACKBONES_OF_ATRC: tuple[_Row, ...] = (
    ("ATRC", "HRNet-48", _INVPT, (46.33, 0.5363, 20.18, 77.94), (67.67, 62.93, 82.29, 14.24, 72.42), "max_f", None),
    ("DeMT", "HRNet-18", _OWN, (39.18, 0.5922, 20.21, 76.4), (59.23, 57.93, 83.93, 14.02, 69.8), "max_f", None),
    ("DeMT", "Swin-T", _OWN, (46.36, 0.5871, 20.60, 76.9), (69.71, 57.18, 82.63, 14.56, 71.2), "max_f", None),
    ("DeMT", "Swin-S", _OWN, (51.5, 0.5474, 20.02, 78.1), (72.01, 58.96, 83.20, 14.57, 72.1), "max_f", None),
    ("DeMT", "Swin-B", _OWN, (54.34, 0.5209, 19.21, 78.5), (75.33, 63.11, 83.42, 14.54, 73.2), "max_f", None),
    ("DeMT", "Swin-L", _OWN, (56.94, 0.5007, 19.14, 78.8), _NONE, "", None),
    ("PGT", "Swin-T", _OWN, (41.61, 0.5900, 20.06, 77.05), (67.58, 62.58, 65.59, 13.95, 73.93), "sal_miou", None),
    ("PGT", "Swin-S", _OWN, (46.43, 0.5468, 19.24, 78.04), (73.66, 67.35, 66.57, 13.71, 75.63), "sal_miou", None),
    ("PGT", "Swin-B", _OWN, (47.42, 0.5502, 19.12, 78.28), _NONE, "", None),
    ("TIT", "Swin-T", _OWN, (41.36, 0.5925, 19.68, 77.30), (70.04, 62.68, 66.14, 14.43, 73.91), "sal_miou", None),
    ("STL", "ViT-B", _PRISM, (51.15, 0.5792, 19.77, 77.35), (80.25, 70.54, 84.54, 13.57, 74.22), "max_f", None),
    ("MTL", "ViT-B", _PRISM, (49.27, 0.5823, 19.92, 75.88), (76.76, 65.26, 84.39, 13.98, 70.37), "max_f", None),
    ("InvPT", "ViT-B", _PRISM, (50.30, 0.5367, 19.00, 77.60), (77.33, 66.62, 85.14, 13.78, 73.20), "max_f", None),
    ("InvPT++", "ViT-B", _PRISM, (49.79, 0.5318, 18.90, 77.10), (76.95, 66.89, 85.12, 13.54, 73.30), "max_f", None),
    ("InvPT", "ViT-L", _INVPT, (53.56, 0.5183, 19.04, 78.10), (79.03, 67.61, 84.81, 14.15, 73.00), "max_f", None),
    ("InvPT (its authors' second run)", "ViT-L", _INVPT,
     (53.65, 0.5083, 18.68, 77.80), (79.91, 68.54, 84.38, 13.90, 72.90), "max_f", None),
    ("TaskPrompter", "ViT-B", _OWN, (50.40, 0.5402, 18.91, 77.60), _NONE, "", None),
    ("TaskPrompter", "ViT-L", _OWN, (55.90, 0.5062, 18.58, 77.70), (80.79, 68.81, 84.26, 13.58, 73.80), "max_f", None),
    ("TaskPrompter (paper)", "ViT-L", _OWN, (55.30, 0.5152), _NONE, "", None),
    ("TaskExpert", "ViT-B", _PRISM, _NONE, (78.45, 67.38, 84.96, 13.55, 72.30), "max_f", None),
    ("BridgeNet", "ViT-B", _PRISM, (51.14, 0.5186, 18.92, 77.98), (77.98, 68.19, 85.06, 13.48, 72.98), "max_f", None),
    ("ECS", "ViT-B", _PRISM, (50.46, 0.5332, 18.42, 77.89), _NONE, "", None),
    ("TSP", "ViT-B", _PRISM, (51.22, 0.5301, 18.78, 76.90), _NONE, "", None),
    ("SEM", "ViT-B", _PRISM, (51.34, 0.5222, 18.95, 77.60), _NONE, "", None),
    ("MLoRE", "ViT-B", _OWN, _NONE, (79.26, 67.82, 85.31, 13.65, 74.69), "max_f", None),
    ("MLoRE", "ViT-L", _OWN, (55.96, 0.5076, 18.33, 78.43), (81.41, 70.52, 84.90, 13.51, 75.42), "max_f", None),
    ("DTME-MTL on InvPT", "not stated", _DIGEST, (54.38, 0.5020), _NONE, "", None),
    ("DTME-MTL on TaskPrompter", "not stated", _DIGEST, (56.36, 0.5122), _NONE, "", None),
    ("MTMamba++", "Swin-L", _M2H, (57.01, 0.4818, 18.27, 79.40), _NONE, "", None),
    ("SwinMTL", "not stated", _M2H, (58.14, 0.5179), _NONE, "", None),
    ("SAK", "ViT-B", _PRISM, (59.93, 0.4942, 17.60, 78.60), (81.88, 74.30, 84.79, 14.02, 74.09), "max_f", None),
    ("SAK", "ViT-L", _PRISM, _NONE, (84.01, 76.99, 84.65, 13.82, 76.27), "max_f", None),
    ("PRISM", "ViT-B", _PRISM, (60.22, 0.4883, 17.81, 76.59), (82.20, 75.34, 84.81, 13.47, 75.92), "max_f", 10.59),
    ("PRISM", "ViT-L", _PRISM, _NONE, (84.34, 77.83, 84.67, 13.43, 76.23), "max_f", None),
)  # fmt: skip
"""Method, backbone, source, NYUD (seg, depth, normals, odsF), PASCAL (seg, parts, saliency, normals, odsF), which
saliency, Delta_m on NYUD."""

_SQUASHED = "a second sigmoid before saliency is thresholded"
_SUPPRESSED = "non-maximum suppression of predicted edges before odsF"
OTHERWISE = {
    **dict.fromkeys(("InvPT", "InvPT (its authors' second run)", "TaskPrompter", "TaskPrompter (paper)", "MLoRE"),
                    _SQUASHED),
    **dict.fromkeys(("SAK", "PRISM"), _SUPPRESSED),
}  # fmt: skip
"""By method of the last table where its own code is known to differ from ATRC's evaluation."""

MEASURED_THERE = {
    _REPOSITORY: ("STL", "MTL", "PAD-Net", "MTI-Net"),
    _MTFORMER: ("STL", "MTFormer"),
    _OWN: ("DeMT", "PGT", "TIT", "TaskPrompter", "MLoRE"),
    _INVPT: ("InvPT",),
    _PRISM: ("STL", "MTL", "PRISM"),
}
"""By source how the methods begin that its authors ran themselves; all other rows of it are copies of copies."""
