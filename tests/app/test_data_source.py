"""Data sets on disk as images of the app: what may be opened, links, neighbours, and scores."""

import json
import time

import numpy as np
import pytest
from PIL import Image

from mtlviz.data.rooms import render_room, write_rooms
from mtlviz.ui.data import picker, roots, worst
from mtlviz.ui.data import source as data_source
from tests.app.conftest import said, specs
from tests.data.sets import formats

PREDICTIONS = "pages/1_predictions.py"
PAGES = [
    PREDICTIONS, "pages/2_slots.py", "pages/3_compare.py", "pages/4_etf.py", "pages/5_collapse.py",
    "pages/6_embedding.py", "pages/7_stability.py", "pages/8_affinity.py", "pages/9_noise.py", "pages/10_surgery.py",
    "pages/11_attribution.py", "pages/12_faithfulness.py",
]  # fmt: skip


@pytest.fixture
def start_with(monkeypatch):
    """Start the app with a folder."""

    def start(path):
        monkeypatch.setenv(roots.VARIABLE, str(path))
        forget()
        return path

    return start


def forget():
    for cache in (data_source._listed, data_source._typed, data_source._splits, data_source._opened,
                  data_source._read, data_source._stamps, data_source._first_seen, worst._scores):  # fmt: skip
        cache.clear()


@pytest.fixture
def folder(tmp_path, start_with):
    """The folder that the app is started with; empty so far."""
    return start_with(tmp_path)


@pytest.fixture
def every_form(all_forms, start_with):
    """The folder that the app is started with, of one tiny data set of every form."""
    return start_with(all_forms)


@pytest.fixture(scope="module")
def all_forms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    formats.nyud(folder / "NYUD_MT", size=(96, 128))
    formats.nyud(folder / "ATRC", atrc=True)
    formats.mtan_nyu(folder / "mtan_nyu", size=(96, 128))
    formats.mtan_cityscapes(folder / "mtan_city")
    formats.cityscapes(folder / "deep" / "cityscapes")
    formats.pascal(folder / "PASCAL_MT")
    write_rooms(folder / "rooms" / "val", split="val", count=2, size=(64, 80))
    own_folder(folder / "own")
    return folder


def own_folder(root):
    """A folder data set of three rooms whose classes are those of the models, in its own files."""
    for number in range(3):
        room = render_room(number + 1, size=(64, 80))
        formats.save(root / "val" / "image" / f"{number}.png", room.image)
        formats.save(root / "val" / "depth" / f"{number}.npy", room.labels["depth"])
    (root / "dataset.yaml").write_text("title: Own\ntasks:\n  - {name: depth, kind: depth}\n")


def shown(at):
    return at.session_state["_current"]


def open_set(open_page, label, page=None, **query):
    return open_page(page, source="data", data=label, **query)


# ---- which paths


def test_the_folders_are_those_of_the_command_line_and_of_the_environment(tmp_path):
    arguments = ["--data", str(tmp_path / "a"), f"--data={tmp_path / 'b'}", "--other", "x"]
    found = roots.named_folders(arguments, {"MTLVIZ_DATA": f"{tmp_path / 'c'}:{tmp_path / 'a'}"})
    assert [folder.name for folder in found] == ["a", "b", "c"]
    assert roots.named_folders(["--data"], {"MTLVIZ_DATA": ""}) == ()


def test_a_path_is_accepted_only_below_a_named_folder(tmp_path):
    root = tmp_path / "allowed"
    (root / "inner").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (root / "way_out").symlink_to(tmp_path / "secret")
    assert roots.typed_path("inner", [root]) == root / "inner"
    assert roots.typed_path(f" {root}/inner/../inner ", [root]) == root / "inner"
    sentences = set()
    outside = ("../secret", str(tmp_path / "secret"), "way_out", "/etc")
    for text in (*outside, "missing", "/no/such", "a\0b", "~", "x" * 9999):
        with pytest.raises(roots.DataError) as error:
            roots.typed_path(text, [root])
        sentences.add(str(error.value))
    assert len(sentences) == 1
    with pytest.raises(roots.DataError):
        roots.typed_path("inner", [])


