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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the whole matrix out unless it is asked for."""
    if "full" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="run it with -m full"))
