"""On the pixels of which classes did a prediction change?"""

from mtlviz.analysis.compare import RegionError, region_errors
from mtlviz.data.sample import Sample
from mtlviz.engine import Run
from mtlviz.tasks import Task

SCENE = "semseg"
"""The task whose classes divide an image into regions."""


def class_regions(before: Run) -> Task | None:
    """The task whose classes are the regions; None for a model that does not name classes."""
    return next((task for task in before.card.tasks if task.name == SCENE), None)


def regions_from(sample: Sample) -> str:
    """Where the regions come from, in words."""
    return "ground truth" if SCENE in sample.labels else "the model's own prediction before the edit"


def changes_by_class(before: Run, after: Run, task: str, whole: Run | None = None) -> tuple[RegionError, ...]:
    """Mean size of the change on the pixels of every class, most frequent class first.

    Args:
        before: the image as it is; its labels, else its own segmentation, say which class a pixel has.
        after: under an edit; its change is ``first``.
        task: whose prediction.
        whole: under an edit to compare with, e.g. all slots dropped; its change is ``second``, else 0.

    Returns:
        Nothing for a model that does not name classes.
    """
    classes = class_regions(before)
    if classes is None:
        return ()
    sample = before.sample
    regions = sample.labels[SCENE] if SCENE in sample.labels else before.prediction(SCENE).values
    old = before.prediction(task)
    other = (before if whole is None else whole).prediction(task).values
    return region_errors(old.task, after.prediction(task).values, other, old.values, regions, classes.class_names)
