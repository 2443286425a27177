"""The full comparison: who is trained, what is kept, and that its scores are those of the evaluation."""

import json

import pytest
import yaml
from safetensors.torch import load_file, save_file

from mtlviz.analysis.system_record import SINGLE, Cost
from mtlviz.analysis.systems import read_comparison, table
from mtlviz.errors import DataError, OptionError
from mtlviz.training.comparison import GROUPS, Part, run_comparison
from mtlviz.training.comparison_plan import only, read_plan
from mtlviz.training.config import parse_config, read_config
from mtlviz.training.evaluate import evaluate_network
from mtlviz.training.loop import build_network
from mtlviz.training.sources import First, checked_held_out
from tests.training.tiny import tiny_config

COST = Cost({"total": 5}, {"total": 7}, 1.0, 1.0, 9)


@pytest.fixture
def plan(rooms, tmp_path):
    """Two systems in one regime with scarce segmentation."""
    network = build_network(tiny_config(rooms, seed=7, network={"width": 20}))
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, tmp_path / "e.safetensors")
    start = str(tmp_path / "e.safetensors")
    values = tiny_config(
        rooms, budget=8, data={"keep": {"semseg": 0.5}}, weights={"normals": 8.0}, encoder=start,
        frozen=True, network={"interaction": "none", "options": {}, "width": 20},
    ).model_dump(mode="json", exclude_defaults=True)  # fmt: skip
    (tmp_path / "few.yaml").write_text(yaml.safe_dump({**values, "summary": "few rooms"}))
    (tmp_path / "none.yaml").write_text(yaml.safe_dump({**values, "title": "Nothing"}))
    skem = {"interaction": "stable_kem", "options": {"slots": 4, "rung": "collapse"}}
    changed = {"network": {**values["network"], **skem}, "auxiliary": {"collapse": 0.4}}
    (tmp_path / "skem.yaml").write_text(yaml.safe_dump({**values, **changed, "title": "Stable"}))
    path = tmp_path / "plan.yaml"
    path.write_text("tier: tiny\nregimes: [few.yaml]\nsystems: [none.yaml, skem.yaml]\nseeds: [1]\n")
    return path


def quiet(_line):
    return None


def test_every_system_and_every_task_alone_is_trained_once_and_kept(plan, tmp_path):
    out = tmp_path / "out"
    found = run_comparison(plan, out, say=quiet)
    assert list(found.regimes["few"].systems) == [SINGLE, "none", "skem"]
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert len(written) == 6  # four tasks alone, and two systems
    assert run_comparison(plan, out, say=quiet) == found
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == written
    assert read_comparison(json.loads((out / "comparison.json").read_text())) == found
    assert found.regimes["few"].images == 10


def test_one_more_seed_trains_that_seed_only(plan, tmp_path):
    out = tmp_path / "out"
    first = run_comparison(plan, out, say=quiet).regimes["few"].systems["skem"].trainings
    plan.write_text(plan.read_text().replace("seeds: [1]", "seeds: [1, 2]"))
    both = run_comparison(plan, out, say=quiet)
    trainings = both.regimes["few"].systems["skem"].trainings
    assert trainings[0] == first[0]
    assert [one.seed for one in trainings] == [1, 2]
    assert trainings[0].weights_sha256 != trainings[1].weights_sha256
    assert all(row.scores["depth"].over == "seeds" for row in table(both, "few"))


def test_scores_are_those_of_the_evaluation(plan, tmp_path):
    found = run_comparison(plan, tmp_path / "out", say=quiet).regimes["few"].systems["skem"].trainings[0]
    folder = tmp_path / "out" / "few" / "skem" / "seed-1"
    config = read_config(folder / "config.json")
    network = build_network(config)
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    samples = checked_held_out(config)
    scores = evaluate_network(network, samples, config.task_list())
    assert found.metrics == {name: one["metrics"] for name, one in scores["tasks"].items()}
    assert found.off == scores["interaction_off"]


def test_groups_cut_the_held_out_images_into_runs_without_overlap():
    class Numbers:
        def __len__(self):
            return 23

        def __getitem__(self, index):
            return index

    parts = [Part(Numbers(), GROUPS, k) for k in range(GROUPS)]
    assert [part[k] for part in parts for k in range(len(part))] == list(range(23))
    assert {len(part) for part in parts} == {2, 3}
    with pytest.raises(IndexError):
        parts[0][len(parts[0])]


