"""A training that is killed ends with the same bits, whatever a step depends on, in one process and in two.

By default every pair of a balance, parts of a step, an early stop, partial labels with weights, and drop path occurs;
``pytest -m full`` runs all combinations.
"""

import itertools
import multiprocessing
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.errors import OptionError
from mtlviz.training import loop, state, train
from mtlviz.training.devices import LOCK
from mtlviz.training.locks import FileLock
from tests.models.small_backbones import SWIN, needs_transformers
from tests.training.tiny import same_after_kills, tiny_config

METHODS = ("fixed", "uncertainty", "dwa", "mgda")
SWITCHES: dict[str, dict[str, Any]] = {
    "parts": {"accumulate": 2},
    "stop": {"stop": {"every": 8, "patience": 9, "images": 3}},
    "partial": {"data": {"keep": {"semseg": 0.3}, "sampling": {"rare": "semseg", "labelled": {"semseg": 2.0}}}},
    "drop": {"network": {"encoder": {"backbone": "tiny", "settings": {**SWIN, "drop_path_rate": 0.5}, "out": 8}}},
}
"""By name what a training has besides its balance."""

Row = tuple[str, ...]

EVERY = [
    (method, *itertools.compress(SWITCHES, chosen))
    for method in METHODS
    for chosen in itertools.product((False, True), repeat=len(SWITCHES))
]
PAIRS = [  # an orthogonal array of eight rows
    (METHODS[2 * a + b], *itertools.compress(SWITCHES, (c, a ^ c, b ^ c, a ^ b ^ c)))
    for a, b, c in itertools.product((0, 1), repeat=3)
]
TWICE = [row for row in PAIRS if len(row) > 2]
"""Those that two processes train."""


def test_every_pair_occurs():
    for method, switch, on in itertools.product(METHODS, SWITCHES, (False, True)):
        assert any(row[0] == method and (switch in row) == on for row in PAIRS)
    for first, second in itertools.combinations(SWITCHES, 2):
        assert {(first in row, second in row) for row in PAIRS} == set(itertools.product((False, True), repeat=2))
    assert {row[0] for row in TWICE} == set(METHODS)
    assert {switch for row in TWICE for switch in row[1:]} == set(SWITCHES)


def row_config(rooms: Path, row: Row, **changes: Any) -> Any:
    values: dict[str, Any] = {"balancing": {"method": row[0]}}
    for switch in row[1:]:
        values |= SWITCHES[switch]
    return tiny_config(rooms, **values, **changes)


def needed(row: Row) -> None:
    if row[0] == "mgda":
        pytest.importorskip("torchjd")
    if "drop" in row:
        pytest.importorskip("transformers")


@pytest.mark.parametrize("row", PAIRS, ids="-".join)
def test_a_killed_training_ends_with_the_same_bits(rooms, tmp_path, killed, row):
    needed(row)
    same_after_kills(row_config(rooms, row), tmp_path, killed)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("row", [row for row in EVERY if row not in PAIRS], ids="-".join)
def test_a_killed_training_of_all_other_combinations_ends_with_the_same_bits(rooms, tmp_path, killed, row):
    needed(row)
    same_after_kills(row_config(rooms, row), tmp_path, killed, (2, 6, 7))


@needs_transformers
def test_what_is_random_in_a_step_does_not_depend_on_the_caller_and_leaves_it_alone(rooms, tmp_path):
    config = row_config(rooms, ("fixed", "drop"), budget=8)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        expected = torch.rand(3)
        torch.manual_seed(seed)
        found.append(train(config, tmp_path / str(seed)).read_bytes())
        assert torch.equal(torch.rand(3), expected)
    assert found[0] == found[1]


