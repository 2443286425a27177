"""The Stability page: picks before and after a change, one model beside another, curves, stored sets."""

from dataclasses import replace

import pytest

from mtlviz import results
from mtlviz.analysis.stability.comparison import clean_selection
from mtlviz.analysis.stability.perturbations import IDENTITY, KINDS, Perturbation
from mtlviz.analysis.stability.record import model_record
from mtlviz.analysis.stability.summary import KIND, stability_summary
from mtlviz.checkpoints import load_weights, read_card, save_checkpoint
from mtlviz.cli.answers import plain
from mtlviz.engine import load
from mtlviz.plots.style import BUDGET
from mtlviz.ui import sources, state
from mtlviz.ui.stability import curve, page
from tests.app.conftest import png, said, save_tiny, spec, specs, upload

PAGE = "pages/7_stability.py"
CHANGES = (IDENTITY, Perturbation("noise", 0.05))


@pytest.fixture
def open_both(open_page, monkeypatch, tmp_path):
    """Open the page where no result is stored."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return lambda **query: open_page(PAGE, **query)


def store(folder, path, *names):
    """A result of two rooms for these models."""
    rooms = [sources.room(number) for number in (0, 1)]
    records = [model_record(load(name, folder=folder), rooms, CHANGES) for name in names]
    content = {**stability_summary(records, CHANGES, 0), "data": "rooms:val", "device": "cpu", "versions": {}}
    score = {"headline": "miou", "metrics": {"miou": 0.123}, "constant": {"miou": 0.02}, "protocol": "p"}
    for model in content["models"]:
        model["scores"] = {"semseg": score}
    results.write_result(path / "stability.json", KIND, plain(content))


def counts(at) -> list[str]:
    """Titles and notes of the four maps."""
    return [spec(at, index)["layout"]["annotations"][0]["text"] for index in range(4)]


def test_skem_stands_beside_kem_where_the_second_model_has_no_slots(open_both):
    at = open_both()
    assert not at.exception
    assert not at.error
    assert "sKEM stands beside KEM here" in said(at)
    assert all(f"the picks of **{name}** overlap to" in said(at) for name in ("KEM", "sKEM"))
    at.button(key="stability_second").click().run()
    assert at.selectbox(key="second").value == "skem"
    assert "stands beside" not in said(at)


def test_the_maps_count_what_was_kept_lost_and_new(open_both):
    at = open_both(stability_noise="0.2")
    for index in (0, 1):
        marks = {trace["name"]: len(trace["x"]) for trace in spec(at, index)["data"] if trace.get("name") in
                 ("kept", "lost", "new", "outside")}  # fmt: skip
        assert sum(marks.values()) == 60
        for fate, count in marks.items():
            assert f"{count} {fate}" in counts(at)[index]
    assert "as it is" in counts(at)[0]
    assert "image noise 0.2" in counts(at)[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_strength_of_nothing_keeps_every_pick(open_both, kind):
    at = open_both(stability_kind=kind, **{f"stability_{kind}": str(KINDS[kind].nothing)})
    assert not at.error
    assert "**nothing changes**" in said(at)
    assert all("60 kept" in text for text in counts(at)[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_change_is_drawn(open_both, kind):
    at = open_both(stability_kind=kind, stability_seed="4")
    assert not at.exception
    assert not at.error
    assert KINDS[kind].explanation in said(at)
    assert max(map(len, specs(at))) < BUDGET
    assert said(at).count("How to read this") >= 3


def test_the_maps_of_one_task_hold_its_picks_alone(open_both):
    totals = []
    for task in ("semseg", "depth", "normals", "edge"):
        text = counts(open_both(stability_task=task))[0].split("<br>")[1]
        totals.append(sum(int(word) for word in text.split() if word.isdigit()))
    assert sum(totals) == 60


def test_the_seed_draws_other_noise(open_both):
    assert spec(open_both(stability_seed="1"), 4) != spec(open_both(stability_seed="2"), 4)


@pytest.mark.parametrize(
    ("key", "value"),
    [("stability_kind", "<script>"), ("stability_task", "../x"), ("stability_seed", "-4"), ("stability_noise", "9")],
)
def test_a_hostile_link_falls_back_and_says_so(open_both, key, value):
    at = open_both(**{key: value})
    assert not at.exception
    assert not at.error
    assert f"The link's “{key}”" in said(at)
    assert value not in said(at) or value == "9"


@pytest.mark.parametrize("model", ["none", "cross_attention"])
def test_a_model_without_slots_says_why_and_offers_one_that_has_them(open_both, model):
    at = open_both(model=model)
    assert "has no memory slots" in said(at)
    assert not at.get("plotly_chart")
    at.button(key="stability_use_skem").click().run()
    assert at.selectbox(key="model").value == "skem"
    assert at.get("plotly_chart")


def test_a_model_that_picks_for_every_reader_is_not_said_to_pick_nothing(open_both, checkpoints, tmp_path, monkeypatch):
    folder = tmp_path / "topk"
    save_tiny("topk", "Top-K", "cross_attention", {"picks": 5}, folder)
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(folder))
    words = said(open_both(model="topk"))
    assert "picks 5 tokens for every token that reads" in words
    assert "no selection that could change" not in words


def test_one_model_with_slots_stands_alone(open_both, checkpoints, monkeypatch, tmp_path):
    for name in ("none", "kem"):
        save_checkpoint(load_weights(name, checkpoints), read_card(name, checkpoints), tmp_path / "alone")
    monkeypatch.setenv("MTLVIZ_CHECKPOINTS", str(tmp_path / "alone"))
    at = open_both()
    assert not at.error
    assert "stands beside" not in said(at)
    assert said(at).count("overlap to") == 1


def test_a_photograph_without_labels_takes_classes_from_the_prediction(open_both):
    at = upload(open_both(), "mine.png", png(96, 40))
    assert not at.exception
    assert not at.error
    assert "what each model itself says" in said(at)


def test_a_curve_is_measured_on_a_button_and_goes_with_the_image(open_both, monkeypatch):
    monkeypatch.setattr(curve, "SEEDS", 2)
    monkeypatch.setattr(curve, "POINTS", 3)
    at = open_both()
    before = len(at.get("plotly_chart"))
    assert "One strength may be a special case" in said(at)
    at.button(key="stability_start").click().run()
    assert not at.exception
    assert len(at.get("plotly_chart")) == before + 1
    assert "One strength may be a special case" not in said(at)
    at.number_input(key="room").set_value(3).run()
    assert "One strength may be a special case" in said(at)


def test_a_stopped_curve_keeps_what_is_done(open_both, monkeypatch):
    monkeypatch.setattr(curve, "SEEDS", 1)
    at = open_both()
    at.button(key="stability_start").click().run()
    job = at.session_state["_stability_curve"]
    rest = ((0.3, 0, 0),)
    done = {key: rows for key, rows in job.done.items() if key != (0, 0.3)}
    at.session_state["_stability_curve"] = replace(job, todo=rest, done=done)
    at.run()
    assert "Stopped after" in said(at)


def test_a_curve_is_of_these_labels_and_devices(open_both):
    open_both()
    engine = state.engine_named("kem")
    clean = clean_selection(engine, sources.room(0))
    run, sample = clean.run, clean.run.sample

    def key(run):
        return curve._key([page.Side(0, "", engine, replace(clean, run=run))], "noise")

    elsewhere = replace(run, provenance=replace(run.provenance, device="cuda"))
    unlabelled = replace(run, sample=replace(sample, labels={}, valid={}))
    assert len({key(run), key(elsewhere), key(unlabelled)}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_goes_from_one_end_to_the_other_and_through_nothing(kind):
    found, about = curve.strengths(kind), KINDS[kind]
    assert about.nothing in found
    assert found[0] == about.low
    assert found[-1] <= about.high
    assert found == tuple(sorted(set(found)))
    assert 3 <= len(found) <= curve.POINTS + 1


def test_without_a_stored_result_the_command_is_named(open_both):
    assert "python -m mtlviz stability --checkpoints kem skem" in said(open_both())


def test_a_stored_result_of_these_weights_is_shown_with_its_difference(open_both, checkpoints, tmp_path):
    store(checkpoints, tmp_path, "kem", "skem")
    at = open_both()
    assert not at.exception
    assert not at.error
    assert "Over **n = 2** images of rooms:val" in said(at).replace("\\", "")
    assert "sKEM − KEM is" in said(at)
    assert any("another image" in str(table.value) for table in at.table)
    assert any("0.123" in str(table.value) for table in at.table)
    turned = open_both(model="skem", second="kem")
    assert "KEM − sKEM is" in said(turned)


def test_a_stored_result_of_one_model_says_which_other_is_missing(open_both, checkpoints, tmp_path):
    store(checkpoints, tmp_path, "kem")
    at = open_both()
    assert any("does not hold the weights of sKEM" in info.value for info in at.info)
    assert "Over **n = 2**" in said(at)


def test_a_stored_result_of_the_second_model_alone_is_shown_as_the_second(open_both, checkpoints, tmp_path):
    store(checkpoints, tmp_path, "kem")
    at = open_both(model="skem", second="kem")
    assert not at.exception
    assert not at.error
    assert any("does not hold the weights of sKEM" in info.value for info in at.info)
    assert "results/stability-skem-kem.json" in "".join(info.value for info in at.info)


def test_a_task_that_a_model_lacks_has_no_share_of_its_picks(open_both):
    at = open_both(model="skem", second="kem")
    table = next(one.value for one in at.table if "Picks by task" in str(one.value.index.name))
    assert set(table.loc["Saliency", :]) >= {"–"}
    assert "nan%" not in str(table)
    assert "equal share 17% or" in table.index.name


def test_a_measure_of_a_task_that_the_next_model_lacks_gives_way(open_both):
    at = open_both(model="skem", second="none", stability_measure="human parts: mIoU with before")
    assert at.selectbox(key="stability_measure").value == "human parts: mIoU with before"
    at.selectbox(key="model").set_value("kem").run()
    assert not at.exception
    assert at.selectbox(key="stability_measure").value == "token overlap"


def test_a_result_of_other_weights_or_a_damaged_one_is_not_shown(open_both, tmp_path):
    (tmp_path / "stability.json").write_text('{"kind": "stability", "models": 3}')
    at = open_both()
    assert not at.exception
    assert "No result over a set is stored" in said(at)


def test_the_page_holds_no_choice_of_a_model_that_is_gone(open_both):
    at = open_both(stability_task="edge")
    at.selectbox(key="model").set_value("skem").run()
    assert not at.error
    assert at.selectbox(key="stability_task").value == "edge"
