import json
import math
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtlviz.errors import DataError, OptionError, TrainingError
from mtlviz.training import build_network, loop, train
from mtlviz.training.data import Batch, normalised
from mtlviz.training.devices import LOCK
from mtlviz.training.optimiser import Motion, parameter_groups, rate_factor
from tests.training.test_balancing import NEEDED
from tests.training.tiny import same_after_kills, tiny_config


def read_log(out: Path) -> list[dict[str, float]]:
    """The log's entries without the speed."""
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in entry.items() if name != "images_per_second"} for entry in entries]


@pytest.mark.parametrize(
    ("interaction", "options", "kills"),
    [
        ("kem", {}, (2, 6, 7)),  # before the first state, after it, and once more
        ("none", {}, (6,)),
        ("cross_attention", {}, (6,)),
        ("stable_kem", {"rung": "learnable"}, (6,)),
        ("ctal", {"grid": [4, 8]}, (6,)),
        ("pair_attention", {}, (6,)),
    ],
)
def test_a_killed_training_ends_with_the_same_bits(rooms, tmp_path, killed, interaction, options, kills):
    network = {"interaction": interaction, "options": options, "width": 24}
    config = tiny_config(rooms, network=network, data={"keep": {"normals": 0.5}})
    same_after_kills(config, tmp_path, killed, kills)
    logs = [read_log(tmp_path / name) for name in ("whole", "killed")]
    assert [entry["step"] for entry in logs[0]] == [2, 4, 6, 8, 10, 12]
    assert logs[0] == logs[1]


def test_a_finished_training_is_not_repeated_unless_asked(rooms, tmp_path, killed):
    config = tiny_config(rooms, budget=4)
    weights = train(config, tmp_path)
    killed(1)
    assert train(config, tmp_path) == weights
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, resume=False)


def test_a_folder_holds_one_configuration(rooms, tmp_path):
    train(tiny_config(rooms, budget=4), tmp_path)
    train(tiny_config(rooms, budget=4, log_every=7), tmp_path)  # how it is reported may change
    with pytest.raises(OptionError, match="another configuration"):
        train(tiny_config(rooms, budget=8), tmp_path)


def test_a_folder_where_nothing_was_learned_yet_can_be_used_again(rooms, tmp_path):
    with pytest.raises(DataError, match="holds 10 images, 11 are wanted"):
        train(tiny_config(rooms, budget=4, data={"images": 11}), tmp_path)
    train(tiny_config(rooms, budget=4), tmp_path)


def test_only_whole_files_are_left(rooms, tmp_path):
    train(tiny_config(rooms), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != LOCK) == [
        "config.json",
        "log.jsonl",
        "state.pt",
        "weights.safetensors",
    ]


def flip(path, part):
    """Change one byte of a large tensor of the state."""
    state = torch.load(path, weights_only=True)
    moments = [entry["exp_avg"] for entry in state["optimiser"]["state"].values()]
    tensors = list(state["network"].values()) if part == "network" else moments
    stored = max(tensors, key=torch.Tensor.numel).untyped_storage()
    content = bytearray(path.read_bytes())
    content[content.index(bytes(stored)) + 1] ^= 0xFF
    path.write_bytes(content)


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "empty": lambda path: path.write_bytes(b""),
    "of another kind": lambda path: path.write_text("{}"),
    "a byte of the weights": lambda path: flip(path, "network"),
    "a byte of the moments": lambda path: flip(path, "optimiser"),
    "without the optimiser": lambda path: torch.save({"step": 4, "network": {}}, path),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_one_sentence_and_nothing_is_lost(rooms, tmp_path, killed, damage):
    config = tiny_config(rooms)
    killed(6)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path)
    DAMAGES[damage](tmp_path / "state.pt")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    killed(None)
    with pytest.raises(TrainingError, match=r"^\S*state\.pt is damaged.*; restore the file, or delete it.*\.$"):
        train(config, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "state.pt").unlink()
    assert train(config, tmp_path).exists()


