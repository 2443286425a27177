"""``import-checkpoint``: a plain state dict of one of our architectures, with a card."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.options import parse_size
from mtlviz.cli.outputs import check_folder
from mtlviz.errors import OptionError


class Trained(StrEnum):
    """What weights were trained on."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    RANDOM = "random"


Weights = Annotated[Path, typer.Argument(metavar="WEIGHTS", help="A .safetensors file: a plain state dict.")]
Config = Annotated[Path, typer.Option("--config", help="Training configuration (YAML) of the architecture and tasks.")]
Name = Annotated[str, typer.Option("--name", help="Name of the checkpoint.")]
Folder = Annotated[Path, typer.Option("--out", help="Folder of checkpoints, made if missing.")]
Licence = Annotated[str, typer.Option("--licence", help="Licence of the weights, e.g. MIT or CC-BY-NC-4.0.")]
Provenance = Annotated[str, typer.Option("--provenance", help="Where they come from: a URL, a paper, a person.")]
TrainedOn = Annotated[Trained, typer.Option("--trained", help="On what kind of data they were trained.")]
About = Annotated[str, typer.Option("--data", help="What they were trained on, in a few words.")]
Title = Annotated[str, typer.Option("--title", help="Name shown to a person; by default the configuration's.")]
Summary = Annotated[str, typer.Option("--summary", help="One sentence on what it is; by default the configuration's.")]
Size = Annotated[str | None, typer.Option("--size", help="HEIGHTxWIDTH of the input, where CONFIG has no data.size.")]


def import_checkpoint(
    weights: Weights,
    config: Config,
    name: Name,
    out: Folder,
    licence: Licence,
    provenance: Provenance,
    trained: TrainedOn = Trained.REAL,
    data: About = "",
    title: Title = "",
    summary: Summary = "",
    size: Size = None,
    as_json: AsJson = False,
) -> None:
    """Make a checkpoint of weights that were trained elsewhere; prefixes of wrappers are taken off the keys.

    Only safetensors are read, since files of other kinds can hold code. Nothing is written unless every key fits.

    Example:
        python -m mtlviz import-checkpoint kem.safetensors --config configs/kem.yaml --name my-kem --out mine --licence MIT --provenance "our run of May" --size 128x160
    """  # noqa: E501
    check_folder(out)
    from mtlviz.checkpoints import NAME_PATTERN

    if re.fullmatch(NAME_PATTERN, name) is None:
        raise OptionError(f"--name {name!r} is not a name; use letters, digits, '_', '-' and '.', not 'manifest'.")
    for option, value in (("--licence", licence), ("--provenance", provenance)):
        if not value.strip():
            raise OptionError(f"{option} is empty; say it in a few words, or that it is not known.")
    asked = None if size is None else parse_size(size)
    from mtlviz.training.config import read_config
    from mtlviz.training.imported import Origin, input_size, read_tensors, without_prefix
    from mtlviz.training.imported import import_checkpoint as save

    training = read_config(config)
    tensors, prefix = without_prefix(read_tensors(weights))
    origin = Origin(trained.value, licence, provenance, data, title, summary)
    card = save(tensors, training, input_size(training, asked), name, origin, out)
    found = {"command": "import-checkpoint", "name": name, "folder": out, "prefix": prefix,
             "weights_sha256": card.weights_sha256, "parameters": card.parameters["total"]}  # fmt: skip
    stripped = f" The prefix {prefix!r} was taken off every key." if prefix else ""
    answer(
        found, as_json,
        f"{name} is in {out}: {card.parameters['total']:,} parameters, sha256 {card.weights_sha256[:12]}.{stripped}",
    )  # fmt: skip
