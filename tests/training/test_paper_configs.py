"""The configurations that state the papers' protocols, number by number (kem.md 2.1 and part 3, ctal.md 1 to 3)."""

from pathlib import Path

import pytest

from mtlviz.errors import DataError
from mtlviz.models.interactions import interaction_config
from mtlviz.training import read_config
from mtlviz.training.losses import EDGE_WEIGHT
from mtlviz.training.pipeline import PIPELINES
from mtlviz.training.sources import training_images, with_tasks

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NYUD, PASCAL, CITYSCAPES = 795, 4998, 2975
"""Training images."""
ADAMW = {"kind": "adamw", "decay": 1e-4, "schedule": "poly", "warmup": 0, "clip": None}
ADAM = {"kind": "adam", "schedule": "cosine", "warmup": 0, "clip": None}
MTFORMER = {"method": "uncertainty", "scale": 10, "penalty": 1, "start": 0}

PROTOCOLS = {  # images, passes, batch, size, tasks with their weights, optimiser, balance, augmentation, scores
    "nyud": (NYUD, 100, 4, (480, 640), {"semseg": 1, "depth": 1}, {**ADAMW, "rate": 5e-5}, MTFORMER,
             "vandenhende-nyud", "mtformer"),
    "pascal": (PASCAL, 100, 4, (512, 512), {"semseg": 1, "human_parts": 2, "saliency": 30}, {**ADAMW, "rate": 2.5e-5},
               MTFORMER, "vandenhende-pascal", "mtformer"),
    "pascal-ctal": (PASCAL, 70, 8, (512, 512),
                    {"semseg": 2, "human_parts": 2, "saliency": 5, "normals": 10, "edge": 50},
                    {**ADAM, "rate": 2e-5, "decay": 1e-5}, {"method": "fixed"}, "atrc", "atrc"),
    "nyuv2": (NYUD, 200, 8, (288, 384), {"semseg": 1, "depth": 1, "normals": 1},
              {**ADAM, "rate": 1e-4, "decay": 1e-4}, {"method": "fixed"}, "flip", "libmtl"),
    "cityscapes": (CITYSCAPES, 75, 8, (128, 256), {"semseg": 1, "disparity": 10},
                   {**ADAM, "rate": 5e-4, "decay": 1e-4}, {"method": "fixed"}, "flip", "libmtl"),
}  # fmt: skip
OF_FILE = {
    "nyud-none": "nyud", "nyud-kem": "nyud", "nyud-skem": "nyud",
    "pascal-none": "pascal", "pascal-kem": "pascal", "pascal-skem": "pascal", "pascal-ctal": "pascal-ctal",
    "nyuv2-ctal": "nyuv2", "nyuv2-mctal": "nyuv2", "cityscapes-ctal": "cityscapes", "cityscapes-mctal": "cityscapes",
}  # fmt: skip


def test_no_configuration_of_a_paper_is_left_out():
    data = ("nyud", "pascal", "nyuv2", "cityscapes")
    assert {path.stem for path in CONFIGS.glob("[!_]*.yaml") if path.stem.split("-")[0] in data} == set(OF_FILE)


@pytest.mark.parametrize("name", OF_FILE)
def test_a_training_is_the_published_one(name):
    images, passes, batch, size, weights, optimiser, balance, pipeline, scores = PROTOCOLS[OF_FILE[name]]
    config = read_config(CONFIGS / f"{name}.yaml")
    assert (config.budget, config.batch, config.accumulate, config.devices) == (images * passes, batch, 1, 1)
    assert config.data.size == size
    assert config.tasks == tuple(weights)
    assert config.weights == weights
    assert config.auxiliary == ({"collapse": 0.4} if "skem" in name else {})
    assert config.optimiser.model_dump(exclude={"rates", "tasks", "restart"}) == optimiser
    assert config.optimiser.restart == (25 * images if name == "cityscapes-mctal" else None)
    assert not config.optimiser.rates
    assert not config.optimiser.tasks
    assert config.balancing.model_dump(include=set(balance)) == balance
    assert config.data.pipeline == PIPELINES[pipeline]
    assert (config.protocol, config.precision, config.stop, config.data.letterbox) == (scores, "32-true", None, 0)
    assert (config.data.images, config.data.keep, config.data.sampling) == (None, {}, None)


