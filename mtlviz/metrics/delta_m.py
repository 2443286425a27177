"""Delta_m: the mean relative gain of a multi-task model over single-task baselines."""

from collections.abc import Iterable, Mapping

from mtlviz.errors import DataError
from mtlviz.tasks import TASKS

LOWER_IS_BETTER = {
    "rmse": True, "log_rmse": True, "abs_err": True, "abs_rel": True, "sq_rel": True,
    "mean_angle": True, "median_angle": True, "rmse_angle": True, "edge_bce": True,
    **dict.fromkeys(
        ("miou", "pixel_accuracy", "delta1", "delta2", "delta3", "within_11.25", "within_22.5", "within_30", "max_f",
         "sal_miou", "max_f_image", "max_f_second_sigmoid", "edge_f", "bf_score", "ods_f", "ois_f", "edge_ap"),
        False,
    ),
}  # fmt: skip
"""Direction of every metric."""


def delta_m(
    metrics: Mapping[str, float],
    baseline: Mapping[str, float],
    lower_is_better: Mapping[str, bool] | None = None,
) -> float:
    """100 / T * sum over tasks of the relative change, counted positive where the model is better.

    Args:
        metrics: by task the model's headline metric.
        baseline: by task that of a single-task model of the same backbone, in the same unit and protocol.
        lower_is_better: by task; taken from ``mtlviz.tasks`` for tasks that are not named.

    Returns:
        Percent.

    Raises:
        DataError: if the two do not cover the same tasks, a baseline is 0, or a direction is unknown.
    """
    usual = {name: not task.higher_is_better for name, task in TASKS.items()}
    return 100 * _mean_gain(metrics, baseline, usual | dict(lower_is_better or {}), "task")


def delta_p(metrics: Mapping[str, Mapping[str, float]], baseline: Mapping[str, Mapping[str, float]]) -> float:
    """Delta_p of LibMTL: the gain averaged over all metrics of a task first, then over tasks.

    Another number than ``delta_m``, which takes one metric a task.

    Args:
        metrics: by task all its metrics.
        baseline: the same of single-task models.

    Returns:
        Percent.

    Raises:
        DataError: as in ``delta_m``, for tasks and for metrics.
    """
    _check_same(metrics, baseline, "task")
    gains = [
        _mean_gain(values, baseline[task], LOWER_IS_BETTER, f"metric of {task}") for task, values in metrics.items()
    ]
    return 100 * sum(gains) / len(gains)


def _mean_gain(
    metrics: Mapping[str, float], baseline: Mapping[str, float], lower: Mapping[str, bool], what: str
) -> float:
    _check_same(metrics, baseline, what)
    gains = []
    for name, value in metrics.items():
        if name not in lower:
            raise DataError(f"Whether a lower value of {name!r} is better is unknown; say so for this {what}.")
        if baseline[name] == 0:
            raise DataError(f"The baseline of {name!r} is 0, so a relative gain does not exist; leave this {what} out.")
        gain = (value - baseline[name]) / baseline[name]
        gains.append(-gain if lower[name] else gain)
    return sum(gains) / len(gains)


def _check_same(metrics: Iterable[str], baseline: Iterable[str], what: str) -> None:
    ours, theirs = set(metrics), set(baseline)
    if not ours:
        raise DataError(f"There is no {what} to compare; give at least one.")
    if missing := sorted(ours - theirs):
        raise DataError(
            f"Delta_m needs a single-task baseline of every {what}, but {', '.join(missing)} has none; score a model "
            "of the same backbone trained on it alone, or leave it out."
        )
    if beyond := sorted(theirs - ours):
        raise DataError(f"Baselines hold {', '.join(beyond)}, which the model was not scored on; leave it out.")
