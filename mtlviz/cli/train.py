"""``train``: one training from its configuration file, scored and, on request, saved as a checkpoint."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mtlviz.cli.answers import AsJson, answer, json_text
from mtlviz.cli.options import OneFolder, one_folder
from mtlviz.cli.outputs import check_folder
from mtlviz.cli.progress import bar
from mtlviz.cli.scores import score_texts
from mtlviz.errors import OptionError

if TYPE_CHECKING:
    from mtlviz.training import TrainConfig

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file, for example configs/kem.yaml.")]
TrainOut = Annotated[
    Path | None, typer.Option("--out", help="Folder of the training; by default runs/ and the name of CONFIG.")
]
NoResume = Annotated[bool, typer.Option("--no-resume", help="Forget what the folder holds and start again.")]
Publish = Annotated[str | None, typer.Option("--publish", metavar="NAME", help="Save it as this checkpoint.")]
EncoderOnly = Annotated[bool, typer.Option("--encoder-only", help="Publish the encoder, to start others from.")]


def train(
    config: Config,
    out: TrainOut = None,
    no_resume: NoResume = False,
    publish: Publish = None,
    encoder_only: EncoderOnly = False,
    folder: OneFolder = None,
    as_json: AsJson = False,
) -> None:
    """Train a network and score it on its held-out rooms; a stopped training goes on from its last state.

    Example:
        python -m mtlviz train configs/kem.yaml --out runs/kem --publish kem
    """
    out = check_folder(Path("runs") / config.stem if out is None else out)
    from mtlviz.checkpoints import NAME_PATTERN

    if publish is not None and re.fullmatch(NAME_PATTERN, publish) is None:
        raise OptionError(
            f"--publish {publish!r} is not a name; use letters, digits, '_', '-' and '.', not 'manifest'."
        )
    place = one_folder(folder)
    if publish is not None:
        check_folder(place, "--checkpoints")
    from mtlviz.training import read_config
    from mtlviz.training import train as run

    training = read_config(config)
    if publish is not None and not encoder_only and training.data.val is None:
        raise OptionError(f"--publish needs scores for the card, but {config} names no data.val; add 'val: rooms:val'.")
    weights = run(training, out, resume=not no_resume)
    if os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) != "0":
        return  # one of several processes of this training; the first one reports
    scores = None
    if publish is not None:
        scores = _published(out, publish, place, encoder_only)
    elif training.data.val is not None:
        scores = _scored(training, weights, out)
    images = training.steps * training.batch
    found = {"command": "train", "config": config, "folder": out, "weights": weights, "images": images,
             "published": publish, "scores": scores}  # fmt: skip
    texts = [f"Trained on {images:,} images; the weights are {weights}."]
    answer(found, as_json, *texts, *([] if scores is None else score_texts(str(training.data.val), scores)))


def _scored(training: "TrainConfig", weights: Path, out: Path) -> dict[str, Any]:
    from mtlviz.files import write_whole
    from mtlviz.training import evaluate_training

    with bar("Evaluating") as progress:
        scores = evaluate_training(training, weights, progress=progress)
    write_whole(out / "metrics.json", json_text(scores, indent=1) + "\n")
    return scores


def _published(out: Path, name: str, folder: Path, encoder_only: bool) -> dict[str, Any] | None:
    from mtlviz.training.publish import publish

    with bar("Evaluating") as progress:
        card = publish(out, name, folder, part="encoder" if encoder_only else "network", progress=progress)
    return next(iter(card.metrics.values()), None)  # an encoder's card has none