def test_a_training_that_was_killed_behind_its_early_stop_ends_where_it_ended(rooms, tmp_path, monkeypatch):
    known: dict[bytes, float] = {}
    looks = itertools.chain([1.0, 2.0, 2.0], itertools.repeat(0.5))  # one behind the end would be the best

    def told(network, *_):
        weights = network.encoder.fuse[0].weight.detach().numpy().tobytes()
        if weights not in known:
            known[weights] = next(looks)
        return {"semseg": known[weights]}

    monkeypatch.setattr("mtlviz.training.stopping.held_out_losses", told)
    config = tiny_config(rooms, tasks=["semseg"], stop={"every": 8, "patience": 2}, save_every=8)
    expected = train(config, tmp_path).read_bytes()
    (tmp_path / "weights.safetensors").unlink()
    assert train(config, tmp_path).read_bytes() == expected
    assert len(known) == 3


def dying_in_a_save(rooms: Path, out: Path) -> None:
    """A training that is killed when half of its second state is written."""
    torch.set_num_threads(1)
    whole, saved = torch.save, []

    def half(values: Any, path: Path) -> None:
        whole(values, path)
        saved.append(path)
        if len(saved) == 2:
            os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    state.torch.save = half
    train(tiny_config(rooms), out)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a system without SIGKILL")
def test_a_training_that_is_killed_while_it_writes_goes_on_from_the_state_before(rooms, tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=dying_in_a_save, args=(rooms, tmp_path / "run"))
    process.start()
    process.join(200)
    assert process.exitcode == -signal.SIGKILL
    left = [path.name for path in (tmp_path / "run").glob(".state.pt.*.tmp")]
    assert len(left) == 1
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] == 4
    expected = load_file(train(tiny_config(rooms), tmp_path / "whole"))
    found = load_file(train(tiny_config(rooms), tmp_path / "run"))
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert not list((tmp_path / "run").glob("*.tmp"))


def test_two_trainings_do_not_share_a_folder(rooms, tmp_path, killed):
    config = tiny_config(rooms, budget=8, save_every=4)
    killed(2)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        FileLock(tmp_path / LOCK),
        pytest.raises(OptionError, match=r"^Another training is at work in .*; wait for it, stop it, or choose"),
    ):
        train(config, tmp_path, resume=False)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    killed(None)
    assert train(config, tmp_path).exists()


def work(rank: int, port: int, rooms: Path, out: Path, rows: list[Row], last: int | None) -> None:
    """One of two processes; with ``last`` every training dies in that step, the last one and all processes for good."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": "0", "GROUP_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "kills",
    }  # fmt: skip
    torch.set_num_threads(1)
    step, taken = loop.training_step, []

    def dying(*arguments: Any) -> Any:
        taken.append(1)
        if len(taken) == last:
            if row == rows[-1]:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt
        return step(*arguments)

    for row in rows:
        config = row_config(rooms, row, devices=2)
        if last is not None:
            train(config, out / "whole" / "-".join(row))
            taken.clear()
            loop.training_step = dying
        try:
            train(config, out / "killed" / "-".join(row))
        except KeyboardInterrupt:
            loop.training_step = step


def two_machines(rooms: Path, out: Path, rows: list[Row], last: int | None) -> list[int | None]:
    """Exit codes of two processes that torchrun could have started on two machines with one folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=work, args=(rank, port, rooms, out, rows, last)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(250)
        process.kill()
    return [process.exitcode for process in both]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a system without SIGKILL")
@pytest.mark.timeout(600)
def test_two_killed_processes_end_with_the_same_bits(rooms, tmp_path):
    for row in TWICE:
        needed(row)
    assert set(two_machines(rooms, tmp_path, TWICE, 6)) <= {-signal.SIGKILL, 1}  # whom the other one's death ends
    assert two_machines(rooms, tmp_path, TWICE, None) == [0, 0]
    for row in TWICE:
        expected, found = (load_file(tmp_path / name / "-".join(row) / state.WEIGHTS) for name in ("whole", "killed"))
        assert all(torch.equal(found[name], expected[name]) for name in expected), row
