"""Classes pooled over many images, in memory that does not grow with them."""

from dataclasses import dataclass, field

from mtlviz.analysis.class_cloud import ClassCloud, Clouds, merge_clouds

GROUPS = 20
"""Groups of images whose sums are kept apart, to be drawn from for the spread."""
TURN = 5
"""So many images in a row go to one group: neighbours in a set may be alike."""


@dataclass(frozen=True)
class ClassPool:
    """The classes of the first images of a set.

    Attributes:
        images: how many.
        whole: of all of them, with a sample of tokens.
        groups: at most ``GROUPS`` parts of them, sums alone.
    """

    images: int = 0
    whole: Clouds = field(default_factory=dict)
    groups: tuple[Clouds, ...] = ()

    def with_image(self, clouds: Clouds) -> "ClassPool":
        """The pool with the next image."""
        index, groups = self.images // TURN % GROUPS, list(self.groups)
        sums = {key: cloud.without_tokens() for key, cloud in clouds.items()}
        if index == len(groups):
            groups.append(sums)
        else:
            groups[index] = merge_clouds(groups[index], sums)
        return ClassPool(self.images + 1, merge_clouds(self.whole, clouds) if self.whole else clouds, tuple(groups))

    def at(self, task: str, place: str) -> tuple[ClassCloud, tuple[ClassCloud, ...]]:
        """One task's classes at one place: of all images, and of each group."""
        return self.whole[task, place], tuple(group[task, place] for group in self.groups)