def test_a_group_scores_as_its_images_alone(plan, tmp_path, monkeypatch):
    monkeypatch.setattr("mtlviz.training.comparison.GROUPS", 5)
    found = run_comparison(plan, tmp_path / "out", say=quiet).regimes["few"].systems["none"].trainings[0]
    folder = tmp_path / "out" / "few" / "none" / "seed-1"
    config = read_config(folder / "config.json")
    network = build_network(config)
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    alone = evaluate_network(network, First(checked_held_out(config), 1), config.task_list())
    assert [len(values) for values in found.groups.values()] == [5] * 4
    assert found.groups["depth"][0] == alone["tasks"]["depth"]["metrics"]["rmse"]


def test_a_task_alone_keeps_its_own_options_and_nothing_else(plan):
    config = only(read_config(plan.parent / "few.yaml"), "depth")
    assert (config.tasks, config.weights, config.data.keep) == (("depth",), {}, {})
    assert config.network.interaction == "none"
    options = {"rates": {"edge": 0.5}, "tasks": {"semseg": {"rate": 0.1}, "depth": {"rate": 0.2}}}
    sampling = {"rare": "semseg", "labelled": {"depth": 2.0}}
    values = read_config(plan.parent / "few.yaml").model_dump()
    rich = parse_config(values | {"optimiser": options, "data": values["data"] | {"sampling": sampling}})
    assert only(rich, "depth").strange_name(["depth"]) == only(rich, "edge").strange_name(["edge"]) == ""
    assert only(rich, "depth").data.sampling.named == {"depth": 2.0}
    assert only(rich, "edge").data.sampling is None
    segmented = only(read_config(plan.parent / "few.yaml"), "semseg")
    assert segmented.data.keep == {"semseg": 0.5}


def test_costs_are_asked_for_once_with_every_system(plan, tmp_path):
    asked = []

    def costs(systems, size):
        asked.append(({name: list(parts) for name, parts in systems.items()}, size))
        return dict.fromkeys(systems, COST)

    found = run_comparison(plan, tmp_path / "out", costs, quiet)
    (systems, size), *more = asked
    assert not more
    assert (size, systems["skem"], len(systems[SINGLE])) == ((32, 64), [""], 4)
    assert all(system.cost == COST for system in found.regimes["few"].systems.values())


def test_regimes_of_other_tasks_are_refused_before_anything_is_trained(plan, tmp_path):
    values = yaml.safe_load((tmp_path / "few.yaml").read_text())
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({**values, "tasks": ["depth", "edge"], "weights": {}, "data":
                                                         {**values["data"], "keep": {}}}))  # fmt: skip
    plan.write_text(plan.read_text().replace("[few.yaml]", "[few.yaml, other.yaml]"))
    with pytest.raises(OptionError, match="other has other tasks than few; give all the same"):
        run_comparison(plan, tmp_path / "out", say=quiet)
    assert not (tmp_path / "out").exists()


def test_damaged_scores_are_one_sentence_and_what_was_trained_is_kept(plan, tmp_path):
    folder = tmp_path / "out" / "few" / "none" / "seed-1"
    run_comparison(plan, tmp_path / "out", say=quiet)
    (folder / "scores.json").write_text("{")
    with pytest.raises(DataError, match=r"scores\.json is damaged; delete it"):
        run_comparison(plan, tmp_path / "out", say=quiet)
    assert (folder / "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tier: a\nregimes: []\nsystems: [b.yaml]", "regimes"),
        ("tier: a\nregimes: [b.yaml]\nsystems: [b.yaml]\nseed: 1", r"no such field .did you mean 'seeds'"),
        ("- 1", "must hold 'field: value' lines"),
        ("tier: a\nregimes: [b.yaml]\nsystems: [b.yaml]\nseeds: [1, 1]", "1 is there twice"),
        ("tier: a\nregimes: [b.yaml]\nsystems: [b.yaml, c/b.yaml]", "b is there twice"),
        ("tier: a\nregimes: [b.yaml]\nsystems: [single.yaml]", "cannot be called single"),
        ("tier: a\nregimes: [b.yaml]\nsystems: [kem.yaml]", r"systems lack none\.yaml"),
        ("{", "cannot be read"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_in_a_sentence(tmp_path, text, said):
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=said):
        read_plan(path)
