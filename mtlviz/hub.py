"""Checkpoints on the Hugging Face Hub: safetensors and card, pinned to one commit, verified on arrival.

Needs the optional package ``huggingface_hub``; its own login is used, and nothing of it is read here. What comes from
the hub is data: two files of known names and limited size, of which no code runs.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from mtlviz.checkpoints import (
    DEFAULT_FOLDER,
    MANIFEST,
    NAME_PATTERN,
    Folders,
    ModelCard,
    checkpoint_names,
    filled_network,
    keep_checkpoint,
    read_card,
    read_weights,
)
from mtlviz.errors import HubError, MtlvizError
from mtlviz.files import write_whole
from mtlviz.models.multitask import MultiTaskNetwork

WEIGHTS, CARD, README = "model.safetensors", "config.json", "README.md"
LARGEST = {WEIGHTS: 2 * 2**30, CARD: 2**20}
"""Bytes of a file that are fetched at most."""
REPOSITORY = re.compile(r"(?!.*(\.\.|--|\.git$))[A-Za-z0-9][\w.-]{0,47}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w./-]{0,99}", re.ASCII)
COMMIT = re.compile("[0-9a-f]{40}")
ADDRESS = "https://huggingface.co"


@runtime_checkable
class Hub(Protocol):
    """What is asked of ``huggingface_hub.HfApi``."""

    def model_info(self, repo_id: str, *, revision: str | None = None, files_metadata: bool = False) -> Any:  # noqa: ANN401
        """What a repository holds at a revision."""

    def hf_hub_download(self, repo_id: str, filename: str, *, revision: str, local_dir: str) -> str:
        """Fetch one file."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any:  # noqa: ANN401
        """Make a repository."""

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str) -> Any:  # noqa: ANN401
        """Send the files of a folder as one commit."""


@dataclass(frozen=True, eq=False)
class PretrainedNetwork:
    """A network with its card, under the three verbs of the hub's model classes.

    Attributes:
        network: ready for inference; ``mtlviz.engine.Engine(network, card)`` runs it.
        card: of the network.
    """

    network: MultiTaskNetwork
    card: ModelCard

    def save_pretrained(self, folder: Path) -> Path:
        """Write weights, card and a page about them into a folder, which is made if missing."""
        tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in self.network.state_dict().items()}
        return _write(folder, save_tensors(tensors), self.card)

    @classmethod
    def from_pretrained(
        cls, place: str | Path, *, revision: str | None = None, hub: Hub | None = None
    ) -> "PretrainedNetwork":
        """A network of a folder that ``save_pretrained`` wrote, or of a repository ``owner/repo`` on the hub.

        Raises:
            HubError: if it cannot be fetched or is not what its card says.
        """
        if Path(place).is_dir():
            weights, card = _read(Path(place), str(place))
        else:
            weights, card, _ = _fetched(str(place), revision, hub or connected())
        return cls(_network(weights, card, str(place)), card)

    def push_to_hub(self, repository: str, *, private: bool = True, hub: Hub | None = None) -> str:
        """Send it to a repository, which is made if missing; returns the address of the commit."""
        with tempfile.TemporaryDirectory() as folder:
            return _sent(self.save_pretrained(Path(folder)), repository, private, hub or connected(), self.card.name)


def push(
    name: str, repository: str, folder: Folders = DEFAULT_FOLDER, *, private: bool = True, hub: Hub | None = None
) -> str:
    """Send a verified checkpoint to a repository, bit for bit.

    Args:
        name: of the checkpoint.
        repository: ``owner/repo``, made if missing.
        folder: of the checkpoints.
        private: whether a new repository is.
        hub: to speak to; None takes the real one.

    Returns:
        The address of the commit.

    Raises:
        CheckpointError: as ``read_card`` and ``read_weights``.
        HubError: if the name of the repository is none, or the hub does not take it.
    """
    card, weights = read_card(name, folder), read_weights(name, folder)
    _check_names(repository, None)
    with tempfile.TemporaryDirectory() as made:
        return _sent(_write(Path(made), weights, card), repository, private, hub or connected(), name)


def pull(
    repository: str, folder: Path, *, name: str | None = None, revision: str | None = None, hub: Hub | None = None
) -> ModelCard:
    """Fetch a checkpoint into a folder; nothing is written unless it is what its card says.

    Args:
        repository: ``owner/repo``.
        folder: of checkpoints, made if missing.
        name: that it gets here; None keeps its own.
        revision: branch, tag or commit; None is the main branch as it is now. The card keeps the commit.
        hub: to speak to; None takes the real one.

    Raises:
        HubError: if it cannot be fetched, is too large, is not what its card says, or has a name that is taken.
    """
    _check_names(repository, revision)
    weights, card, commit = _fetched(repository, revision, hub or connected())
    _network(weights, card, repository)
    called = name or card.name
    if re.fullmatch(NAME_PATTERN, called) is None:
        raise HubError(f"{called!r} is no name of a checkpoint; use letters, digits, '_', '-' and '.'.")
    if (folder / MANIFEST).exists() and called in (*checkpoint_names(folder), *checkpoint_names(folder, "encoder")):
        raise HubError(f"{str(folder)!r} has a checkpoint {called!r} already; give it another name with --name.")
    origin = "; ".join(part for part in (card.provenance, f"{ADDRESS}/{repository} at {commit}") if part)
    return keep_checkpoint(weights, card.model_copy(update={"name": called, "provenance": origin}), folder)


