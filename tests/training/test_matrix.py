"""Every interaction trains on every form of data set, in one process and in two.

By default every pair of form and interaction, form and number of processes, interaction and number of processes occurs;
``pytest -m full`` runs the combinations of all three that are left out.
"""

import hashlib
import json
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mtlviz.training import build_network, loop, train
from tests.training.data_sets import MAKERS, make, set_config

INTERACTIONS: dict[str, dict[str, Any]] = {
    "none": {"interaction": "none", "options": {}},
    "kem": {},
    "inducing_points": {"interaction": "kem", "options": {"slots": 4, "picks": None}},
    "stable_kem": {"interaction": "stable_kem", "options": {"slots": 4, "rung": "normalised"}},
    "ctal": {"interaction": "ctal", "options": {"grid": [4, 8]}},
    "cross_attention": {"interaction": "cross_attention", "options": {}},
    "topk_attention": {"interaction": "cross_attention", "options": {"picks": 5}},
    "pair_attention": {"interaction": "pair_attention", "options": {}},
}
"""What becomes of the tiny network."""

Row = tuple[str, str]


EVERY = [(form, name) for form in MAKERS for name in INTERACTIONS]
TWICE = [(list(MAKERS)[place % len(MAKERS)], name) for place, name in enumerate(INTERACTIONS)]
"""Those that two processes train in every run of the tests: each interaction once, each form at least once."""


def test_every_pair_occurs():
    assert {form for form, _ in TWICE} == set(MAKERS)
    assert [name for _, name in TWICE] == list(INTERACTIONS)


@pytest.fixture(scope="module", autouse=True)
def derived(tmp_path_factory):
    """Edges that are derived from a data set are kept here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTLVIZ_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Folders by form."""
    return {form: make(form, tmp_path_factory.mktemp(form)) for form in MAKERS}


def row_config(root, name, devices=1):
    """Two passes over two images."""
    return set_config(root, network=INTERACTIONS[name], devices=devices, data={"val": None})


@pytest.mark.parametrize("row", EVERY, ids="-".join)
def test_two_passes_in_one_process(sets, tmp_path, row):
    form, name = row
    weights = load_file(train(row_config(sets[form], name), tmp_path))
    assert all(tensor.isfinite().all() for tensor in weights.values() if tensor.is_floating_point())
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2]


def work(rank: int, port: int, asked: list[Row], roots: dict[str, Path], out: Path) -> None:
    """One of two processes that train everything asked for, one after the other, and say what they learned."""
    os.environ |= {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "matrix",
    }  # fmt: skip
    torch.set_num_threads(1)
    fit, found = loop._fit, {}

    def kept(config, folder, fabric):
        tensors = fit(config, folder, fabric)
        learned = [name for name, _ in build_network(config).named_parameters()]
        digest = hashlib.sha256(b"".join(tensors[name].numpy().tobytes() for name in learned))
        found[folder.name] = [fabric.world_size, digest.hexdigest()]
        return tensors

    loop._fit = kept
    for form, name in asked:
        train(row_config(roots[form], name, devices=2), out / f"{form}-{name}")
    (out / f"{rank}.json").write_text(json.dumps(found))


def in_two_processes(sets, asked, out):
    """Both processes see every training through and end with the same weights, which are those on disk."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=work, args=(rank, port, asked, sets, out)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(200 if len(asked) <= len(TWICE) else 800)
        process.kill()
    assert [process.exitcode for process in both] == [0, 0]
    first, second = (json.loads((out / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert set(first) == {"-".join(row) for row in asked}
    assert {world for world, _ in first.values()} == {2}
    for name in first:
        weights = load_file(out / name / "weights.safetensors")
        assert all(tensor.isfinite().all() for tensor in weights.values() if tensor.is_floating_point())
        assert len((out / name / "log.jsonl").read_text().splitlines()) == 2


def test_two_passes_in_two_processes(sets, tmp_path):
    in_two_processes(sets, TWICE, tmp_path)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_two_passes_in_two_processes_of_all_the_others(sets, tmp_path):
    in_two_processes(sets, [row for row in EVERY if row not in TWICE], tmp_path)
