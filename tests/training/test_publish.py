import pytest
import torch

from mtlviz.checkpoints import checkpoint_names, load_checkpoint, load_weights
from mtlviz.errors import OptionError, TrainingError
from mtlviz.training import build_network, train
from mtlviz.training.publish import publish
from tests.training.tiny import tiny_config


def test_a_training_becomes_a_checkpoint_with_its_metrics_and_an_encoder_others_start_from(rooms, tmp_path):
    config = tiny_config(rooms, title="Tiny", summary="A tiny network.")
    train(config, tmp_path / "run")
    folder = tmp_path / "checkpoints"
    card = publish(tmp_path / "run", "tiny", folder)
    network, read = load_checkpoint("tiny", folder)
    assert read == card
    assert (card.title, card.trained, card.input_size, card.token_grid) == ("Tiny", "synthetic", (32, 64), (4, 8))
    assert card.metrics["rooms:val"]["images"] == 5
    assert card.training["budget"] == 48
    assert card.parameters["total"] == sum(parameter.numel() for parameter in network.parameters())

    assert publish(tmp_path / "run", "encoder-tiny", folder, part="encoder").metrics == {}
    assert checkpoint_names(folder) == ["tiny"]
    assert all(name.startswith("encoder.") for name in load_weights("encoder-tiny", folder))
    later = build_network(config.model_copy(update={"encoder": folder / "encoder-tiny.safetensors", "seed": 5}))
    for name, tensor in later.encoder.state_dict().items():
        torch.testing.assert_close(tensor, network.encoder.state_dict()[name])


def test_the_card_names_the_split_that_was_scored(rooms, tmp_path):
    train(tiny_config(rooms, budget=4, data={"val": rooms / "train"}), tmp_path / "run")
    assert list(publish(tmp_path / "run", "tiny", tmp_path / "checkpoints").metrics) == ["rooms:train"]


def test_damaged_weights_are_not_published(rooms, tmp_path):
    weights = train(tiny_config(rooms, budget=4), tmp_path / "run")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TrainingError, match=r"weights\.safetensors is missing or damaged; restore it"):
        publish(tmp_path / "run", "tiny", tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()


def test_an_unfinished_training_is_not_published(tmp_path):
    with pytest.raises(OptionError, match="holds no finished training"):
        publish(tmp_path, "tiny", tmp_path / "checkpoints")
