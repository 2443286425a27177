"""Trainings on every form of data set: what the network learns is what the data set has."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from mtlviz.checkpoints import load_checkpoint
from mtlviz.data.rooms import Rooms
from mtlviz.data.rooms.labels import boundaries
from mtlviz.data.sets import open_data
from mtlviz.data.transforms import Augmentation, augment
from mtlviz.errors import DataError, OptionError
from mtlviz.tasks import TASKS as ROOM_TASKS
from mtlviz.training import build_network, train
from mtlviz.training.data import TrainingStream, stream_index
from mtlviz.training.publish import publish
from mtlviz.training.sources import training_images, with_tasks
from tests.training.data_sets import MAKERS, TASKS, make, plain_config, set_config
from tests.training.tiny import same_after_kills, tiny_config

NONE = {"interaction": "none", "options": {}}


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


def test_rooms_are_varied_as_they_always_were(rooms):
    config = tiny_config(rooms, data={"letterbox": 0})
    stream, images = TrainingStream(training_images(config), config, boundaries), Rooms(rooms / "train")
    for position in range(12):
        rng = np.random.default_rng([0, 1, position])
        sample = augment(images[stream_index(position, 10, 0)], rng, Augmentation(), boundaries)
        item = stream[position]
        np.testing.assert_array_equal(item.images[0].numpy(), sample.image)
        for task in config.tasks:
            label = item.labels[task][0].permute(1, 2, 0).squeeze(-1).numpy()
            np.testing.assert_array_equal(label, sample.labels[task])


def test_rooms_keep_their_configuration(rooms):
    config = tiny_config(rooms)
    assert with_tasks(config) is config
    assert config.task_list() == [ROOM_TASKS[name] for name in ("semseg", "depth", "normals", "edge")]


def test_a_training_that_an_earlier_version_began_goes_on(rooms, tmp_path, monkeypatch):
    config = tiny_config(rooms)
    expected = load_file(train(config, tmp_path / "whole"))
    train(config, tmp_path / "begun")
    (tmp_path / "begun" / "weights.safetensors").unlink()
    path = tmp_path / "begun" / "config.json"
    values = json.loads(path.read_text())
    for field in ("definitions", "losses", "balancing", "accumulate", "stop", "protocol", "tensorboard"):
        del values[field]
    for field in ("size", "fit", "pipeline"):
        del values["data"][field]
    for field in ("kind", "rates"):
        del values["optimiser"][field]
    path.write_text(json.dumps(values))
    result = load_file(train(config, tmp_path / "begun"))
    assert all(torch.equal(result[name], expected[name]) for name in expected)


@pytest.mark.parametrize("form", MAKERS)
def test_the_tasks_with_their_classes_come_from_the_data_set(sets, form):
    config = with_tasks(set_config(sets[form]))
    assert config.tasks == TASKS[form]
    assert config.definitions == open_data(sets[form], "train").tasks
    network = build_network(set_config(sets[form]))
    for task in config.definitions:
        assert network.decoder(task.name).classifier()[0].shape[0] == task.channels


def test_tasks_are_chosen_by_name_and_others_are_not_read(sets, tmp_path):
    root = make("nyud", tmp_path / "nyud")
    for file in (root / "edge").iterdir():
        file.write_bytes(b"damaged")
    config = with_tasks(set_config(root, tasks=["depth", "semseg"]))
    stream = TrainingStream(training_images(config), config)
    assert list(stream[0].labels) == ["depth", "semseg"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tasks": ["depth", "saliency"]}, "tasks names 'saliency', but .* has labels for semseg, depth, normals"),
        ({"weights": {"saliency": 2}}, "weights names 'saliency', which is not one of the tasks of this training; its"),
        ({"data": {"size": None, "augment": {"flip": 0}}}, r"data\.augment varies rooms, but .*; give data\.pipeline"),
        ({"losses": {"depth": {"form": "cosine"}}}, r"losses\.depth\.form is 'cosine'; a task of kind 'depth' has l1"),
        ({"losses": {"edge": {"cap": 3}}}, r"losses\.edge\.cap is for depth, not for kind 'binary'"),
        ({"losses": {"normals": {"positive": 0.3}}}, r"losses\.normals\.positive is for form 'edge_bce'"),
    ],
)  # fmt: skip
def test_what_does_not_suit_the_data_is_one_sentence(sets, tmp_path, changes, sentence):
    with pytest.raises(OptionError, match=sentence):
        train(set_config(sets["nyud"], **changes), tmp_path)


def test_images_of_an_uneven_size_need_one(sets, tmp_path):
    with pytest.raises(OptionError, match=r"PASCAL-Context has 375x500 pixels.*multiples of 32; give data\.size"):
        train(set_config(sets["pascal"], data={"size": None}), tmp_path)
    assert with_tasks(set_config(sets["nyud"], data={"size": None})).data.size == (64, 96)


def test_other_classes_to_evaluate_on_are_refused_before_the_first_step(sets, tmp_path):
    config = set_config(sets["mtan"], tasks=["semseg"], data={"val": str(sets["nyud"])})
    with pytest.raises(DataError, match="has other classes or units of 'semseg' than"):
        train(config, tmp_path)


def test_a_task_that_an_image_has_no_label_of_is_masked_there(sets):
    config = with_tasks(set_config(sets["folder"], data={"letterbox": 0}))
    stream = TrainingStream(training_images(config), config)
    known = {stream_index(position, 2, 0): bool(stream[position].valid["edge"].any()) for position in (0, 1)}
    assert known == {0: True, 1: False}
    assert all(stream[position].valid["depth"].any() for position in (0, 1))


COVER = [
    ("nyud", {}, {"pipeline": "vandenhende-nyud"}),
    ("pascal", NONE, {"pipeline": "vandenhende-pascal"}),
    ("pascal", {}, {"pipeline": "atrc", "size": [512, 512]}),
    ("mtan", NONE, {"pipeline": "mtan"}),
    ("mtan-cityscapes", {}, {}),
    ("cityscapes", NONE, {}),
    ("folder", {}, {"pipeline": "atrc"}),
]
"""Every form once, every pipeline once, both interactions often."""
REST = [(form, network, {}) for form in MAKERS for network in ({}, NONE)]


@pytest.mark.parametrize(("form", "network", "data"), COVER, ids=[f"{one[0]}-{n}" for n, one in enumerate(COVER)])
def test_two_passes_over_every_form_end_with_the_same_bits_after_a_kill(sets, tmp_path, killed, form, network, data):
    same_after_kills(set_config(sets[form], network=network, data=data), tmp_path, killed, kills=(2,))


@pytest.mark.slow
@pytest.mark.parametrize(("form", "network", "data"), REST, ids=[f"{one[0]}-{n}" for n, one in enumerate(REST)])
def test_every_form_trains_with_every_interaction(sets, tmp_path, killed, form, network, data):
    same_after_kills(set_config(sets[form], network=network, data=data), tmp_path, killed, kills=(2,))


def test_two_processes_train_on_a_data_set(sets, tmp_path):
    values = plain_config(sets["mtan"], devices=2, balancing={"method": "uncertainty"}, data={"val": None})
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(values))))
    command = [sys.executable, "-m", "mtlviz", "train", "two.yaml", "--out", "out"]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out" / "log.jsonl").read_text().splitlines()) == 2
    network = build_network(set_config(sets["mtan"]))
    network.load_state_dict(load_file(tmp_path / "out" / "weights.safetensors"))


def test_a_training_on_real_data_becomes_a_checkpoint_that_says_so(sets, tmp_path):
    config = set_config(sets["nyud"], budget=2, protocol="mtformer", title="Real")
    train(config, tmp_path / "run")
    card = publish(tmp_path / "run", "real", tmp_path / "checkpoints")
    network, read = load_checkpoint("real", tmp_path / "checkpoints")
    assert (read.trained, read.input_size, read.licence[:10]) == ("real", (32, 64), "not stated")
    assert read.tasks == open_data(sets["nyud"], "train").tasks
    assert read.data == "2 images of NYUv2 (NYUD_MT of another form, JPG 64x96)"
    scores = card.metrics["NYUv2:val"]
    assert (scores["size"], scores["scored"], scores["family"]) == ([32, 64], "at the size of the labels", "mtformer")
    assert "6.5535" in scores["tasks"]["depth"]["protocol"]
    assert network.decoder("semseg").head.out_channels == 160
