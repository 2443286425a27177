"""One room from its seed: layout, camera, light, picture and labels."""

from dataclasses import dataclass

import numpy as np

from mtlviz.data.rooms.antialias import smooth_borders
from mtlviz.data.rooms.camera import choose_camera
from mtlviz.data.rooms.labels import CLASS_NAMES, label_view
from mtlviz.data.rooms.layout import furnish
from mtlviz.data.rooms.lighting import make_lights
from mtlviz.data.rooms.mesh import assemble
from mtlviz.data.rooms.photograph import expose
from mtlviz.data.rooms.shading import shade_pixels
from mtlviz.data.rooms.tracing import Tracer
from mtlviz.data.rooms.view import look
from mtlviz.data.sample import Sample
from mtlviz.errors import OptionError


@dataclass(frozen=True)
class RoomOptions:
    """How rooms are made.

    Attributes:
        tail: exponent on the object frequencies: 1 is the natural long tail, 0 gives all classes of objects
            the same frequency, 2 makes the frequent ones still more frequent.
        supersample: colour samples along each side of a pixel where something begins or ends; labels always
            come from the pixel centre alone.
        window_rays: shadow rays towards the windows for each point of the soft light.
        ambient_rays: rays towards other surfaces for each point of the soft light.
    """

    tail: float = 1.0
    supersample: int = 2
    window_rays: int = 9
    ambient_rays: int = 12

    def __post_init__(self) -> None:
        if not 0 <= self.tail <= 3:
            raise OptionError(f"tail is {self.tail}; it must lie between 0 and 3.")
        if not 1 <= self.supersample <= 4:
            raise OptionError(f"supersample is {self.supersample}; it must lie between 1 and 4.")
        if min(self.window_rays, self.ambient_rays) < 1:
            raise OptionError("window_rays and ambient_rays must be at least 1.")


DEFAULT_OPTIONS = RoomOptions()


def render_room(seed: int, size: tuple[int, int] = (128, 160), options: RoomOptions = DEFAULT_OPTIONS) -> Sample:
    """The room a seed names, with all labels.

    The same seed gives the same layout, camera and light at every size, and the same bytes in every process
    (another kind of processor may round the last bit of a colour or a depth differently).

    Args:
        seed: any integer from 0.
        size: (height, width) in pixels.
        options: how rooms are made.

    Returns:
        A sample with labels for all six tasks, instances and intrinsics. Windows carry the depth and the
        normals of their panes, not of what lies outside. Depth is valid everywhere; human parts are valid in
        images that show a person and 255 in all others. Instances number the objects; walls, floor and
        ceiling are 0.
    """
    layout = furnish(np.random.default_rng([seed, 0]), options.tail)
    tracer = Tracer(assemble(layout.plan.placed, CLASS_NAMES.index))
    camera = choose_camera(np.random.default_rng([seed, 1]), layout.plan, tracer)
    lights = make_lights(np.random.default_rng([seed, 2]), layout)
    view = look(tracer, camera, size)
    labels, valid, instances = label_view(view)

    noise = np.random.default_rng([seed, 3, *size])
    radiance = shade_pixels(noise, view, lights, (options.window_rays, options.ambient_rays))
    if options.supersample > 1:
        radiance = smooth_borders(view, radiance, options.supersample)
    indoors = (labels["semseg"] != CLASS_NAMES.index("window")).ravel()
    image = expose(np.random.default_rng([seed, 4]), radiance, size, indoors, noise)
    return Sample(image, f"room {seed}", labels, valid, instances, camera.intrinsics(size))
