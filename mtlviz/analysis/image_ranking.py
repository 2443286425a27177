"""On which images of a set is a model worst? Scores of single images, remembered one by one."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

import numpy as np

from mtlviz.analysis.scores import image_score
from mtlviz.data.sample import Sample
from mtlviz.engine import Engine
from mtlviz.errors import MtlvizError
from mtlviz.tasks import Task

Scores = dict[str, float]
"""Headline metric by task; empty for an image that could not be read."""


class Scored(NamedTuple):
    """One image of a set with its score.

    Attributes:
        number: its position in the set.
        value: of the headline metric of a task.
    """

    number: int
    value: float


def spread(total: int, count: int) -> list[int]:
    """At most ``count`` positions of ``total``, evenly spaced, so that the order of the files does not matter."""
    count = min(count, total)
    return [position * total // count for position in range(count)]


def score_images(
    engine: Engine,
    read: Callable[[int], Sample],
    positions: Sequence[int],
    tasks: Sequence[str],
    scores: MutableMapping[int, Scores],
    tick: Callable[[int], None],
) -> int:
    """Score images that are not scored yet, each with the same meters as a page that shows it alone.

    Args:
        engine: the model.
        read: gives an image with its labels.
        positions: of the images.
        tasks: that are scored where an image has their labels.
        scores: filled image by image, so that nothing is lost when ``tick`` ends it.
        tick: told of every image before it is read.

    Returns:
        Number of positions that are scored now.
    """
    for position in positions:
        if position in scores:
            continue
        tick(1)
        try:
            sample = read(position)
        except MtlvizError:
            scores[position] = {}
            continue
        run = engine.run(sample, capture=None)
        having = [task for task in tasks if task in sample.labels]
        scores[position] = {task: image_score(run.prediction(task), sample).headline for task in having}
    return sum(position in scores for position in positions)


def worst_first(scores: Mapping[int, Scores], positions: Sequence[int], task: Task) -> list[Scored]:
    """Images with a score of the task, the worst first; equal ones in the order of the set."""
    found = [
        Scored(position, value)
        for position in sorted(positions)
        if np.isfinite(value := scores.get(position, {}).get(task.name, np.nan))
    ]
    return sorted(found, key=lambda one: one.value if task.higher_is_better else -one.value)
