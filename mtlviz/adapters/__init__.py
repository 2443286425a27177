"""Networks that are not ours: what an adapter gives, where adapters come from, and what is checked of them."""

from mtlviz.adapters.base import Adapter
from mtlviz.cards import Capabilities, ModelCard, OwnArchitecture
from mtlviz.prepared import Prepared

__all__ = ["Adapter", "Capabilities", "ModelCard", "OwnArchitecture", "Prepared"]
