"""Interactions between tasks, one a file; importing the package registers all of them."""

from importlib import import_module
from pkgutil import iter_modules

from mtlviz.models.interactions.base import (
    OWN,
    REGISTRY,
    Interaction,
    build_interaction,
    interaction_class,
    interaction_config,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["OWN", "REGISTRY", "Interaction", "build_interaction", "interaction_class", "interaction_config"]