def test_labels_are_different_for_different_paths_and_hide_where_the_folders_lie(tmp_path):
    folders = [tmp_path / "a" / "sets", tmp_path / "b" / "sets"]
    labels = [roots.label(folder / "NYUD", folders) for folder in folders]
    assert labels == ["sets (1)/NYUD", "sets (2)/NYUD"]
    assert roots.label(folders[0], folders[:1]) == "sets"
    assert roots.label(folders[0] / "x" / "y", folders[:1]) == "x/y"


def test_every_form_is_found_and_nothing_inside_a_data_set_is(every_form):
    assert set(roots.listed([every_form])) == {
        "NYUD_MT", "ATRC", "mtan_nyu", "mtan_city", "deep/cityscapes", "PASCAL_MT", "rooms", "own"
    }  # fmt: skip


# ---- images of every form


@pytest.mark.parametrize(
    ("label", "scored", "unscored"),
    [
        ("NYUD_MT", {"depth", "normals", "edge"}, {"semseg"}),
        ("ATRC", {"depth", "normals", "edge"}, {"semseg"}),
        ("mtan_nyu", {"depth", "normals"}, {"semseg"}),
        ("mtan_city", set(), {"semseg", "disparity"}),
        ("deep/cityscapes", {"depth"}, {"semseg", "disparity"}),
        ("PASCAL_MT", {"normals", "edge", "saliency"}, {"semseg"}),
        ("rooms", {"semseg", "depth", "normals", "edge", "saliency"}, set()),  # without a person there are no parts
        ("own", {"depth"}, set()),
    ],
)
def test_an_image_of_every_form_is_shown_with_what_can_be_scored(every_form, open_page, label, scored, unscored):
    at = open_set(open_page, label, PREDICTIONS)
    assert not at.exception
    assert [error.value for error in at.error] == []
    assert shown(at).source == "data"
    assert set(at.session_state["_comparable"][2].sample.labels) == scored
    assert set(shown(at).sample.labels) == scored | unscored
    assert ("Not scored" in said(at)) == bool(unscored)
    assert ("Ground truth that is not scored" in [heading.value for heading in at.subheader]) == bool(unscored)


def test_labels_of_another_unit_are_shown_in_their_own(every_form, open_page):
    at = open_set(open_page, "deep/cityscapes", PREDICTIONS)
    assert "its 19 classes are not the 17 of kem" in said(at)
    assert "no chosen model has it" in said(at)
    assert any("disparity (px)" in spec for spec in specs(at))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_an_image_with_gaps_in_its_labels(every_form, open_page, page):
    at = open_set(open_page, "NYUD_MT", page)
    assert not at.exception
    assert [error.value for error in at.error] == []


def test_a_large_image_is_made_smaller_with_its_labels_and_its_camera(folder):
    formats.cityscapes(folder / "cityscapes", train=1, val=1, size=(1024, 2048))
    source = data_source.opened("cityscapes", folder / "cityscapes", "val")
    sample = source.read(0)
    assert sample.size == (512, 1024)
    assert all(label.shape[:2] == sample.size for label in sample.labels.values())
    assert sample.intrinsics.fx == pytest.approx(formats.FOCAL / 2)
    full = source.data[0]
    assert np.array_equal(sample.labels["depth"], full.labels["depth"][1::2, 1::2])
    assert np.array_equal(sample.valid["depth"], full.valid["depth"][1::2, 1::2])


# ---- links


def test_a_link_restores_set_split_and_number(every_form, open_page):
    at = open_set(open_page, "NYUD_MT", data_split="train", data_number="1")
    assert shown(at).sample.name.startswith("NYUD_MT train 1")
    assert [info.value for info in at.info] == []
    for key in ("data", "data_number"):
        widgets = [*at.selectbox, *at.number_input]
        assert next(one for one in widgets if one.key == key).proto.query_param_key == key


def test_the_held_out_split_comes_first(every_form, open_page):
    assert shown(open_set(open_page, "NYUD_MT")).sample.name.startswith("NYUD_MT val 0")