def connected() -> Hub:
    """The real hub.

    Raises:
        HubError: if ``huggingface_hub`` is not installed.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise HubError("The hub needs a package that is not installed; run pip install huggingface_hub.") from error
    api: Hub = HfApi(library_name="mtlviz")
    return api


def _check_names(repository: str, revision: str | None) -> None:
    if REPOSITORY.fullmatch(repository) is None:
        raise HubError(f"{repository!r} names no repository; write owner/repo in letters, digits, '_', '-' and '.'.")
    if revision is not None and REVISION.fullmatch(revision) is None:
        raise HubError(f"{revision!r} is no revision; give a branch, a tag or a commit.")


def _fetched(repository: str, revision: str | None, hub: Hub) -> tuple[bytes, ModelCard, str]:
    """Weights and card of one commit, and that commit."""
    _check_names(repository, revision)
    with _spoken_to(repository):
        info = hub.model_info(repository, revision=revision, files_metadata=True)
    commit = str(info.sha)
    if COMMIT.fullmatch(commit) is None:
        raise HubError(f"The hub names no commit of {repository!r}; try again later.")
    listed = {file.rfilename: file for file in info.siblings or ()}
    for file, most in LARGEST.items():
        if file not in listed:
            raise HubError(f"{repository!r} holds no {file}, so it is no checkpoint of mtlviz; choose another.")
        size = listed[file].size
        if size is None or not 0 < size <= most:
            raise HubError(f"{file} of {repository!r} has {size} bytes; from 1 to {most:,} are fetched.")
    with tempfile.TemporaryDirectory() as folder:
        for file in LARGEST:
            with _spoken_to(repository):
                hub.hf_hub_download(repository, file, revision=commit, local_dir=folder)
        stored = listed[WEIGHTS].lfs
        weights, card = _read(Path(folder), repository, None if stored is None else stored.sha256)
    return weights, card, commit


def _read(folder: Path, place: str, sha256: str | None = None) -> tuple[bytes, ModelCard]:
    """Weights and card of a folder, verified against one another and against what the hub lists."""
    found = {}
    for file, most in LARGEST.items():
        path = folder / file
        if not path.is_file() or path.stat().st_size > most:
            raise HubError(f"{place!r} gave no {file} of at most {most:,} bytes; nothing was written.")
        found[file] = path.read_bytes()
    try:
        card = ModelCard.model_validate_json(found[CARD])
    except (ValidationError, MtlvizError) as error:
        raise HubError(f"{CARD} of {place!r} is no card of mtlviz; choose another repository.") from error
    digest = hashlib.sha256(found[WEIGHTS]).hexdigest()
    if digest != card.weights_sha256 or (sha256 is not None and digest != sha256):
        raise HubError(f"{WEIGHTS} of {place!r} is not the file that its card lists (its sha256 differs); fetch again.")
    return found[WEIGHTS], card


def _network(weights: bytes, card: ModelCard, place: str) -> MultiTaskNetwork:
    try:
        return filled_network(card, load_tensors(weights))
    except (MtlvizError, SafetensorError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise HubError(f"The weights of {place!r} cannot be used ({said[:200]}); choose another.") from error


def _write(folder: Path, weights: bytes, card: ModelCard) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    card = card.model_copy(update={"weights_sha256": hashlib.sha256(weights).hexdigest()})
    write_whole(folder / WEIGHTS, weights)
    write_whole(folder / CARD, card.model_dump_json(indent=2) + "\n")
    write_whole(folder / README, page(card))
    return folder


def _sent(folder: Path, repository: str, private: bool, hub: Hub, name: str) -> str:
    _check_names(repository, None)
    with _spoken_to(repository):
        hub.create_repo(repository, private=private, exist_ok=True)
        made = hub.upload_folder(repo_id=repository, folder_path=str(folder), commit_message=f"{name}, by mtlviz")
    return str(made.commit_url)


@contextmanager
def _spoken_to(repository: str) -> Iterator[None]:
    """What goes wrong between here and the hub, as one sentence."""
    try:
        yield
    except MtlvizError:
        raise
    except Exception as error:  # the package's own errors, those of its network library, and of the disk
        said = " ".join(str(error).split())
        raise HubError(
            f"The hub did not do what was asked for {repository!r} ({type(error).__name__}: {said[:200]}); check the "
            "name, the login (`hf auth login`) and the network."
        ) from error


def page(card: ModelCard) -> str:
    """The page that the hub shows, from the card."""
    known = card.licence == "MIT"
    licence = "license: mit" if known else f"license: other\nlicense_name: {json.dumps(card.licence)}"
    tasks = ", ".join(task.title for task in card.tasks)
    about = "".join(
        f"\n- {title}: {' '.join(text.split())}"
        for title, text in (
            ("Tasks", tasks), ("Trained on", card.data or card.trained), ("Provenance", card.provenance),
            ("Licence", card.licence), ("Input", f"{card.input_size[0]} x {card.input_size[1]} pixels"),
        ) if text
    )  # fmt: skip
    return (
        f"---\nlibrary_name: mtlviz\n{licence}\ntags:\n- mtlviz\n- multi-task-learning\n- dense-prediction\n---\n"
        f"# {card.title}\n\n{card.summary}\n{about}\n\n`{CARD}` holds all there is to know about it.\n\n"
        f"```bash\npython -m mtlviz hub pull OWNER/REPO --out DIR\n```\n"
    )
