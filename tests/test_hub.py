"""Checkpoints to and from the hub: pinned, verified, limited; against a hub that is a folder on this disk."""

import dataclasses
import hashlib
import inspect
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mtlviz import hub as hubs
from mtlviz.checkpoints import load_checkpoint, read_card, read_weights, save_checkpoint
from mtlviz.errors import HubError
from mtlviz.hub import CARD, README, WEIGHTS, PretrainedNetwork, page, pull, push
from mtlviz.models.multitask import MultiTaskNetwork
from tests.test_checkpoints import CONFIG, TASK_TUPLE, card

REPOSITORY = "me/kem-rooms"


class LocalHub:
    """Keeps every commit of every repository as a folder, and remembers what it was asked."""

    def __init__(self, root: Path) -> None:
        self.root, self.commits, self.asked = root, {}, []

    def create_repo(self, repo_id, *, private, exist_ok):
        self.asked.append(("create", repo_id, private, exist_ok))
        self.commits.setdefault(repo_id, [])

    def upload_folder(self, *, repo_id, folder_path, commit_message):
        commit = hashlib.sha1(f"{repo_id}{len(self.commits[repo_id])}".encode(), usedforsecurity=False).hexdigest()
        shutil.copytree(folder_path, self.root / commit)
        self.commits[repo_id].append(commit)
        return SimpleNamespace(commit_url=f"https://huggingface.co/{repo_id}/commit/{commit}")

    def model_info(self, repo_id, *, revision=None, files_metadata=False):
        if repo_id not in self.commits:
            raise OSError("404 Client Error.\n\nRepository Not Found for url")
        commit = self.commits[repo_id][-1] if revision in (None, "main") else revision
        siblings = []
        for path in sorted((self.root / commit).iterdir()):
            stored = SimpleNamespace(sha256=hashlib.sha256(path.read_bytes()).hexdigest())
            lfs = stored if path.name == WEIGHTS else None  # only large files are stored apart
            siblings.append(SimpleNamespace(rfilename=path.name, size=path.stat().st_size, lfs=lfs))
        return SimpleNamespace(sha=commit, siblings=siblings)

    def hf_hub_download(self, repo_id, filename, *, revision, local_dir):
        self.asked.append(("download", filename, revision))
        return shutil.copy(self.root / revision / filename, Path(local_dir) / filename)

    def newest(self, repository=REPOSITORY) -> Path:
        return self.root / self.commits[repository][-1]


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_checkpoint(MultiTaskNetwork(CONFIG, TASK_TUPLE).state_dict(), card(licence="CC-BY-4.0"), tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def hub(tmp_path, folder):
    """With the checkpoint pushed."""
    made = LocalHub(tmp_path / "hub")
    push("tiny", REPOSITORY, folder, hub=made)
    return made


def test_what_was_pushed_is_what_is_pulled_bit_for_bit(hub, folder, tmp_path):
    got = pull(REPOSITORY, tmp_path / "got", hub=hub)
    assert read_weights("tiny", tmp_path / "got") == read_weights("tiny", folder)
    own = read_card("tiny", folder)
    assert got.model_copy(update={"provenance": ""}) == own
    assert got.provenance == f"https://huggingface.co/{REPOSITORY} at {hub.newest().name}"
    load_checkpoint("tiny", tmp_path / "got")


def test_a_new_repository_is_private_unless_it_is_said(tmp_path, folder):
    made = LocalHub(tmp_path / "hub")
    push("tiny", REPOSITORY, folder, hub=made)
    push("tiny", "me/open", folder, private=False, hub=made)
    assert made.asked == [("create", REPOSITORY, True, True), ("create", "me/open", False, True)]
    assert sorted(path.name for path in made.newest().iterdir()) == sorted([WEIGHTS, CARD, README])


def test_all_files_are_of_the_commit_that_was_resolved_first(hub, folder, tmp_path):
    first = hub.newest().name
    push("tiny", REPOSITORY, folder, hub=hub)
    newest = hub.newest().name
    pull(REPOSITORY, tmp_path / "a", hub=hub, revision="main")
    assert {one[2] for one in hub.asked if one[0] == "download"} == {newest}
    assert {one[1] for one in hub.asked if one[0] == "download"} == {WEIGHTS, CARD}
    assert first in pull(REPOSITORY, tmp_path / "b", hub=hub, revision=first).provenance


def other_weights(commit):
    content = bytearray((commit / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (commit / WEIGHTS).write_bytes(content)


def card_field(commit, **changes):
    path = commit / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def other_architecture(commit):
    fields = json.loads((commit / CARD).read_text())
    fields["architecture"]["width"] = 16
    (commit / CARD).write_text(json.dumps(fields))


def huge_architecture(commit, **changes):
    fields = json.loads((commit / CARD).read_text())
    fields["architecture"].update(changes)
    (commit / CARD).write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (other_weights, "is not the file that its card lists"),
        (other_architecture, "cannot be used"),
        (lambda commit: huge_architecture(commit, width=10**6), "cannot be used .*far larger than its weights"),
        (lambda commit: huge_architecture(commit, task_convolutions=10**7), "cannot be used .*far larger than"),
        (lambda commit: card_field(commit, input_size=[10**6, 10**6]), "is no card of mtlviz"),
        (lambda commit: (commit / WEIGHTS).unlink(), r"holds no model\.safetensors, so it is no checkpoint"),
        (lambda commit: (commit / CARD).write_text("{}"), "is no card of mtlviz"),
        (lambda commit: (commit / CARD).write_text(" " * 2**20 + "{}"), "has 1048578 bytes; from 1 to 1,048,576"),
        (lambda commit: card_field(commit, name="../escaped"), "is no card of mtlviz"),
    ],
)
def test_what_is_not_what_its_card_says_is_refused_and_nothing_is_written(hub, tmp_path, spoil, sentence):
    spoil(hub.newest())
    with pytest.raises(HubError, match=sentence) as caught:
        pull(REPOSITORY, tmp_path / "got", hub=hub)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "got").exists()


