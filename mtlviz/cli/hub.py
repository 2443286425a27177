"""``hub``: checkpoints to and from the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.options import Checkpoints, checkpoint_folder
from mtlviz.cli.outputs import check_folder

hub = typer.Typer(no_args_is_help=True, help="Send checkpoints to the Hugging Face Hub and fetch them from it.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A checkpoint that 'checkpoints' lists.")]
Repository = Annotated[str, typer.Argument(metavar="OWNER/REPO", help="Repository on the hub.")]
Public = Annotated[bool, typer.Option("--public", help="Everybody may see a repository that is made now.")]
Into = Annotated[Path, typer.Option("--out", help="Folder of checkpoints, made if missing.")]
Called = Annotated[str | None, typer.Option("--name", help="Name that it gets here; by default its own.")]
Revision = Annotated[str | None, typer.Option("--revision", help="Branch, tag or commit; by default the newest.")]


@hub.command()
def push(
    name: Name, repository: Repository, public: Public = False, folder: Checkpoints = None, as_json: AsJson = False
) -> None:
    """Send a checkpoint with its card; a repository that is not there is made, for you alone.

    Example:
        python -m mtlviz hub push kem me/kem-rooms
    """
    from mtlviz.hub import push as send

    address = send(name, repository, checkpoint_folder(folder), private=not public)
    found = {"command": "hub push", "name": name, "repository": repository, "commit": address}
    answer(found, as_json, f"{name} is at {address}.")


@hub.command()
def pull(
    repository: Repository, out: Into, name: Called = None, revision: Revision = None, as_json: AsJson = False
) -> None:
    """Fetch a checkpoint of one commit, verify it and keep it with where it came from.

    Example:
        python -m mtlviz hub pull me/kem-rooms --out mine --revision main
    """
    check_folder(out)
    from mtlviz.hub import pull as fetch

    card = fetch(repository, out, name=name, revision=revision)
    found = {"command": "hub pull", "name": card.name, "folder": out, "provenance": card.provenance,
             "licence": card.licence, "weights_sha256": card.weights_sha256}  # fmt: skip
    answer(found, as_json, f"{card.name} is in {out}: {card.provenance}. Its licence is {card.licence}.")
