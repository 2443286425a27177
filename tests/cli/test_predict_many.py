"""``predict`` on a folder and on a data set: one result an image, none lost, none overwritten, none outside."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtlviz.data.images import read_image
from mtlviz.engine import load
from tests.cli.test_predict import FILES
from tests.training.data_sets import make


@pytest.fixture
def photographs(rng):
    """Five images in two folders, two of one stem, one larger than the network's input; a damaged file; other files."""
    root = Path("photos")
    for name in ("b.jpg", "a.png", "a.jpg", "deep/a.jpg", "deep/large.png"):
        size = (300, 410) if "large" in name else (40, 50)
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (*size, 3), np.uint8)).save(path)
    (root / "torn.jpg").write_bytes((root / "b.jpg").read_bytes()[:300])
    (root / "notes.txt").write_text("mine")
    (root / ".hidden.jpg").write_bytes(b"")
    (root / "unnamed").write_bytes((root / "a.png").read_bytes())
    return root


NAMES = ["a.jpg", "a.png", "b.jpg", "deep/a.jpg", "deep/large.png", "torn.jpg", "unnamed"]


def statuses(index: dict) -> dict[str, str]:
    return {record["image"]: record["status"] for record in index["images"]}


def test_every_image_below_a_folder_gets_its_own_folder_in_order(cli, checkpoints, photographs):
    outcome = cli("predict", photographs, "--checkpoint", "none", "--out", "o", "--json")
    assert outcome.code == 2
    index = outcome.last
    assert [record["image"] for record in index["images"]] == NAMES
    assert statuses(index) == {name: "failed" if name == "torn.jpg" else "written" for name in NAMES}
    assert (index["written"], index["kept"], index["failed"]) == (6, 0, 1)
    assert "torn.jpg is damaged or cut short" in outcome.err
    assert "Passed over 1 files" in outcome.err
    for name in set(NAMES) - {"torn.jpg"}:
        assert {path.name for path in Path("o", name).iterdir() if path.is_file()} == FILES
    assert not Path("o/torn.jpg").exists()
    run = load("none", folder=checkpoints, device="cpu").run(read_image(photographs / "deep/a.jpg"))
    with np.load("o/deep/a.jpg/predictions.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["depth"], run.prediction("depth").values, rtol=1e-4)


def test_the_index_says_what_made_the_results(cli, photographs):
    found = cli("predict", photographs, "--checkpoint", "none", "--out", "o", "--json").last
    index = json.loads(Path("o/index.json").read_text())
    assert index == {key: value for key, value in found.items() if key not in ("folder", "left_out")}
    one = json.loads(Path("o/b.jpg/predictions.json").read_text())
    record = next(record for record in index["images"] if record["image"] == "b.jpg")
    assert record["image_sha256"] == one["provenance"]["image_sha256"]
    assert record["weights_sha256"] == index["provenance"]["weights_sha256"] == one["provenance"]["weights_sha256"]
    assert index["provenance"]["versions"] == one["provenance"]["versions"]


def test_predictions_of_a_folder_have_the_network_s_size_unless_the_image_s_is_asked_for(cli, checkpoints, photographs):
    for words, size in (((), (59, 80)), (("--full-size",), (300, 410))):
        cli("predict", photographs / "deep", "--checkpoint", "none", "--out", f"o{len(words)}", *words)
        with np.load(f"o{len(words)}/large.png/predictions.npz", allow_pickle=False) as arrays:
            assert arrays["normals"].shape == (*size, 3)
            assert arrays["semseg"].shape == arrays["semseg_certainty"].shape == size
        with np.load(f"o{len(words)}/a.jpg/predictions.npz", allow_pickle=False) as arrays:
            assert arrays["depth"].shape == (40, 50)  # smaller than the network's input
    run = load("none", folder=checkpoints, device="cpu").run(read_image(photographs / "deep/large.png"))
    with np.load("o0/large.png/predictions.npz", allow_pickle=False) as arrays:
        np.testing.assert_allclose(arrays["depth"], run.letterbox.crop(run.outputs["depth"])[0], rtol=1e-4)


def test_one_image_has_its_own_size_unless_the_network_s_is_asked_for(cli, photographs):
    image = photographs / "deep" / "large.png"
    assert cli("predict", image, "--out", "o", "--json").last["predicted_size"] == [300, 410]
    assert cli("predict", image, "--out", "o", "--network-size", "--json").last["predicted_size"] == [59, 80]


def test_results_that_are_there_are_kept_until_overwriting_is_asked_for(cli, photographs):
    (photographs / "torn.jpg").unlink()
    words = ("predict", photographs, "--checkpoint", "none", "--out", "o", "--json")
    assert cli(*words).code == 0
    marked = Path("o/a.jpg/depth.png")
    marked.write_bytes(b"mine")
    Path("o/b.jpg/predictions.json").write_text("{")  # killed while it was written
    again = cli(*words).last
    assert statuses(again) == {name: "written" if name == "b.jpg" else "kept" for name in NAMES if name != "torn.jpg"}
    assert marked.read_bytes() == b"mine"
    record = next(record for record in again["images"] if record["image"] == "a.png")
    assert record["predicted_size"] == [40, 50]
    other = cli("predict", photographs, "--checkpoint", "kem", "--out", "o", "--json").last
    assert other["kept"] == 6
    assert {record["said"] for record in other["images"]} == {"was made by other weights; --overwrite replaces it"}
    assert cli(*words, "--overwrite").last["written"] == 6
    assert marked.read_bytes().startswith(b"\x89PNG")


def test_results_below_the_images_are_not_images(cli, photographs):
    (photographs / "torn.jpg").unlink()
    words = ("predict", photographs, "--checkpoint", "none", "--out", photographs / "results", "--json")
    assert len(cli(*words).last["images"]) == len(cli(*words).last["images"]) == 6
    refused = cli("predict", photographs, "--out", photographs)
    assert refused.code == 2
    assert "is the folder of the images" in refused.err


def test_no_name_leads_out_of_the_results(cli, photographs, tmp_path):
    image = (photographs / "a.png").read_bytes()
    for path in photographs.rglob("*"):
        if path.is_file():
            path.unlink()
    odd = ["line\nbreak.png", "100%.png", "100%25.png", "%2e%2e%2fup.png", "back\\slash.png", "index.json", "~"]
    for name in odd:
        (photographs / name).write_bytes(image)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Path("o").mkdir()
    Path("o/link.png").symlink_to(elsewhere)
    (photographs / "link.png").write_bytes(image)
    index = cli("predict", photographs, "--checkpoint", "none", "--out", "o", "--json").last
    failed = {record["image"]: record["said"] for record in index["images"] if record["status"] == "failed"}
    assert failed.keys() == {"index.json", "link.png"}
    assert "has the name of the index" in failed["index.json"]
    assert "leads out of --out by a link" in failed["link.png"]
    assert index["written"] == len(odd) - 1
    assert len([path for path in Path("o").iterdir() if path.is_dir() and not path.is_symlink()]) == len(odd) - 1
    assert not list(elsewhere.iterdir())


def test_an_interrupted_run_leaves_an_index_of_what_is_there(cli, photographs, monkeypatch):
    from mtlviz.engine import Engine

    run, taken = Engine.run, []

    def dying(*arguments, **options):
        taken.append(1)
        if len(taken) == 3:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(Engine, "run", dying)
    assert cli("predict", photographs, "--checkpoint", "none", "--out", "o").code == 130
    assert statuses(json.loads(Path("o/index.json").read_text())) == {"a.jpg": "written", "a.png": "written"}


def test_the_images_of_a_data_set_are_predicted_and_scored_where_it_is_labelled(cli, tmp_path):
    root = make("nyud", tmp_path / "nyud")
    (root / "depth" / "1.npy").write_bytes(b"damaged")
    words = ("predict", "--data", root, "--split", "train", "--checkpoint", "none", "--out", "o", "--json")
    outcome = cli(*words)
    assert outcome.code == 2
    first, second = outcome.last["images"]
    assert (first["status"], second["status"]) == ("written", "failed")
    assert "depth/1.npy" in second["said"]
    assert first["scores"].keys() == {"depth", "normals", "edge"}
    assert "semseg is left out" in outcome.err
    single = json.loads(Path("o/0/predictions.json").read_text())
    assert single["tasks"]["depth"]["metrics"] == first["scores"]["depth"]
    limited = cli("predict", "--data", root, "--limit", 1, "--checkpoint", "none", "--out", "p", "--json")
    assert limited.last["written"] == 1
