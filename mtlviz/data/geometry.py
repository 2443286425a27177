"""Geometry that keeps image, labels, masks and camera true to one another, for any data set's tasks.

The rules, by what a label is:

=========  ====================  =======================  ==========================================
label      told by               mirrored, turned         zoomed in by s (the scene comes nearer)
=========  ====================  =======================  ==========================================
normals    shape (H, W, 3)       x negated; (x, y) turn   the same
disparity  the name              moves                    times s
depth      other floats          moves                    divided by s
the rest   integers              moves                    the same
=========  ====================  =======================  ==========================================

Labels take the nearest pixel, the image is interpolated; only where ``resize`` makes edges smaller, every pixel that
holds a piece of one is one, so that thin lines stay whole. What a turn or a border brings in from outside the image
has the colour that normalisation takes to about 0, no label, and a mask of False; it is never class 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Integer
from PIL import Image

from mtlviz.data import transforms
from mtlviz.data.letterbox import IMAGENET_MEAN_COLOUR
from mtlviz.data.resampling import largest, nearest
from mtlviz.data.sample import Intrinsics, Sample
from mtlviz.data.transforms import Edges
from mtlviz.tasks import IGNORE

LARGEST_SHARE = 0.75
"""Largest share of a crop's labelled pixels that one class may have, as ATRC, InvPT and their successors have it."""
CROP_TRIES = 10
LINES = "edge"
"""Task whose labels are thin lines."""

_SQUARE_PIXELS = 0.01  # focal lengths this close, relatively, are those of one lens


def is_normals(label: np.ndarray) -> bool:
    """Whether a label is a map of vectors."""
    return label.ndim == 3


def is_measured(label: np.ndarray) -> bool:
    """Whether a label is depth or disparity."""
    return label.ndim == 2 and label.dtype.kind == "f"


def _nearer(labels: Mapping[str, np.ndarray], scale: float) -> dict[str, np.ndarray]:
    """Labels of a scene whose depth is divided by ``scale``."""
    factor = np.float32(scale)
    return {
        task: (label * factor if task == "disparity" else label / factor) if is_measured(label) else label
        for task, label in labels.items()
    }


def flip(sample: Sample) -> Sample:
    """The mirrored scene, as ``transforms.flip``, for normals of any name."""
    flipped = transforms.flip(sample)
    others = [task for task, label in flipped.labels.items() if is_normals(label) and task != "normals"]
    sign = np.array([-1, 1, 1], np.float32)
    return replace(flipped, labels={**flipped.labels, **{task: flipped.labels[task] * sign for task in others}})


def zoom(sample: Sample, scale: float, top: float, left: float, edges: Edges | None = None) -> Sample:
    """A part at the sample's full size, as ``transforms.zoom``, for disparity and depth of any name too."""
    zoomed = transforms.zoom(sample, scale, top, left, edges)
    others = {task: label for task, label in zoomed.labels.items() if task != "depth"}
    return replace(zoomed, labels={**zoomed.labels, **_nearer(others, scale)})


def resize(sample: Sample, size: tuple[int, int]) -> Sample:
    """The same scene in (height, width) pixels.

    Only the sampling changes: depth stays, the focal lengths follow, and a disparity in pixels stays in pixels
    of the original image.
    """
    resized = _sampled(sample, size)
    if resized is sample or LINES not in sample.labels:
        return resized
    labels = {**resized.labels, LINES: largest(sample.labels[LINES], size)}
    masks = {LINES: largest(sample.valid[LINES], size)} if LINES in sample.valid else {}
    return replace(resized, labels=labels, valid={**resized.valid, **masks})


def _sampled(sample: Sample, size: tuple[int, int]) -> Sample:
    """As ``resize``, edges from the nearest pixel too."""
    if size == sample.size:
        return sample
    (height, width), (old_height, old_width) = size, sample.size
    image = np.asarray(Image.fromarray(sample.image).resize((width, height), Image.Resampling.BILINEAR))
    x, y, camera = width / old_width, height / old_height, sample.intrinsics
    if camera is not None:
        camera = Intrinsics(camera.fx * x, camera.fy * y, camera.cx * x, camera.cy * y)
    return _moved(sample, lambda array: nearest(array, size), image, camera)


def scale(sample: Sample, factor: float) -> Sample:
    """The scene nearer by a factor: image and labels larger or smaller by it, depth divided, disparity multiplied.

    Raises:
        ValueError: if the factor leaves no pixel.
    """
    height, width = (round(side * factor) for side in sample.size)
    if min(height, width) < 1:
        raise ValueError(f"a factor of {factor} leaves no pixel of {sample.size[0]}x{sample.size[1]}")
    resized = _sampled(sample, (height, width))  # published work scales every label like that
    return replace(resized, labels=_nearer(resized.labels, factor))


def crop(sample: Sample, top: int, left: int, size: tuple[int, int]) -> Sample:
    """A rectangle of (height, width) pixels.

    Raises:
        ValueError: if it leaves the image.
    """
    height, width = size
    if min(top, left) < 0 or min(size) < 1 or top + height > sample.size[0] or left + width > sample.size[1]:
        shape = "{}x{}".format(*sample.size)
        raise ValueError(f"a crop of {height}x{width} from ({top}, {left}) leaves the image of {shape} pixels")
    rows, columns = slice(top, top + height), slice(left, left + width)
    image = np.ascontiguousarray(sample.image[rows, columns])
    camera = _shifted(sample, -top, -left)
    return _moved(sample, lambda array: np.ascontiguousarray(array[rows, columns]), image, camera)


