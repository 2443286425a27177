"""A small adapter that keeps every promise, and others that break one each."""

import time
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from mtlviz.adapters import Adapter, Capabilities, ModelCard, OwnArchitecture
from mtlviz.tasks import TASKS
from mtlviz.trace import Trace

ABLE = Capabilities(gradients=True)


def card(**changes) -> ModelCard:
    fields = {
        "name": "small", "title": "Small", "summary": "One convolution.", "trained": "random",
        "architecture": OwnArchitecture(network="Conv2d"), "capabilities": ABLE,
        "tasks": (TASKS["semseg"], TASKS["depth"], TASKS["normals"]), "input_size": (32, 48), "token_grid": (4, 6),
    }  # fmt: skip
    return ModelCard(**{**fields, **changes})


class Small(Adapter):
    """Keeps every promise."""

    changes: ClassVar = {}

    def __init__(self):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            super().__init__(nn.Conv2d(3, 21, 3, padding=1), card(**self.changes))

    def run(self, image, *, mask, capture, edit):
        found = self.network(image)
        return {
            "semseg": found[:, :17],
            "depth": functional.softplus(found[:, 17:18]) + 0.1,
            "normals": functional.normalize(found[:, 18:], dim=1),
        }, Trace()


class WrongShape(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "depth": outputs["depth"][..., ::2, ::2]}, trace


class MissingTask(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {"semseg": outputs["semseg"]}, trace


class Nan(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "semseg": outputs["semseg"] + torch.where(image[:, :1] > 0, torch.nan, 0.0)}, trace


class BehindTheCamera(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "depth": outputs["depth"] - 5}, trace


class LongNormals(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "normals": 2 * outputs["normals"]}, trace


class Random(Small):
    def run(self, image, **rest):
        return super().run(image + 0.1 * torch.rand(image.shape), **rest)


class Hooked(Small):
    def run(self, image, **rest):
        self.network.register_forward_hook(lambda *_: None)
        return super().run(image, **rest)


class Remembering(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        self.network.last = outputs["depth"]
        return outputs, trace


class Detached(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "normals": outputs["normals"].detach()}, trace


class Shared(Small):
    """Puts its input where another thread puts its own."""

    def run(self, image, **rest):
        self.image = image
        time.sleep(0.01)
        outputs, trace = super().run(self.image, **rest)
        self.image = None
        return outputs, trace


class ChangesItsInput(Small):
    def run(self, image, **rest):
        return super().run(image.mul_(0.5), **rest)


class Hoarding(Small):
    """Keeps tensors where it kept some before."""

    def __init__(self):
        super().__init__()
        self.kept = {"depths": []}

    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        self.kept["depths"].append(outputs["depth"])
        return outputs, trace


class Seeding(Small):
    def run(self, image, **rest):
        torch.manual_seed(0)
        return super().run(image + 0.1 * torch.rand(image.shape[1:]), **rest)


class LooksAtTheBatch(Small):
    def run(self, image, **rest):
        return super().run(image - image.mean(), **rest)


class Probabilities(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {**outputs, "semseg": outputs["semseg"].softmax(1)}, trace


class NoTrace(Small):
    def run(self, image, **rest):
        return super().run(image, **rest)[0]


class OfNumpy(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {task: out.numpy() for task, out in outputs.items()}, trace


class Elsewhere(Small):
    def run(self, image, **rest):
        outputs, trace = super().run(image, **rest)
        return {task: out.to("meta") for task, out in outputs.items()}, trace


class PreparesNothing(Small):
    def prepare(self, sample):
        return None


class Leaving(Small):
    def run(self, image, **rest):
        raise SystemExit(3)


class Training(Adapter):
    """Its network is left in training mode, which costs nothing: it is put into evaluation mode where it is used."""

    def __init__(self):
        layers = nn.Sequential(nn.Conv2d(3, 21, 3, padding=1), nn.BatchNorm2d(21), nn.Dropout(0.5))
        super().__init__(layers, card())
        self.network.train()

    run = Small.run


class HalfTheNormalisation(Small):
    """Prepares images in a way of its own."""

    def prepare(self, sample):
        made = super().prepare(sample)
        return type(made)(made.image * 0.5, made.mask, made.letterbox)


class OddGrid(Small):
    changes: ClassVar = {"token_grid": (5, 6)}


class TwiceTheSameTask(Small):
    changes: ClassVar = {"tasks": (TASKS["depth"], TASKS["depth"])}


class ClaimsAttention(Small):
    changes: ClassVar = {"capabilities": ABLE.model_copy(update={"trace": "attention"})}


class ClaimsFeatures(Small):
    changes: ClassVar = {"capabilities": ABLE.model_copy(update={"features": True})}


class ClaimsAnEdit(Small):
    changes: ClassVar = {"capabilities": ABLE.model_copy(update={"edits": ("residual",)})}


class OtherSize(Small):
    def prepare(self, sample):
        made = super().prepare(sample)
        return type(made)(made.image[..., :-8], made.mask, made.letterbox)


class Raising(Small):
    def run(self, image, **rest):
        raise RuntimeError("the weights\nare on the moon")