@pytest.mark.parametrize("clip", [5.0, None])
def test_a_gradient_that_is_not_finite_stops_before_its_step_and_keeps_the_last_state(
    rooms, tmp_path, monkeypatch, clip
):
    losses, taken = loop.task_losses, []

    def spoiled(*arguments):
        taken.append(1)
        found = losses(*arguments)
        return found if len(taken) < 6 else {**found, "depth": found["depth"] * math.nan}

    config = tiny_config(rooms, optimiser={"warmup": 8, "clip": clip})
    monkeypatch.setattr(loop, "task_losses", spoiled)
    with pytest.raises(TrainingError, match=r"not finite \(nor is the loss of depth\).*lower optimiser\.rate.*\.$"):
        train(config, tmp_path)
    assert not (tmp_path / "weights.safetensors").exists()
    assert [entry["step"] for entry in read_log(tmp_path)] == [2, 4]
    monkeypatch.setattr(loop, "task_losses", losses)
    resumed = load_file(train(config, tmp_path))
    whole = load_file(train(config, tmp_path / "whole"))
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.parametrize("method", ["pcgrad", "mgda", "upgrad"])
def test_a_loss_that_is_not_finite_is_one_sentence_whatever_balances_it(rooms, tmp_path, monkeypatch, method):
    pytest.importorskip(NEEDED.get(method, "torchjd"))
    losses = loop.task_losses

    def spoiled(*arguments):
        found = losses(*arguments)
        return {**found, "depth": found["depth"] * math.nan}

    monkeypatch.setattr(loop, "task_losses", spoiled)
    with pytest.raises(TrainingError, match=r"gradient is not finite \(nor is the loss of depth\)"):
        train(tiny_config(rooms, balancing={"method": method}), tmp_path)


def test_weights_that_are_not_finite_are_not_kept(rooms, tmp_path, monkeypatch):
    config, step, taken = tiny_config(rooms), loop.training_step, []

    def overflowing(objective, *arguments):
        found = step(objective, *arguments)
        taken.append(1)
        if len(taken) == 8:
            objective.network.encoder.fuse[0].weight.data[0] = math.inf
        return found

    monkeypatch.setattr(loop, "training_step", overflowing)
    with pytest.raises(TrainingError, match=r"^encoder\.fuse\.0\.weight is not finite after this step, .* is kept"):
        train(config, tmp_path)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 4
    assert not (tmp_path / "weights.safetensors").exists()


def test_options_of_an_interaction_that_do_not_exist_are_named_with_the_nearest_one(rooms):
    for options, sentence in (
        ({"slot": 3}, r"^Interaction 'kem', option 'slot': there is no such field \(did you mean 'slots'\?\)\.$"),
        ({"slots": 0}, r"^Interaction 'kem', option 'slots': must be at least 1; got 0\.$"),
    ):
        with pytest.raises(OptionError, match=sentence):
            build_network(tiny_config(rooms, network={"options": options}))


def test_an_early_stop_belongs_to_its_held_out_images(rooms, tmp_path):
    stop = {"stop": {"every": 4, "images": 2}}
    train(tiny_config(rooms, budget=4, **stop), tmp_path)
    with pytest.raises(OptionError, match="another configuration"):
        train(tiny_config(rooms, budget=4, **stop, data={"val": "rooms:val"}), tmp_path)
    train(tiny_config(rooms, budget=4), tmp_path / "plain")
    train(tiny_config(rooms, budget=4, data={"val": "rooms:val"}), tmp_path / "plain")  # scores only


def test_without_a_largest_norm_gradients_are_left_as_they_are(rooms, tmp_path):
    free, wide = (tiny_config(rooms, budget=16, optimiser={"warmup": 0, "clip": clip}) for clip in (None, 1e9))
    first, second = (load_file(train(config, tmp_path / str(n))) for n, config in enumerate((free, wide)))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("val", "sentence"), [("missing", "There is no data set at"), ("../val-of-another-day", "There is no data set at")]
)
def test_held_out_rooms_that_are_missing_are_refused_before_the_first_step(rooms, tmp_path, killed, val, sentence):
    killed(1)
    with pytest.raises(DataError, match=sentence):
        train(tiny_config(rooms, data={"val": rooms / val}), tmp_path)


def test_a_log_with_an_unfinished_line_is_gone_on_with(rooms, tmp_path, killed):
    killed(6)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_config(rooms), tmp_path)
    with (tmp_path / "log.jsonl").open("ab") as log:
        log.write(b'{"step": 5, "depth": {}\n{"images"}\n\xff')
    killed(None)
    train(tiny_config(rooms), tmp_path)
    assert [entry["step"] for entry in read_log(tmp_path)] == [2, 4, 6, 8, 10, 12]


def test_training_leaves_torch_as_it_was(rooms, tmp_path):
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train(tiny_config(rooms, budget=4, threads=2), tmp_path)
    assert before == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_training_lowers_the_loss(rooms, tmp_path):
    config = tiny_config(rooms, budget=160, optimiser={"rate": 0.01, "warmup": 0}, data={"letterbox": 0})
    train(config, tmp_path)
    log = read_log(tmp_path)
    assert log[-1]["semseg"] < 0.8 * log[0]["semseg"]
    assert log[-1]["normals"] < 0.8 * log[0]["normals"]


