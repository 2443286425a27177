from pathlib import Path

import pytest

from mtlviz.data.rooms import write_rooms
from mtlviz.training import loop
from tests.training.tiny import Killed


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few small rooms in ``train`` and ``val``."""
    root = tmp_path_factory.mktemp("rooms")
    write_rooms(root / "train", split="train", count=10, size=(32, 64))
    write_rooms(root / "val", split="val", count=5, size=(32, 64))
    return root


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Killed:
    """Call with a number: training dies in that step from now on; with None it lives."""
    step = loop.training_step

    def kill(last: int | None) -> None:
        taken = []

        def dying(*arguments):
            taken.append(1)
            if len(taken) == last:
                raise KeyboardInterrupt
            return step(*arguments)

        monkeypatch.setattr(loop, "training_step", dying)

    return kill


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the whole matrix out unless it is asked for."""
    if "full" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="run it with -m full"))
