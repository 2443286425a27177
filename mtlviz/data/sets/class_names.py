"""Class names and colours of the data sets, in label order."""

from dataclasses import replace

from mtlviz.tasks import TASKS, Colour, Task

NYU_40 = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat",
    "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box",
    "whiteboard", "person", "night stand", "toilet", "sink", "lamp", "bathtub", "bag", "other structure",
    "other furniture", "other prop",
)  # fmt: skip
"""The 40 classes of Gupta et al. for NYUv2."""

NYU_13 = (
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table", "television",
    "wall", "window",
)  # fmt: skip
"""The 13 classes of Couprie et al. for NYUv2, in the order of the alphabet."""

VOC_21 = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "dining table", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train", "tv monitor",
)  # fmt: skip
"""PASCAL VOC with its background."""

CITYSCAPES_19: dict[str, Colour] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
"""The classes that Cityscapes evaluates, with its own colours."""

CITYSCAPES_7: dict[str, Colour] = {
    "flat": (128, 64, 128),
    "construction": (70, 70, 70),
    "object": (220, 220, 0),
    "nature": (107, 142, 35),
    "sky": (70, 130, 180),
    "human": (220, 20, 60),
    "vehicle": (0, 0, 142),
}
"""The categories of Cityscapes, void left out, in its own order."""

CITYSCAPES_2: dict[str, Colour] = {"background": (140, 140, 140), "foreground": (220, 20, 60)}
"""What moves and what does not."""


def bit_colours(count: int) -> tuple[Colour, ...]:
    """PASCAL VOC's colours: the bits of a label in turn become the high bits of red, green and blue."""
    return tuple(_bit_colour(label) for label in range(count))


def _bit_colour(label: int) -> Colour:
    red, green, blue = (
        sum((label >> (3 * step + channel) & 1) << (7 - step) for step in range(8)) for channel in range(3)
    )
    return red, green, blue


def with_classes(task: Task, names: tuple[str, ...], palette: tuple[Colour, ...]) -> Task:
    """A task of kind ``classes`` with other classes."""
    return replace(task, channels=len(names), class_names=names, palette=palette)


def semseg(names: tuple[str, ...], palette: tuple[Colour, ...]) -> Task:
    """Semantic segmentation into these classes."""
    return with_classes(TASKS["semseg"], names, palette)


def disparity(unit: str) -> Task:
    """Disparity, which grows as things come nearer, as a depth task of its own name and unit."""
    shown = "disparity, larger is nearer, one sequential scale"
    return replace(
        TASKS["depth"], name="disparity", title="Disparity", unit=unit, metric_unit=unit, drawn_as=shown
    )  # fmt: skip
