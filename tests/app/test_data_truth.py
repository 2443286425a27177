"""Ground truth of one's own image."""

import io

import numpy as np
import pytest
from PIL import Image

from mtlviz.data.rooms import render_room
from mtlviz.tasks import TASKS
from mtlviz.ui import sources
from mtlviz.ui.data import truth as data_truth
from tests.app.conftest import said, upload
from tests.app.test_data_source import PAGES, PREDICTIONS

ROOM = render_room(1, size=(64, 80))
FILES = {
    "Depth": ("depth", "depth.npy", ROOM.labels["depth"]),
    "Semantic segmentation": ("semseg", "classes.png", ROOM.labels["semseg"]),
    "Surface normals": ("normals", "normals.npy", ROOM.labels["normals"]),
    "Edges": ("edge", "edges.png", ROOM.labels["edge"]),
}


def content(name, array):
    buffer = io.BytesIO()
    if name.endswith(".npy"):
        np.save(buffer, array)
    else:
        Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def own_image(at, image=ROOM.image, name="mine.png"):
    return upload(at, name, content(name, image))


def give(at, title, file=None):
    """Choose a task and drop a file for it."""
    at.selectbox(key="truth_task").set_value(title).run()
    task, name, array = FILES[title]
    uploader = next(one for one in at.file_uploader if str(one.key).startswith(f"truth_file_{task}_"))
    uploader.set_value((name, file or content(name, array), "application/octet-stream"))
    return at.run()


def labels(at):
    return at.session_state["_current"].sample.labels


def test_truth_of_every_kind_becomes_labels_of_the_image(open_page):
    at = own_image(open_page(PREDICTIONS))
    assert labels(at) == {}
    for title in FILES:
        at = give(at, title)
        assert not at.error
    for task, _, array in FILES.values():
        assert np.allclose(labels(at)[task], array)
    assert "ground truth" in said(at)
    assert "with truth" in at.session_state["_current"].sample.name


@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws_an_upload_with_truth(open_page, page):
    at = own_image(open_page())
    for title in FILES:
        at = give(at, title)
    at.switch_page(page).run()
    assert not at.exception
    assert [error.value for error in at.error] == []
    assert "depth" in labels(at)


def test_another_truth_of_the_same_task_is_another_image_to_what_is_remembered(open_page):
    at = give(own_image(open_page()), "Depth")
    first = at.session_state["_current"].sample.name
    at = give(at, "Depth", content("x.npy", ROOM.labels["depth"] * 2))
    assert at.session_state["_current"].sample.name != first
    assert np.allclose(labels(at)["depth"], ROOM.labels["depth"] * 2)


def test_a_bad_file_gives_one_sentence_and_keeps_what_there_was(open_page):
    at = give(own_image(open_page()), "Depth")
    at = give(at, "Depth", b"no array")
    assert not at.exception
    assert len(at.error) == 1
    assert np.allclose(labels(at)["depth"], ROOM.labels["depth"])


def test_truth_can_be_removed_and_a_new_image_forgets_it(open_page):
    at = give(give(own_image(open_page()), "Depth"), "Edges")
    at.button(key="truth_remove_depth").click().run()
    assert set(labels(at)) == {"edge"}
    at = own_image(at, np.ascontiguousarray(ROOM.image[:, ::-1]), "other.png")
    assert labels(at) == {}


def test_truth_in_classes_of_a_model_with_others_is_not_scored(open_page, monkeypatch):
    at = give(own_image(open_page()), "Semantic segmentation")
    found = at.session_state[data_truth.UPLOAD]
    truth = found.truths["semseg"]
    fewer = sources.replace(truth.task, channels=2, class_names=("a", "b"), palette=truth.task.palette[:2])
    at.session_state[data_truth.UPLOAD] = sources.replace(found, truths={"semseg": sources.replace(truth, task=fewer)})
    at.run()
    assert "its 2 classes are not the 17 of kem" in said(at)


def test_truth_of_a_large_image_is_made_smaller_with_it(open_page):
    image = np.repeat(np.repeat(ROOM.image, 32, 0), 32, 1)
    upload_ = sources.uploaded(content("big.png", image), "big.png")
    depth = np.repeat(np.repeat(ROOM.labels["depth"], 32, 0), 32, 1)
    made = upload_.with_truth(TASKS["depth"], content("d.npy", depth), "d.npy").sample
    assert made.size == (819, 1024)
    assert made.labels["depth"].shape == made.size
    assert np.isin(made.labels["depth"], ROOM.labels["depth"]).all()


def test_thin_edges_of_a_large_image_stay_whole():
    upload_ = sources.uploaded(content("big.png", np.zeros((2048, 2048, 3), np.uint8)), "big.png")
    edges = np.zeros((2048, 2048), np.uint8)
    edges[1000] = edges[:, 1001] = 1
    made = upload_.with_truth(TASKS["edge"], content("e.png", edges), "e.png").sample
    assert made.labels["edge"].all(1).sum() == made.labels["edge"].all(0).sum() == 1


def test_the_control_says_what_each_file_must_be(open_page):
    at = own_image(open_page())
    for title, said_ in (("Depth", "millimetres"), ("Semantic segmentation", "0 wall"), ("Edges", "1 bit"),
                         ("Surface normals", "towards the camera")):  # fmt: skip
        at.selectbox(key="truth_task").set_value(title).run()
        assert said_ in said(at)
        assert "80 × 64" in said(at)
