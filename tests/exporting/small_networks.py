"""Every shipped way of sharing on a very small network."""

import torch

from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS

SIZE = (64, 96)
TINY = EncoderConfig(widths=(4, 6, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8)
NORMED = {"pre_norm": True, "temperature": True}
SHIPPED = {
    "none": ("none", {}),
    "kem": ("kem", NORMED),
    "skem": ("stable_kem", {"rung": "collapse", **NORMED}),
    "cross_attention": ("cross_attention", NORMED),
    "ctal": ("ctal", {"grid": (8, 12)}),
    "topk_attention": ("cross_attention", {"picks": 60, **NORMED}),
    "inducing_points": ("kem", {"picks": None, **NORMED}),
}


def small_network(name: str, tasks=("semseg", "depth", "normals", "edge")) -> MultiTaskNetwork:
    interaction, options = SHIPPED[name]
    torch.manual_seed(0)
    config = NetworkConfig(
        encoder=TINY, width=24, task_convolutions=0, decoder_widths=(8, 8), interaction=interaction, options=options
    )
    network = MultiTaskNetwork(config, [TASKS[task] for task in tasks]).eval().requires_grad_(False)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):  # statistics as after a training, not the identity's
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 1.5)
    return network
