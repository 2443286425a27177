"""The tokens of a set of images: one pass keeps a sample of them at every place, with progress and a stop."""

from collections.abc import Mapping

from mtlviz.analysis.token_cloud import TokenCloud, image_clouds, merged
from mtlviz.engine import Run
from mtlviz.trace import Capture
from mtlviz.ui.set_job import SetSection

FEATURES = Capture(features=True)
POOL = 20_000
"""Most tokens of a set that are kept at one place; a map takes as many of them as it draws."""

Clouds = Mapping[str, TokenCloud]
"""By place a sample of the tokens of all images."""


def with_image(kept: Clouds | None, run: Run) -> Clouds:
    """The sample after one more image."""
    clouds = image_clouds(run)
    if kept is not None:
        clouds = {place: merged([kept[place], cloud]) for place, cloud in clouds.items()}
    return {place: cloud.sample(POOL) for place, cloud in clouds.items()}


SECTION: SetSection[Clouds] = SetSection(
    "embedding", 20, FEATURES, with_image,
    why="One image may be a special case; a set says which tokens look alike as a rule.",
    duration="; it usually takes about a tenth of a second an image",
)  # fmt: skip