@pytest.mark.parametrize("name", OF_FILE)
def test_losses_are_the_published_ones(name):
    config = read_config(CONFIGS / f"{name}.yaml")
    found = {task: (one.form, one.positive, one.cap, one.calibrated) for task, one in config.losses.items()}
    unshifted = ("balanced_bce", None, None, False)
    assert found == {
        "nyud": {"depth": (None, None, 6.5535, True)},
        "pascal": {"saliency": unshifted},
        "pascal-ctal": {
            "normals": ("normal_l1_sum", None, None, True), "saliency": unshifted, "edge": (None, 0.95, None, False),
        },
        "nyuv2": {"normals": ("normal_cosine", None, None, True)},
        "cityscapes": {},
    }[OF_FILE[name]]  # fmt: skip
    assert EDGE_WEIGHT == 0.95


def test_the_published_augmentations_have_their_numbers():
    found = {name: one.model_dump() for name, one in PIPELINES.items()}
    plain = {"factors": (1.0,), "continuous": False, "framing": "centre", "largest_share": 0.75, "flip": 0.5,
             "turn": 0.0, "distort": 0.0}  # fmt: skip
    assert found == {
        "flip": plain,
        "vandenhende-nyud": {**plain, "factors": (1.0, 1.2, 1.5)},
        "vandenhende-pascal": {**plain, "factors": (0.75, 1.25), "continuous": True, "turn": 20.0},
        "atrc": {**plain, "factors": (0.5, 2.0), "continuous": True, "framing": "crop", "distort": 0.5},
        "mtan": {**plain, "factors": (1.0, 1.2, 1.5), "framing": "place"},
    }


@pytest.mark.parametrize("name", OF_FILE)
def test_images_are_normalised_as_published(name):
    config = read_config(CONFIGS / f"{name}.yaml")
    plain = OF_FILE[name] in ("nyuv2", "cityscapes")  # MTAN's values in 0 to 1 are taken as they are
    expected = ((0, 0, 0), (1, 1, 1)) if plain else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert (config.mean, config.std) == expected


@pytest.mark.parametrize("name", [name for name in OF_FILE if OF_FILE[name] in ("nyud", "pascal")])
def test_kem_stands_on_swin_small_at_stride_8_with_256_channels(name):
    network = read_config(CONFIGS / f"{name}.yaml").network
    assert (network.encoder.backbone, network.encoder.stride, network.encoder.out) == ("swin-small", 8, 256)
    assert network.encoder.settings == {"drop_path_rate": 0.3}
    assert (network.width, network.deep_supervision) == (256, False)
    if network.interaction == "none":
        return
    options = interaction_config(network.interaction, network.options)
    assert (options.slots, options.picks, options.competition, options.memory) == (20, 3, "renorm", "learned")
    assert (options.heads, options.gate, options.residual, options.learn_residual) == (1, False, 1.0, False)
    assert not any((options.picks_per_task, options.output_projection, options.task_embedding))
    if network.interaction == "stable_kem":
        assert (options.rung, options.collapse_loss, options.logit_scale) == ("collapse", "centre", 5.0)
        assert (options.values, options.pre_norm, options.temperature) == ("features", True, True)
    else:
        assert (options.pre_norm, options.temperature) == (False, False)


@pytest.mark.parametrize("name", [name for name in OF_FILE if "ctal" in name])
def test_ctal_has_128_channels_gamma_005_and_initial_predictions(name):
    network = read_config(CONFIGS / f"{name}.yaml").network
    options = interaction_config("ctal", network.options)
    assert network.interaction == "ctal"
    assert network.deep_supervision
    assert (options.channels, options.gamma, options.fusion) == (128, 0.05, "shared")
    assert options.input_norm == (name == "pascal-ctal")
    assert network.encoder.out == (768 if name == "pascal-ctal" else 270)
    assert network.width == (270 if "mctal" in name else 256)


@pytest.mark.parametrize("name", OF_FILE)
def test_where_the_data_are_missing_that_is_what_is_said(name, monkeypatch, tmp_path):
    config = read_config(CONFIGS / f"{name}.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"^There is no data set at '{config.data.train}'"):
        training_images(with_tasks(config))


@pytest.mark.parametrize("name", OF_FILE)
def test_decoders_are_as_wide_as_we_chose(name):
    config = read_config(CONFIGS / f"{name}.yaml")
    assert config.network.decoder_widths == ((256, 128) if OF_FILE[name] in ("nyud", "pascal") else (128, 128))