def test_a_file_too_large_is_not_fetched(hub, tmp_path, monkeypatch):
    monkeypatch.setitem(hubs.LARGEST, WEIGHTS, 100)
    with pytest.raises(HubError, match="from 1 to 100 are fetched"):
        pull(REPOSITORY, tmp_path / "got", hub=hub)
    assert not [one for one in hub.asked if one[0] == "download"]


def test_a_file_larger_than_announced_is_not_read(hub, tmp_path, monkeypatch):
    class Lying(LocalHub):
        def model_info(self, repo_id, **options):
            info = super().model_info(repo_id, **options)
            for file in info.siblings:
                file.size = 10
            return info

    lying = Lying(hub.root)
    lying.commits = hub.commits
    monkeypatch.setitem(hubs.LARGEST, WEIGHTS, 100)
    with pytest.raises(HubError, match=r"gave no model\.safetensors of at most 100 bytes"):
        pull(REPOSITORY, tmp_path / "got", hub=lying)


NO_REPOSITORIES = ("kem", "a/b/c", "../kem", "me/..", "me/kem--rooms", "me/kem.git", "me /kem", "me/", "ä/b", "a/b\n")


@pytest.mark.parametrize("name", NO_REPOSITORIES)
def test_what_names_no_repository_is_refused_before_anything_is_asked(folder, tmp_path, name):
    made = LocalHub(tmp_path / "hub")
    for ask in (lambda: pull(name, tmp_path / "got", hub=made), lambda: push("tiny", name, folder, hub=made)):
        with pytest.raises(HubError, match="names no repository; write owner/repo"):
            ask()
    assert made.asked == []


@pytest.mark.parametrize("revision", ["", "a b", "../x", "-x", "a" * 200])
def test_what_is_no_revision_is_refused(hub, tmp_path, revision):
    with pytest.raises(HubError, match="is no revision"):
        pull(REPOSITORY, tmp_path / "got", hub=hub, revision=revision)


def test_a_name_that_is_taken_needs_another(hub, folder):
    with pytest.raises(HubError, match="has a checkpoint 'tiny' already"):
        pull(REPOSITORY, folder, hub=hub)
    assert pull(REPOSITORY, folder, name="again", hub=hub).name == "again"
    load_checkpoint("again", folder)
    with pytest.raises(HubError, match="is no name of a checkpoint"):
        pull(REPOSITORY, folder, name="../x", hub=hub)


def test_what_the_hub_says_becomes_one_sentence(hub, tmp_path):
    with pytest.raises(HubError, match=r"'me/gone' \(OSError: 404 Client Error. Repository Not Found") as caught:
        pull("me/gone", tmp_path, hub=hub)
    assert "\n" not in str(caught.value)


def test_a_network_saves_and_loads_without_a_hub(folder, tmp_path):
    network, own = load_checkpoint("tiny", folder)
    made = PretrainedNetwork(network, own)
    place = made.save_pretrained(tmp_path / "saved")
    again = PretrainedNetwork.from_pretrained(place)
    assert all(torch.equal(again.network.state_dict()[key], value) for key, value in network.state_dict().items())
    assert again.card.weights_sha256 == hashlib.sha256((place / WEIGHTS).read_bytes()).hexdigest()
    other_weights(place)
    with pytest.raises(HubError, match="is not the file that its card lists"):
        PretrainedNetwork.from_pretrained(place)


def test_a_network_goes_to_the_hub_and_comes_back(folder, tmp_path):
    network, own = load_checkpoint("tiny", folder)
    made = LocalHub(tmp_path / "hub")
    address = PretrainedNetwork(network, own).push_to_hub("me/mine", hub=made)
    assert address.endswith(made.newest("me/mine").name)
    back = PretrainedNetwork.from_pretrained("me/mine", hub=made, revision="main")
    assert back.card.tasks == own.tasks


def test_the_page_states_the_licence_in_terms_of_the_hub():
    assert "license: mit\n" in page(card(licence="MIT"))
    assert 'license: other\nlicense_name: "CC: \\"x\\""\n' in page(card(licence='CC: "x"'))


def test_without_the_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubError, match=r"pip install huggingface_hub"):
        hubs.connected()


def test_the_real_client_has_the_verbs_that_are_used():
    api = pytest.importorskip("huggingface_hub").HfApi
    for verb in ("model_info", "hf_hub_download", "create_repo", "upload_folder"):
        wanted = set(inspect.signature(getattr(hubs.Hub, verb)).parameters)
        assert wanted <= set(inspect.signature(getattr(api, verb)).parameters)
    assert dataclasses.is_dataclass(PretrainedNetwork)
