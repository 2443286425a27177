"""What the README shows works: its commands exist with these options, its Python runs."""

import re
import shlex
from functools import partial
from pathlib import Path

import pytest

import mtlviz
from mtlviz.analysis.attribution.convergence import GOOD, spread
from mtlviz.analysis.system_leads import gain_column, lead, task_column
from mtlviz.analysis.systems import read_comparison, table
from mtlviz.checkpoints import DEFAULT_FOLDER, checkpoint_names, read_card
from mtlviz.data.images import photographs
from mtlviz.engine import load
from mtlviz.models.interactions import REGISTRY
from mtlviz.results import read_result
from mtlviz.training.study import CRITERION

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
COMMANDS = sorted(set(re.findall(r"python -m mtlviz ([^`#]+?)(?=[`#\n]|$)", f"{README}\n{DOCS}".replace("\n", " \n"))))
NOTEBOOK, INTERACTION = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_exists_with_its_options(cli, command):
    words = shlex.split(command)
    if len(words) > 1:
        assert cli(*words, "--help").code == 0


def test_the_notebook_runs(checkpoints, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    Image.fromarray(photographs()["china"]().image).save("room.jpg")
    monkeypatch.setattr(mtlviz, "load", partial(load, folder=checkpoints), raising=False)
    names: dict[str, object] = {}
    exec(compile(NOTEBOOK, "README.md", "exec"), names)  # noqa: S102  # our own README
    assert names["depth"].shape == names["run"].sample.size
    assert set(names["figures"]) >= {"readers", "flows"}


def test_the_interaction_runs_and_can_be_switched_off(rng):
    import torch

    from mtlviz.edits import Edit

    names: dict[str, object] = {}
    try:
        exec(compile(INTERACTION, "README.md", "exec"), names)  # noqa: S102
        features = {task: torch.randn(1, 4, 2, 3) for task in ("depth", "normals")}
        module = REGISTRY["mean"](4, tuple(features), None)
        same, _, _ = module(features, edit=Edit(residual=0.0))
        mixed, _, _ = module(features)
    finally:
        REGISTRY.pop("mean", None)
    assert all(torch.equal(same[task], features[task]) for task in features)
    assert not torch.equal(mixed["depth"], features["depth"])


def test_every_file_and_folder_that_the_readme_names_is_there():
    named = set(re.findall(r"`((?:mtlviz|tests|configs|pages|checkpoints|examples)/[^`*A-Z]*)`", README + DOCS))
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_table_of_shipped_checkpoints_says_what_their_cards_say():
    for name in checkpoint_names(DEFAULT_FOLDER):
        scores = read_card(name, DEFAULT_FOLDER).metrics["rooms:val"]
        on = {task: found["metrics"] for task, found in scores["tasks"].items()}
        said = [
            "{:.3f}, {:.3f} m, {:.1f}°, {:.3f}".format(
                part["semseg"]["miou"], part["depth"]["rmse"], part["normals"]["mean_angle"], part["edge"]["edge_f"]
            )
            for part in (on, scores.get("interaction_off"))
            if part
        ]
        row = " | ".join([f"| `{name}`", *said[0].split(", "), *said[1:]])
        assert row in README, f"the README's table of checkpoints lacks: {row}"


def test_the_table_of_the_study_says_what_its_result_says():
    study = read_result(ROOT / "results" / "study.json", "study")
    assert (study["chosen"], study["criterion"]) == (None, CRITERION)
    for name, regime in study["regimes"].items():
        said = [f"{score['miou']:.1f}, {score['rmse']:.3f} m" for score in regime["scores"].values()]
        assert " | ".join([f"| `{name}`: {regime['summary']}", *said]) in README
    segments_best = [max(scores, key=lambda name: scores[name]["miou"]) for scores in
                     (regime["scores"] for regime in study["regimes"].values())]  # fmt: skip
    assert (segments_best.count("none"), segments_best.count("kem")) == (4, 0)


def test_the_table_of_the_comparison_says_what_its_result_says():
    comparison = read_comparison(read_result(ROOT / "results" / "comparison.json", "comparison"))
    rows = {regime: {row.name: row for row in table(comparison, regime)} for regime in comparison.regimes}
    assert list(rows) == ["plentiful", "scarce"]
    for name, row in rows["plentiful"].items():
        if row.gain is not None:
            gains = [rows[regime][name].gain for regime in rows]
            said = [f"{gain.mean:+.1f} ± {gain.deviation:.1f} %".replace("-", "−") for gain in gains]
            assert " | ".join([f"| {row.title}", *said]) + " |" in README
    assert all(abs(row.gain.mean) < 1 for row in rows["plentiful"].values() if row.gain)
    assert {gain.over for regime in rows.values() for row in regime.values() if (gain := row.gain)} == {"seeds"}
    best = lead(gain_column(comparison, "scarce"))
    assert best is not None
    assert (best.best, best.within) == ("none", ("skem",))
    best = lead(task_column(comparison, "scarce", "depth"), lower_is_better=True)
    assert best is not None
    assert (best.best, best.within) == ("none", ("single",))
    for regime, as_good in (("plentiful", {"none", "inducing_points", "single"}), ("scarce", {"none"})):
        best = lead(task_column(comparison, regime, "semseg"))
        assert best is not None
        assert (best.best, set(best.within)) == ("skem", as_good)


def test_the_table_of_rungs_says_what_was_measured():
    results = [read_result(ROOT / "results" / f"stability-{name}.json", "stability") for name in ("rungs", "literal")]
    models = {model["name"]: model for result in results for model in result["models"]}
    for name, model in models.items():
        numbers = (
            model["stability"]["noise_0.05"]["tokens"],
            model["clean"]["rare_recall"],
            model["clean"]["score:semseg"],
        )
        row = " | ".join([f"| `{name}`", *(f"{number['mean']:.3f}" for number in numbers)]) + " |"
        assert row in README
    assert {result["images"] for result in results} == {100}
    beyond = {
        one["model"]
        for result in results
        for one in result["differences"]
        if all(one["clean"][key]["low"] > 0 for key in ("rare_recall", "score:semseg")) and one["minus"] == "kem"
    }
    assert beyond == {"skem"}


def test_the_noise_that_the_readme_names_is_what_was_measured():
    models = {model["name"]: model for model in read_result(ROOT / "results" / "noise.json", "noise")["models"]}
    assert set(models) == set(checkpoint_names(DEFAULT_FOLDER))
    for name in ("inducing_points", "kem", "cross_attention", "topk_attention"):
        leak = models[name]["doses"]["noise:1"]["features"]["mean"]
        assert re.search(rf"{100 * leak:.1f} % with\s`{name}`", README)


def test_the_faithfulness_that_the_readme_names_is_what_was_measured():
    result = read_result(ROOT / "results" / "faithfulness.json", "faithfulness")
    kinds = {model["name"]: model["kinds"] for model in result["models"]}
    regions = {name: found["regions"]["numbers"] for name, found in kinds.items() if "regions" in found}
    saliency = [found["saliency"]["numbers"]["faithful"]["mean"] for found in kinds.values()]
    said = " ".join(README.split())
    assert result["images"] == 30
    for name in ("kem", "topk_attention", "inducing_points", "cross_attention"):
        assert f"{regions[name]['faithful']['mean']:.2f} for `{name}`" in said
        assert abs(regions[name]["random"]["mean"]) < 0.06
    ctal = regions["ctal"]
    assert f"for `ctal` it is {ctal['faithful']['mean']:.2f}, and {ctal['random']['mean']:.2f} with random" in said
    assert f"{min(saliency):.2f} to {max(saliency):.2f} for the nine models".replace("-", "−") in said
    assert len(saliency) == 9


def test_the_convergence_that_the_readme_names_is_what_was_measured():
    result = read_result(ROOT / "results" / "attribution.json", "attribution")
    assert {model["name"] for model in result["models"]} == set(checkpoint_names(DEFAULT_FOLDER))
    gaps = [gap for model in result["models"] for gap in model["gaps"]]
    held, free = spread([gap["delta"] for gap in gaps]), spread([gap["free"] for gap in gaps])
    said = " ".join(README.split())
    assert f"{held.good} of {held.count} targets of the nine models add up to 5 %" in said
    assert f"against {free.good} of {free.count} with picks that may change" in said
    (missed,) = (gap["missing"] for gap in gaps if gap["delta"] > GOOD)
    assert f"misses {missed:.2%} of the sizes".replace("%", " %") in said
    assert result["images"] == 2


def test_every_checkpoint_that_the_readme_publishes_by_its_own_configuration_is_shipped():
    published = dict(re.findall(r"train (configs/\S+) --publish (\S+)", README))
    assert len(published) >= 4
    shipped = {*checkpoint_names(DEFAULT_FOLDER), *checkpoint_names(DEFAULT_FOLDER, "encoder")}
    assert set(published.values()) == shipped
    assert all((ROOT / config).exists() for config in published)
