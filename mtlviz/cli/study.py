"""``study``: the same regimes with every interaction, and whether sharing mattered."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from mtlviz.cli.answers import AsJson, answer, table
from mtlviz.cli.options import Out
from mtlviz.cli.outputs import check_folder

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of regimes, for example configs/study.")]
Regime = Annotated[list[str] | None, typer.Option("--regime", help="Run this one; may be given several times.")]


def study(folder: Folder, out: Out, regime: Regime = None, as_json: AsJson = False) -> None:
    """Train every regime with every interaction and say in which of them sharing matters.

    What has been trained before is kept, so that a stopped study goes on.

    Example:
        python -m mtlviz study configs/study --out runs/study
    """
    check_folder(out)
    from mtlviz.training.study import run_study

    found = run_study(folder, out, regime)
    answer({"command": "study", **found}, as_json, *_texts(found))


def _texts(found: Mapping[str, Any]) -> list[RenderableType]:
    texts: list[RenderableType] = [f"Criterion: {found['criterion']}."]
    for name, regime in found["regimes"].items():
        columns = ("interaction", "mIoU", "switched off", "depth RMSE m", "switched off", "normals °", "switched off")
        rows = [(interaction, *(score.get(key) for key in _COLUMNS)) for interaction, score in regime["scores"].items()]
        behind = regime["behind"]
        verdict = "matters" if regime["matters"] else "does not matter"
        texts += ["", f"{name}: {regime['summary']}", table(columns, rows)]
        texts.append(
            f"none lies {behind['miou_points']:.2f} mIoU points and {behind['depth_error']:.1%} depth error behind "
            f"the best interaction: sharing {verdict}."
        )
    chosen = found["chosen"]
    return [*texts, "", f"Chosen: {chosen}." if chosen else "No regime meets the criterion: a null result."]


_COLUMNS = ("miou", "miou_off", "rmse", "rmse_off", "mean_angle", "mean_angle_off")