def random_crop(
    sample: Sample,
    size: tuple[int, int],
    rng: np.random.Generator,
    largest_share: float = LARGEST_SHARE,
    task: str = "semseg",
) -> Sample:
    """A crop of at most this size that no single class fills; the last of ten tries where none is like that.

    Args:
        sample: what is cropped; sides that are smaller stay whole.
        size: (height, width).
        rng: source of the places.
        largest_share: largest share of the labelled pixels that one class may have.
        task: whose classes count; without its labels the first place is taken.
    """
    height, width = (min(side, limit) for side, limit in zip(size, sample.size, strict=True))
    place = (0, 0)
    for _ in range(CROP_TRIES):
        place = (int(rng.integers(sample.size[0] - height + 1)), int(rng.integers(sample.size[1] - width + 1)))
        if task not in sample.labels:
            break
        part = sample.labels[task][place[0] : place[0] + height, place[1] : place[1] + width]
        if _largest_share(part) <= largest_share:
            break
    return crop(sample, *place, (height, width))


def _largest_share(labels: Integer[np.ndarray, "H W"]) -> float:
    """Of the labelled pixels; 1 where none is."""
    counts = np.bincount(labels[labels != IGNORE].ravel())
    return float(counts.max() / counts.sum()) if counts.size else 1.0


def pad(sample: Sample, size: tuple[int, int]) -> Sample:
    """The sample in the middle of (height, width) pixels; the border has no label.

    Raises:
        ValueError: if the sample is larger.
    """
    (height, width), (inner_height, inner_width) = size, sample.size
    if height < inner_height or width < inner_width:
        raise ValueError(f"{inner_height}x{inner_width} pixels cannot be padded to {height}x{width}; crop them first")
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    rows, columns = slice(top, top + inner_height), slice(left, left + inner_width)

    def framed(array: np.ndarray, fill: object) -> np.ndarray:
        made = np.empty((height, width, *array.shape[2:]), array.dtype)
        made[:] = fill
        made[rows, columns] = array
        return made

    return _bordered(sample, framed, _shifted(sample, top, left))


def rotate(sample: Sample, degrees: float) -> Sample:
    """The image turned about its middle, counter-clockwise: the camera rolls clockwise.

    Normals turn with it. The corners that come from outside the image have no label.

    Raises:
        ValueError: if the angle is not finite.
    """
    if not np.isfinite(degrees):
        raise ValueError(f"an angle of {degrees} degrees is not finite")
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    rows, columns, inside = _turned_pixels(sample.size, cos, sin)

    def turned(array: np.ndarray, fill: object) -> np.ndarray:
        made = np.empty_like(array)
        made[:] = fill
        made[inside] = array[rows[inside], columns[inside]]
        return made

    image = Image.fromarray(sample.image).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=IMAGENET_MEAN_COLOUR)
    made = _bordered(sample, turned, _rolled(sample, cos, sin))
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    labels = {task: _turned(label, turn) if is_normals(label) else label for task, label in made.labels.items()}
    return replace(made, image=np.asarray(image), labels=labels)


def _turned(normals: Float[np.ndarray, "H W 3"], turn: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    return np.asarray(normals @ turn.T, np.float32)


def _turned_pixels(size: tuple[int, int], cos: float, sin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column of the source of every pixel, and whether it lies in the image."""
    height, width = size
    y, x = np.mgrid[:height, :width] + 0.5
    y, x = y - height / 2, x - width / 2
    # Rows count downwards: a turn counter-clockwise on the screen takes (x, y) to (cos x + sin y, cos y - sin x).
    rows = np.floor(cos * y + sin * x + height / 2 + 1e-9).astype(np.intp)
    columns = np.floor(cos * x - sin * y + width / 2 + 1e-9).astype(np.intp)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    return rows, columns, inside


def _rolled(sample: Sample, cos: float, sin: float) -> Intrinsics | None:
    """The camera after a roll; None where its pixels are not square, since it would no longer be of this kind."""
    camera, (height, width) = sample.intrinsics, sample.size
    if camera is None or abs(camera.fx / camera.fy - 1) > _SQUARE_PIXELS:
        return None
    x, y = camera.cx - width / 2, camera.cy - height / 2
    return replace(camera, cx=cos * x + sin * y + width / 2, cy=cos * y - sin * x + height / 2)


def _shifted(sample: Sample, down: int, right: int) -> Intrinsics | None:
    camera = sample.intrinsics
    return None if camera is None else replace(camera, cx=camera.cx + right, cy=camera.cy + down)


def _moved(
    sample: Sample, move: Callable[[np.ndarray], np.ndarray], image: np.ndarray, camera: Intrinsics | None
) -> Sample:
    """Labels, masks and instances moved alike, with the image and the camera that belong to them."""
    return replace(
        sample,
        image=image,
        labels={task: move(label) for task, label in sample.labels.items()},
        valid={task: move(mask) for task, mask in sample.valid.items()},
        instances=None if sample.instances is None else move(sample.instances),
        intrinsics=camera,
    )


def _bordered(sample: Sample, place: Callable[[np.ndarray, object], np.ndarray], camera: Intrinsics | None) -> Sample:
    """A sample whose arrays are placed before a background: no label, no instance, a mask for every task."""
    masks = {task: sample.valid.get(task, np.ones(sample.size, bool)) for task in sample.labels}
    return replace(
        sample,
        image=place(sample.image, IMAGENET_MEAN_COLOUR),
        labels={task: place(label, _background(task, label)) for task, label in sample.labels.items()},
        valid={task: place(mask, False) for task, mask in {**sample.valid, **masks}.items()},
        instances=None if sample.instances is None else place(sample.instances, 0),
        intrinsics=camera,
    )


def _background(task: str, label: np.ndarray) -> int:
    """255 for class labels. Binary labels are integers too; one that has 255 outside is masked all the same."""
    return IGNORE if label.dtype.kind in "iu" and task not in ("edge", "saliency") else 0
