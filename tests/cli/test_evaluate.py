"""``evaluate`` on every form of data set."""

from pathlib import Path

import pytest
import torch

from mtlviz.checkpoints import ModelCard, save_checkpoint
from mtlviz.data.sets import open_data
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig, parameter_counts
from tests.cli.conftest import TINY
from tests.training.data_sets import MAKERS, TASKS, make

SIZE = (32, 64)


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> dict[str, Path]:
    return {form: make(form, tmp_path_factory.mktemp(form)) for form in MAKERS}


def own_model(folder: Path, data: Path, interaction: str = "none", training: dict | None = None) -> Path:
    """A network with random weights and the tasks of a data set, called ``own``."""
    tasks = open_data(data, "val").tasks
    options = {"grid": [SIZE[0] // 8, SIZE[1] // 8]} if interaction == "ctal" else {}
    config = NetworkConfig(encoder=TINY, width=8, decoder_widths=(8, 8), interaction=interaction, options=options)
    torch.manual_seed(0)
    network = MultiTaskNetwork(config, tasks)
    card = ModelCard(
        name="own", title="own", summary="tiny", trained="random", architecture=config, tasks=tasks, input_size=SIZE,
        token_grid=(SIZE[0] // 8, SIZE[1] // 8), parameters=parameter_counts(network), training=training or {},
    )  # fmt: skip
    save_checkpoint(network.state_dict(), card, folder)
    return folder


@pytest.mark.parametrize("form", MAKERS)
def test_a_model_of_a_data_set_is_scored_on_all_its_tasks(cli, sets, tmp_path, form):
    folder = own_model(tmp_path / "own", sets[form], "ctal" if form == "mtan" else "none")
    outcome = cli("evaluate", "--checkpoint", "own", "--checkpoints", folder, "--data", sets[form], "--json")
    assert outcome.code == 0
    found, data = outcome.last, open_data(sets[form], "val")
    assert tuple(found["tasks"]) == TASKS[form]
    assert (found["title"], found["variant"], found["images"]) == (data.title, data.variant, len(data))
    assert (found["size"], found["scored"], found["left_out"]) == (list(SIZE), "at the size of the labels", [])
    for task in found["tasks"].values():
        assert task["protocol"] in outcome.err
        assert task["metrics"].keys() == task["constant"].keys()


def test_other_tasks_are_left_out_and_it_is_said(cli, sets):
    words = ("evaluate", "--checkpoint", "none", "--data", sets["nyud"], "--split", "train", "--limit", 1)
    outcome = cli(*words, "--json")
    assert outcome.code == 0
    assert tuple(outcome.last["tasks"]) == ("depth", "normals", "edge")
    assert (outcome.last["split"], outcome.last["images"]) == ("train", 1)
    assert outcome.last["left_out"] == [outcome.err.strip().splitlines()[-1]]
    assert "17 classes" in outcome.err


def test_nothing_in_common_is_refused(cli, sets, tmp_path):
    folder = own_model(tmp_path / "own", sets["mtan-cityscapes"])
    outcome = cli("evaluate", "--checkpoint", "own", "--checkpoints", folder, "--data", sets["mtan"])
    assert outcome.code == 2
    assert "Nothing in NYUv2, 13 classes (MTAN NYUv2" in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_a_family_decides_the_headline_and_the_tolerance_that_the_data_set_has(cli, sets, tmp_path):
    folder = own_model(tmp_path / "own", sets["nyud"])
    words = ("evaluate", "--checkpoint", "own", "--checkpoints", folder, "--data", sets["nyud"])
    outcome = cli(*words, "--protocol", "mtformer", "--depth-range", "0.5", "6", "--json")
    tasks = outcome.last["tasks"]
    assert tasks["edge"]["headline"] == "ods_f"
    assert "within 0.011 of the diagonal" in tasks["edge"]["protocol"]
    assert "pixels at 6.0 m or more left out, pixels at 0.5 m or less left out" in tasks["depth"]["protocol"]
    assert tasks["depth"]["protocol"].startswith("mtformer with other limits of depth: ")


def test_a_range_in_which_there_is_no_depth_says_so(cli, sets):
    words = ("evaluate", "--checkpoint", "none", "--data", sets["nyud"], "--limit", 1, "--depth-range", 900, 901)
    outcome = cli(*words, "--json")
    assert outcome.code == 0
    assert set(outcome.last["tasks"]["depth"]["metrics"].values()) == {None}
    assert "No pixel of these images has a label of depth that counts, so there is no score." in outcome.err


def test_a_model_that_was_trained_on_padded_images_is_scored_on_them(cli, sets, tmp_path):
    folder = own_model(tmp_path / "own", sets["mtan"], training={"data": {"train": "x"}, "protocol": "atrc"})
    words = ("evaluate", "--checkpoint", "own", "--checkpoints", folder, "--data", sets["mtan"], "--json")
    assert cli(*words).last["scored"] == "at the size of the network's images"
    assert cli(*words, "--fit", "resize").last["scored"] == "at the size of the labels"


def test_commands_that_look_inside_refuse_data_with_other_tasks(cli, sets):
    outcome = cli("collapse", "--checkpoint", "none", "--data", sets["nyud"])
    assert outcome.code == 2
    assert "semseg is left out: none has 17 classes" in outcome.err
    assert "give data that are labelled as those of 'none'" in outcome.err
