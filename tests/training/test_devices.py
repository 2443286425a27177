"""The devices of a training: what torchrun started is what the configuration says, and all train the same."""

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from mtlviz.errors import OptionError, TrainingError
from mtlviz.training.devices import build_fabric, check_agreement, seed_step
from tests.training.tiny import tiny_config


def torchrun(monkeypatch, processes, local):
    """As if torchrun had started so many processes, ``local`` of them on this machine."""
    monkeypatch.setattr(torch.distributed, "is_torchelastic_launched", lambda: True)
    rank = {"RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}
    sizes = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(local), "MASTER_ADDR": "x", "MASTER_PORT": "1"}
    for name, value in (rank | sizes).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("local", "machines"), [(4, 1), (2, 2), (1, 4)])
def test_processes_of_several_machines_are_one_training(rooms, monkeypatch, local, machines):
    torchrun(monkeypatch, 4, local)
    strategy = build_fabric(tiny_config(rooms, devices=4)).strategy
    assert isinstance(strategy, DDPStrategy)
    assert (strategy.num_processes, strategy.num_nodes, strategy.world_size) == (local, machines, 4)


def test_another_number_of_processes_than_configured_is_refused(rooms, monkeypatch):
    torchrun(monkeypatch, 2, 2)
    with pytest.raises(OptionError, match=r"^devices is 1, but torchrun started 2 processes; give the same\.$"):
        build_fabric(tiny_config(rooms))


@pytest.mark.skipif(torch.cuda.is_available(), reason="a machine without GPU")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"accelerator": "cuda"}, r"^There is no accelerator 'cuda' with devices: 1 on this machine; choose .*auto\.$"),
        ({"precision": "16-mixed"}, r"^precision 16-mixed needs accelerator cuda; on cpu choose bf16-mixed or 32-true"),
        ({"precision": "16-mixed", "accelerator": "auto"}, r"^precision 16-mixed needs accelerator cuda"),
    ],
)
def test_what_the_machine_does_not_have_is_named(rooms, changes, sentence):
    with pytest.raises(OptionError, match=sentence):
        build_fabric(tiny_config(rooms, **changes))


@pytest.mark.parametrize(
    ("change", "step", "sentence"),
    [
        ({"seed": 1}, 4, "Process 1 has another configuration than the first one; give all processes the same file"),
        ({}, 0, r"Process 1 has another last state \(step 0, not 4\) than the first one; .*a folder that their mach"),
    ],
)
def test_processes_that_would_not_train_the_same_are_refused(rooms, monkeypatch, change, step, sentence):
    first = (tiny_config(rooms).model_dump_json(), 4)
    monkeypatch.setattr(Fabric, "broadcast", lambda *_: first)
    monkeypatch.setattr(Fabric, "global_rank", 1)
    fabric = Fabric(accelerator="cpu")
    check_agreement(fabric, tiny_config(rooms), 4)
    with pytest.raises(TrainingError, match=sentence):
        check_agreement(fabric, tiny_config(rooms, **change), step)


def test_what_a_step_draws_depends_on_seed_step_and_process(rooms):
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for seed, step, rank in ((0, 1, 0), (0, 1, 0), (0, 1, 1), (0, 2, 0), (1, 1, 0)):
            seed_step(tiny_config(rooms, seed=seed), step, rank)
            drawn.append(float(torch.rand(())))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 4
