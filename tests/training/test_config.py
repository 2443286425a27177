import math
from pathlib import Path

import pytest

from mtlviz.errors import OptionError
from mtlviz.training import parse_config, read_config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MINIMAL = {"data": {"train": "rooms"}, "budget": 100}


TRAININGS = [
    path
    for path in sorted([*CONFIGS.glob("[!_]*.yaml"), *CONFIGS.glob("examples/[!_]*.yaml")])
    if "data:" in path.read_text() or ("base: " in path.read_text() and "fields:" not in path.read_text())
]
"""Of one training each; the others are sweeps and comparisons."""


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path):
    assert read_config(path).steps > 100


def test_systems_that_are_compared_differ_in_the_interaction_only():
    configs = [read_config(CONFIGS / f"{name}.yaml") for name in ("none", "kem", "cross_attention")]
    fields = [
        config.model_dump(exclude={"network": {"interaction", "options"}, "title": True, "summary": True})
        for config in configs
    ]
    assert fields[0] == fields[1] == fields[2]
    assert [config.network.interaction for config in configs] == ["none", "kem", "cross_attention"]


def test_a_configuration_changes_the_fields_of_its_base(tmp_path):
    (tmp_path / "base.yaml").write_text("data: {train: a, images: 7}\nbudget: 64\nbatch: 8")
    (tmp_path / "mine.yaml").write_text("base: base.yaml\ndata: {images: 9}")
    config = read_config(tmp_path / "mine.yaml")
    assert (config.data.train, config.data.images, config.steps) == (Path("a"), 9, 8)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"budgett": 3}, "configuration: budgett: there is no such field (did you mean 'budget'?)."),
        ({"zebra": 3}, "configuration: zebra: there is no such field."),
        ({"budget": 0}, "configuration: budget: must be at least 1; got 0."),
        ({"budget": "many"}, "configuration: budget: must be a valid integer; got 'many'."),
        ({"data": None}, "configuration: data: must hold 'field: value' lines; got None."),
        ({"data": {}}, "configuration: data.train: it is missing."),
        ({"tasks": "depth"}, "configuration: tasks: must be a list; got 'depth'."),
        ({"seed": 2**32}, "configuration: seed: must be less than 4294967296; got 4294967296."),
        ({"weights": {"depth": -1}}, "configuration: weights: the weight of 'depth' must be at least 0; got -1."),
        ({"weights": {"depth": math.inf}}, "configuration: weights.depth: must be a finite number; got inf."),
        ({"optimiser": {"rate": math.inf}}, "configuration: optimiser.rate: must be a finite number; got inf."),
        ({"optimiser": {"rates": {"depth": math.inf}}}, "optimiser.rates.depth: must be a finite number; got inf."),
        ({"balancing": {"scale": math.nan}}, "configuration: balancing.scale: must be a finite number; got nan."),
        ({"precision": 16}, "precision: must be '32-true', 'bf16-mixed' or '16-mixed'; got 16."),
        ({"std": [0, 1, 1]}, "configuration: std: images are divided by it, so all three must be above 0; got [0"),
        ({"network": {"decoder_widths": [0, 8]}}, "network.decoder_widths.0: must be at least 1; got 0."),
        ({"network": {"encoder": {"widths": [0] * 5}}}, "network.encoder.widths.0: must be at least 1; got 0."),
        ({"network": {"encoder": {"blocks": [-1] * 5}}}, "network.encoder.blocks.0: must be at least 0; got -1."),
        ({"network": {"encoder": {"backbone": 5}}}, "network.encoder.backbone: must be a valid string; got 5."),
        ({"network": {"encoder": {"backbone": "resnet-50", "width": 8}}}, "network.encoder.width: there is no such"),
        ({"network": {"encoder": {"backbone": "resnet"}}}, "network.encoder: backbone 'resnet' is unknown; choose one"),
        ({"budget": 3}, "configuration: a budget of 3 images is less than one batch of 16."),
        ({"tasks": []}, "configuration: tasks must name each task once; got none."),
        ({"tasks": ["depth", "depth"]}, "tasks must name each task once; got depth, depth"),
        ({"tasks": ["depth"], "weights": {"saliency": 1}}, "weights names 'saliency', which is not one of the tasks"),
        ({"data": {"train": "a", "keep": {"depth": 0}}}, "the share of 'depth' must lie above 0"),
        ({"data": {"train": "a", "augment": {"scale": [0.5, 1]}}}, "data.augment: scale must be"),
        ({"data": {"train": "a", "val": "rooms:train"}}, "data.val: give rooms:val or rooms:test, which no training"),
        ({"data": {"train": "a", "val": "rooms:night"}}, "or a data set's path; got rooms:night"),
        ({"data": {"train": "a", "size": [100, 128]}}, "data.size: both sides must be multiples of 32; got [100, 128]"),
        ({"data": {"train": "a", "pipeline": "atcr"}}, "there is no pipeline 'atcr'; choose one of flip, vandenhende"),
        ({"data": {"train": "a", "pipeline": "atrc"}}, "a pipeline that crops needs a size"),
        ({"data": {"train": "a", "pipeline": {"factors": [2, 1], "continuous": True}}}, "continuous factors are [low"),
        ({"tasks": ["depth"], "optimiser": {"rates": {"edge": 1}}}, "optimiser.rates names 'edge'"),
        ({"optimiser": {"schedule": "poly", "restart": 9}}, "restart is of schedule cosine, not of poly; leave it out"),
        ({"accumulate": 3}, "a batch of 16 cannot be split evenly into 3 parts"),
        ({"stop": {"every": 10}}, "stop needs held-out images; give data.val"),
        ({"precision": "16-mixed", "balancing": {"method": "mgda"}}, "balancing mgda needs precision 32-true or bf16"),
        ({"protocol": "vandenhen"}, "no protocol 'vandenhen' (did you mean 'vandenhende'?)"),
        ({"devices": 3}, "a batch of 16 cannot be split evenly over 3 devices"),
        ({"network": {"width": "wide"}}, "network.width: must be a valid integer; got 'wide'."),
    ],
)
def test_a_wrong_value_gives_one_clear_sentence(changes, sentence):
    with pytest.raises(OptionError) as raised:
        parse_config(MINIMAL | changes)
    message = str(raised.value)
    assert sentence in message
    assert "\n" not in message
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a: [1", "is not valid YAML"),
        ("- 1", "must hold 'field: value' lines"),
        ("base: it.yaml", "as its base"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, content, sentence):
    (tmp_path / "it.yaml").write_text(content)
    with pytest.raises(OptionError, match=sentence):
        read_config(tmp_path / "it.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"nothing\.yaml' cannot be read"):
        read_config(tmp_path / "nothing.yaml")
