from pathlib import Path

import pytest

from mtlviz.data.rooms import write_rooms


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few small rooms in ``train`` and ``val``."""
    root = tmp_path_factory.mktemp("rooms")
    write_rooms(root / "train", split="train", count=10, size=(32, 64))
    write_rooms(root / "val", split="val", count=5, size=(32, 64))
    return root
