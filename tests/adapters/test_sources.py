"""Adapters are code that somebody names: where they are found, and how what cannot be used is refused."""

import re
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from mtlviz import catalogue
from mtlviz.adapters import sources
from mtlviz.adapters.network import adapted
from mtlviz.adapters.sources import VARIABLE, adapter_places, load_adapter, names_code
from mtlviz.checkpoints import NAME_PATTERN, save_checkpoint
from mtlviz.edits import Edit
from mtlviz.engine import load
from mtlviz.errors import AdapterError, CapabilityError
from mtlviz.models.multitask import MultiTaskNetwork
from mtlviz.trace import Capture
from tests.adapters import broken
from tests.test_checkpoints import CONFIG, TASK_TUPLE, card
from tests.test_engine import picture

SMALL = "tests.adapters.broken:Small"
OTHER = "from tests.adapters.broken import Small\nclass Own(Small):\n    changes = {'name': 'own', 'title': 'Own'}\n"


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(sources, "entry_points", lambda group: ())
    for cached in (sources._name_at, sources._installed, catalogue._adapter_card):
        cached.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Of one checkpoint."""
    save_checkpoint(MultiTaskNetwork(CONFIG, TASK_TUPLE).state_dict(), card(), tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


@pytest.fixture
def file(tmp_path):
    """An adapter in a file, which needs another file beside it."""
    (tmp_path / "beside_it.py").write_text("NAME = 'own'\n")
    path = tmp_path / "own_adapter.py"
    path.write_text(f"from beside_it import NAME\n{OTHER}\n\nREADY = Own()\n\n\ndef wrong():\n    return NAME\n")
    return path


@pytest.mark.parametrize("attribute", ["Own", "READY"])
def test_a_file_gives_its_class_or_its_instance_and_finds_what_lies_beside_it(file, attribute):
    before = list(sys.path)
    assert load_adapter(f"{file}:{attribute}").card.name == "own"
    assert sys.path == before


def test_a_class_gives_a_new_adapter_every_time():
    assert load_adapter(SMALL) is not load_adapter(SMALL)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("gone.py:Own", "There is no file 'gone.py'"),
        ("no_such_module_here:Own", "no_such_module_here cannot be imported: ModuleNotFoundError"),
        ("tests.adapters.broken:Absent", "has no 'Absent'"),
        ("tests.adapters.broken:", "names no adapter; write path.py:attribute"),
        ("{file}:wrong", "is no adapter but a str; derive it from"),
        ("{broken}:X", "cannot be imported: SyntaxError"),
        ("{raising}:X", "cannot be imported: ZeroDivisionError: division by zero"),
        ("{leaving}:X", "cannot be imported: SystemExit: 3"),
        ("{card}:X", r"cannot be imported: in its ModelCard, name: .* got 'my net'"),
        ("tests.adapters.broken:Raising.run", "cannot be made: TypeError"),
    ],
)
def test_what_is_no_adapter_is_refused_in_one_sentence(file, tmp_path, place, sentence):
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "raising.py").write_text("X = 1 / 0\n")
    (tmp_path / "leaving.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "card.py").write_text("from tests.adapters.broken import card\nX = card(name='my net')\n")
    names = ("broken", "raising", "leaving", "card")
    place = place.format(file=file, **{name: tmp_path / f"{name}.py" for name in names})
    with pytest.raises(AdapterError, match=sentence) as caught:
        load_adapter(place)
    assert "\n" not in str(caught.value)


def test_no_name_of_a_checkpoint_names_code():
    assert names_code(SMALL)
    assert re.fullmatch(NAME_PATTERN, "a:b") is None


def test_nothing_is_offered_unless_it_is_named(folder, file, monkeypatch):
    assert catalogue.model_names(folder) == ["tiny"]
    monkeypatch.setenv(VARIABLE, f"{SMALL}, {file}:Own")
    assert catalogue.model_names(folder) == ["tiny", "small", "own"]
    assert catalogue.model_card("own", folder).title == "Own"
    assert load("own", folder=folder, device="cpu").card.weights_sha256 != ""


def test_an_installed_package_is_imported_only_when_its_adapter_is_chosen(folder, monkeypatch, tmp_path):
    (tmp_path / "installed_adapter.py").write_text(OTHER)
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("own", "installed_adapter:Own", sources.GROUP)
    monkeypatch.setattr(sources, "entry_points", lambda group: [point] if group == sources.GROUP else [])
    assert catalogue.model_names(folder) == ["tiny", "own"]
    assert "installed_adapter" not in sys.modules
    assert load("own", folder=folder, device="cpu").card.title == "Own"


def test_an_entry_point_under_another_name_than_its_card_is_refused(folder, monkeypatch):
    point = EntryPoint("mine", SMALL, sources.GROUP)
    monkeypatch.setattr(sources, "entry_points", lambda group: [point])
    with pytest.raises(AdapterError, match="'mine' leads to an adapter whose card is called 'small'"):
        catalogue.model_card("mine", folder)


def test_names_are_not_shared(folder, file, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{SMALL},tests.adapters.broken:Nan")
    with pytest.raises(AdapterError, match="Two adapters have the name 'small'"):
        adapter_places()
    file.write_text(OTHER.replace("'own'", "'tiny'"))
    other = file.rename(file.with_name("tiny_adapter.py"))
    monkeypatch.setenv(VARIABLE, f"{other}:Own")
    for asked in (lambda: catalogue.model_names(folder), lambda: load("tiny", folder=folder, device="cpu")):
        with pytest.raises(AdapterError, match="and a checkpoint are both called 'tiny'"):
            asked()


def test_weights_card_and_class_tell_adapters_apart():
    kinds = (broken.Small, broken.Small, broken.Nan, broken.ClaimsAnEdit)
    assert len({adapted(kind())[1].weights_sha256 for kind in kinds}) == 3


def test_an_edit_that_the_card_does_not_claim_is_refused():
    engine = load(SMALL, device="cpu")
    assert not engine.allows(Edit(residual=0.0))
    with pytest.raises(CapabilityError, match="Small cannot apply the edit 'residual'; it can apply none"):
        engine.run(picture(32, 48), edit=Edit(residual=0.0))


def test_the_engine_gives_what_the_network_gives_at_the_size_of_the_image():
    engine, adapter = load(SMALL, device="cpu"), broken.Small()
    run = engine.run(picture(32, 48))
    outputs, _ = adapter.run(adapter.prepare(picture(32, 48)).image, mask=None, capture=None, edit=None)
    assert list(run.outputs) == list(outputs)
    for task, out in outputs.items():  # the engine lays images out by channel, which moves the last bits
        np.testing.assert_allclose(run.outputs[task], out[0].numpy(), rtol=1e-4, atol=1e-5)
    assert engine.run(picture(90, 50)).prediction("depth").values.shape == (90, 50)
    assert run.provenance.trained == "random"


def test_other_weights_are_seeded_and_leave_the_network_as_it_is():
    engine, sample = load(SMALL, device="cpu"), picture(32, 48)
    before = engine.run(sample).outputs["depth"]
    drawn = [engine.with_random_weights(seed) for seed in (1, 1, 2)]
    first, again, other = (one.run(sample).outputs["depth"] for one in drawn)
    assert (first == again).all()
    assert not (first == other).all()
    assert not (first == before).all()
    noisy = engine.with_noise(0.1)
    assert not (noisy.run(sample).outputs["depth"] == before).all()
    assert (engine.run(sample).outputs["depth"] == before).all()
    assert len({one.card.weights_sha256 for one in (engine, *drawn, noisy)}) == 4


def test_a_model_without_features_says_so_where_they_are_asked_for():
    run = load(SMALL, device="cpu").run(picture(32, 48), capture=Capture(features=True))
    with pytest.raises(CapabilityError, match="Small does not record its features"):
        _ = run.features