@pytest.mark.parametrize("hostile", ["gone", "/etc", "../../etc/passwd", "<script>alert(1)</script>", "\x00"])
def test_a_link_to_a_set_that_is_not_here_says_so_and_shows_a_built_in_image(every_form, open_page, hostile):
    at = open_set(open_page, hostile)
    assert not at.exception
    assert shown(at).source == "photo"
    assert sum("does not have on its machine" in info.value for info in at.info) == 1
    assert hostile not in said(at)


def test_a_link_to_a_data_set_where_none_can_be_opened_says_so(open_page, monkeypatch):
    monkeypatch.delenv(roots.VARIABLE, raising=False)
    at = open_set(open_page, "NYUD_MT")
    assert any("does not have on its machine" in info.value for info in at.info)
    assert roots.START in said(at)
    assert shown(at).source == "photo"


@pytest.mark.parametrize(("key", "value"), [("data_split", "secret"), ("data_number", "99"), ("data_number", "inf")])
def test_a_link_to_a_wrong_split_or_number_falls_back_and_says_so(every_form, open_page, key, value):
    at = open_set(open_page, "NYUD_MT", **{key: value})
    assert not at.exception
    assert any(f"“{key}”" in info.value for info in at.info)
    assert shown(at).sample.name.startswith("NYUD_MT val 0")


# ---- choosing


def test_the_only_data_set_is_chosen_at_once(folder, open_page):
    own_folder(folder / "own")
    assert shown(open_page(source="data")).sample.name.startswith("own val 0")


def test_next_and_previous_go_through_the_split_and_stop_at_its_ends(folder, open_page):
    own_folder(folder / "own")
    at = open_page(source="data")
    assert at.button(key="data_previous").disabled
    at.button(key="data_next").click().run()
    at.button(key="data_next").click().run()
    assert shown(at).sample.name.startswith("own val 2")
    assert at.number_input(key="data_number").value == 2
    assert at.button(key="data_next").disabled
    at.button(key="data_previous").click().run()
    assert shown(at).sample.name.startswith("own val 1")


def test_another_set_or_split_with_fewer_images_starts_where_it_can(every_form, open_page):
    at = open_set(open_page, "own", data_number="2")
    at.selectbox(key="data").set_value("rooms").run()
    assert not at.exception
    assert shown(at).sample.name.startswith("rooms val 0")
    assert [info.value for info in at.info] == []


def test_a_typed_path_is_chosen_and_can_be_linked_to(folder, open_page):
    own_folder(folder / "a" / "b" / "c")
    at = open_page(source="data")
    at.text_input(key="data_path").set_value("a/b/c").run()
    assert shown(at).sample.name.startswith("a/b/c val 0")
    assert shown(open_set(open_page, "a/b/c")).sample.name.startswith("a/b/c val 0")


@pytest.mark.parametrize("text", ["/etc", "..", "nowhere"])
def test_a_typed_path_outside_gives_one_sentence_and_changes_nothing(every_form, open_page, text):
    at = open_set(open_page, "own")
    at.text_input(key="data_path").set_value(text).run()
    assert len(at.error) == 1
    assert str(every_form) not in at.error[0].value.replace("\\", "")
    assert shown(at).sample.name.startswith("own val 0")


def test_a_damaged_file_gives_one_sentence_without_the_folders_path(folder, open_page):
    own_folder(folder / "own")
    (folder / "own" / "val" / "depth" / "1.npy").write_bytes(b"x")
    at = open_page(source="data")
    at.button(key="data_next").click().run()
    assert not at.exception
    assert len(at.error) == 1
    assert str(folder) not in at.error[0].value.replace("\\", "")
    assert shown(at).sample.name.startswith("own val 0")
    at.button(key="data_next").click().run()
    assert shown(at).sample.name.startswith("own val 2")


def test_choices_survive_a_change_of_page(folder, open_page):
    own_folder(folder / "own")
    at = open_page(source="data", data_number="1")
    at.switch_page("pages/3_compare.py").run()
    assert shown(at).sample.name.startswith("own val 1")


# ---- the worst images


