"""Single-task baselines as a file: what Delta_m is measured against."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mtlviz.errors import DataError


class Baselines(BaseModel):
    """Scores of models that were trained on one task each.

    Attributes:
        protocol: family of the evaluation, or ``rooms``; the model's must be the same.
        backbone: encoder of all these models; the model's must be the same.
        tasks: by task its metrics, in the units in which ``evaluate`` prints them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: str = Field(min_length=1)
    backbone: str = Field(min_length=1)
    tasks: dict[str, dict[str, float]] = Field(min_length=1)


def read_baselines(path: Path) -> Baselines:
    """Read a JSON file of the form that ``Baselines.model_json_schema()`` states.

    Raises:
        DataError: if it is missing or not of that form.
    """
    try:
        return Baselines.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"There are no single-task baselines at {path}, so Delta_m has nothing to compare with; score one model a "
            "task with the same backbone and write their metrics there."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "it is not text"}
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{path} does not hold baselines ({place}: {first['msg']}); give protocol, backbone and tasks, "
            'for example {"protocol": "mtformer", "backbone": "Swin-S", "tasks": {"depth": {"rmse": 0.497}}}.'
        ) from error
