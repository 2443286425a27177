"""Training and evaluation."""

from mtlviz.training.config import TrainConfig, parse_config, read_config
from mtlviz.training.evaluate import evaluate_network, evaluate_training
from mtlviz.training.loop import build_network, train

__all__ = [
    "TrainConfig",
    "build_network",
    "evaluate_network",
    "evaluate_training",
    "parse_config",
    "read_config",
    "train",
]