def finished(at):
    """Run again until the background is done."""
    for _ in range(200):
        job = next((at.session_state[key] for key in ["_data_worst_job"] if key in at.session_state), None)
        if job is not None and not job.running:
            return at.run()
        time.sleep(0.05)
    raise AssertionError("the scoring did not end")


def test_the_worst_image_is_the_one_with_the_largest_error(folder, open_page):
    own_folder(folder / "shifted")
    depth = folder / "shifted" / "val" / "depth" / "1.npy"
    np.save(depth, np.load(depth) + 50)
    at = open_page(PREDICTIONS, source="data")
    at = finished(at.button(key="data_score").click().run())
    assert not at.exception
    first = next(button for button in at.button if str(button.key).startswith("data_worst_"))
    assert first.key == "data_worst_1"
    assert "n = 3 images" in said(at)
    first.click().run()
    assert shown(at).sample.name.startswith("shifted val 1")
    assert "The image shown is number 1 of them." in said(at)
    value = float(first.label.split()[0].strip("*"))
    assert f"RMSE {value:.2f} m" in "".join(specs(at))  # Predictions shows the same number
    assert not [button for button in at.button if button.key == "data_score"]


def test_scores_are_remembered_for_a_model_and_a_data_set(folder, open_page):
    own_folder(folder / "own")
    finished(open_page(source="data").button(key="data_score").click().run())
    again = open_page(source="data")
    assert [button for button in again.button if str(button.key).startswith("data_worst_")]
    other = open_page(source="data", model="none")
    assert other.button(key="data_score").label == "Score 3 images"


def test_files_that_were_changed_meanwhile_are_shown_and_scored_anew(folder, open_page):
    own_folder(folder / "own")
    at = finished(open_page(PREDICTIONS, source="data").button(key="data_score").click().run())
    name, before = shown(at).sample.name, shown(at).sample.labels["depth"]
    depth = folder / "own" / "val" / "depth" / "0.npy"
    np.save(depth, np.load(depth).astype(np.float64) + 50)
    data_source._stamps.clear()  # half a minute later
    at = at.run()
    np.testing.assert_allclose(shown(at).sample.labels["depth"], before + 50, rtol=1e-6)
    assert shown(at).sample.name.startswith(f"{name}, changed ")
    assert at.button(key="data_score").label == "Score 1 image"
    at = finished(at.button(key="data_score").click().run())
    first = next(button for button in at.button if str(button.key).startswith("data_worst_"))
    assert first.key == "data_worst_0"
    assert f"RMSE {float(first.label.split()[0].strip('*')):.2f} m" in "".join(specs(at))


def test_a_yaml_that_was_changed_is_read_anew(folder, open_page):
    own_folder(folder / "own")
    at = open_page(source="data")
    before = shown(at).sample.labels["depth"]
    described = folder / "own" / "dataset.yaml"
    described.write_text(described.read_text().replace("kind: depth", "kind: depth, scale: 2"))
    np.testing.assert_allclose(shown(at.run()).sample.labels["depth"], 2 * before)


def test_a_set_without_comparable_labels_says_so(every_form, open_page):
    at = open_set(open_page, "mtan_city")
    assert "No label of this data set can be compared with what kem predicts" in said(at)


def test_the_images_scored_are_spread_over_the_split(folder, open_page):
    own_folder(folder / "own")
    at = open_page(source="data", data_worst="2")
    at = finished(at.button(key="data_score").click().run())
    assert "n = 2 images, evenly spaced over 3" in said(at)
    assert at.number_input(key="data_worst").proto.query_param_key == "data_worst"


def test_the_shown_values_are_those_of_the_files(folder, open_page):
    own_folder(folder / "own")
    at = open_page(source="data", data_number="2")
    image = np.asarray(Image.open(folder / "own" / "val" / "image" / "2.png"))
    assert np.array_equal(shown(at).sample.image, image)
    assert np.array_equal(shown(at).sample.labels["depth"], np.load(folder / "own" / "val" / "depth" / "2.npy"))


def test_no_option_of_the_app_carries_a_path(every_form, open_page):
    at = open_set(open_page, "own")
    options = json.dumps([list(box.options) for box in at.selectbox])
    assert str(every_form) not in options
    assert at.selectbox(key="data").key == picker.DATA