def contiguous(network):
    return {name: tensor.contiguous() for name, tensor in network.state_dict().items()}


def test_the_encoder_starts_from_the_file_and_nothing_else_does(rooms, tmp_path):
    first = build_network(tiny_config(rooms, seed=5, network={"interaction": "none", "options": {}}))
    save_file(contiguous(first), tmp_path / "e.safetensors")
    fresh, started = (build_network(tiny_config(rooms, encoder=e)) for e in (None, tmp_path / "e.safetensors"))
    source = first.state_dict()
    for (name, value), other in zip(started.state_dict().items(), fresh.state_dict().values(), strict=True):
        assert torch.equal(value, source[name] if name.startswith("encoder.") else other)


def test_a_training_names_the_encoder_it_started_from_and_refuses_another(rooms, tmp_path):
    file = tmp_path / "e.safetensors"
    save_file(contiguous(build_network(tiny_config(rooms, seed=3))), file)
    config = tiny_config(rooms, encoder=file, budget=4)
    train(config, tmp_path / "run")
    assert (
        json.loads((tmp_path / "run" / "config.json").read_text())["encoder_sha256"]
        == sha256(file.read_bytes()).hexdigest()
    )
    save_file(contiguous(build_network(tiny_config(rooms, seed=4))), file)
    with pytest.raises(OptionError, match="another configuration"):
        train(config, tmp_path / "run")


def test_the_rest_starts_alike_whatever_the_interaction(rooms):
    networks = [
        build_network(tiny_config(rooms, network={"interaction": name, "options": {}}))
        for name in ("none", "kem", "cross_attention", "stable_kem")
    ]
    for name, value in networks[0].state_dict().items():
        assert all(torch.equal(value, other.state_dict()[name]) for other in networks[1:]), name


def test_an_encoder_that_does_not_fit_is_named(rooms, tmp_path):
    with pytest.raises(OptionError, match="is not a safetensors file"):
        build_network(tiny_config(rooms, encoder=tmp_path / "missing.safetensors"))
    save_file({"encoder.x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(OptionError, match="not of this network's architecture"):
        build_network(tiny_config(rooms, encoder=tmp_path / "other.safetensors"))


def test_a_seed_fixes_the_first_weights(rooms):
    first, again, other = (build_network(tiny_config(rooms, seed=seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("schedule", ["cosine", "poly", "constant"])
def test_the_rate_rises_over_the_warm_up_and_falls_to_zero(rooms, schedule):
    config = tiny_config(rooms, budget=400, optimiser={"warmup": 80, "schedule": schedule})
    factors = [rate_factor(config, step) for step in range(config.steps)]
    assert factors[:3] == pytest.approx([0.05, 0.1, 0.15])
    assert max(factors) <= 1
    assert factors[-1] == pytest.approx(1 if schedule == "constant" else 0, abs=1e-9)
    halfway = {"cosine": 0.5, "poly": 0.5**0.9, "constant": 1}[schedule]
    assert factors[59] == pytest.approx(halfway)
    assert math.isclose(factors[19], 1)


def test_a_cosine_that_restarts_is_that_of_torch(rooms):
    config = tiny_config(rooms, budget=600, optimiser={"warmup": 40, "restart": 80})
    factors = [rate_factor(config, step) for step in range(config.steps)]
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 80 // config.batch, T_mult=2)
    for factor in factors[40 // config.batch - 1 :]:
        assert factor == pytest.approx(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()
    assert factors.count(1) == 4  # the end of the warm-up, and after 80, 240 and 560 images


def test_norms_biases_and_scalars_have_no_weight_decay(rooms):
    network = build_network(tiny_config(rooms))
    ((_, (decayed, free)),) = parameter_groups(network, Motion("adamw", 1.0, 0.05))
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.05, 0)
    assert len(decayed["params"]) + len(free["params"]) == len(list(network.parameters()))
    kept = {id(parameter) for parameter in free["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in kept) == (parameter.ndim <= 1), name


def test_images_are_normalised_and_padding_is_zero():
    images = torch.randint(0, 256, (2, 4, 6, 3), dtype=torch.uint8)
    inside = torch.rand(2, 4, 6) > 0.5
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.1)
    result = normalised(Batch(images, {}, {}, inside), mean, std)
    expected = (images.permute(0, 3, 1, 2) / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(result, expected * inside[:, None])
