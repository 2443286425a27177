"""Delta_m: the mean relative gain of a multi-task model over single-task baselines."""

from collections.abc import Mapping

from mtlviz.tasks import TASKS


def delta_m(
    metrics: Mapping[str, float],
    baseline: Mapping[str, float],
    lower_is_better: Mapping[str, bool] | None = None,
) -> float:
    """100 / T * sum over tasks of the relative change, counted positive where the model is better.

    Args:
        metrics: by task the model's headline metric.
        baseline: by task that of a single-task model of the same backbone.
        lower_is_better: by task; taken from ``mtlviz.tasks`` for tasks that are not named.

    Returns:
        Percent.

    Raises:
        ValueError: if the two do not cover the same tasks, or a baseline is 0.
    """
    if not metrics or set(metrics) != set(baseline):
        raise ValueError(f"model and baseline must have the same tasks; got {sorted(metrics)} and {sorted(baseline)}")
    directions = {task: not TASKS[task].higher_is_better for task in metrics if task in TASKS}
    directions |= dict(lower_is_better or {})
    gains = []
    for task, value in metrics.items():
        if baseline[task] == 0:
            raise ValueError(f"the baseline of {task!r} is 0, so a relative gain does not exist")
        gain = (value - baseline[task]) / baseline[task]
        gains.append(-gain if directions[task] else gain)
    return 100 * sum(gains) / len(gains)
