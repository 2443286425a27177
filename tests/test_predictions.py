"""From a network's output back to the image's own resolution."""

import numpy as np
import torch
from torch.nn.functional import interpolate

from mtlviz.data.letterbox import Letterbox
from mtlviz.predictions import predict_at_source
from mtlviz.tasks import TASKS

LETTERBOX = Letterbox((90, 60), (32, 48))


def output(channels):
    return np.random.default_rng(0).normal(size=(channels, 32, 48)).astype(np.float32)


def upsampled(maps):
    return interpolate(torch.from_numpy(np.ascontiguousarray(LETTERBOX.crop(maps)))[None], (90, 60), mode="bilinear")


def test_classes_are_the_largest_interpolated_probability():
    logits = output(17)
    inner = torch.from_numpy(np.ascontiguousarray(LETTERBOX.crop(logits))).softmax(0)
    certainty, labels = interpolate(inner[None], (90, 60), mode="bilinear")[0].max(0)
    prediction = predict_at_source(TASKS["semseg"], logits, LETTERBOX)
    assert np.array_equal(prediction.values, labels.numpy())
    np.testing.assert_allclose(prediction.certainty, certainty.numpy(), atol=1e-6)


def test_depth_is_interpolated_in_metres():
    metres = np.abs(output(1))
    prediction = predict_at_source(TASKS["depth"], metres, LETTERBOX)
    np.testing.assert_allclose(prediction.values, upsampled(metres)[0, 0].numpy())


def test_normals_are_of_unit_length_again():
    prediction = predict_at_source(TASKS["normals"], output(3), LETTERBOX)
    np.testing.assert_allclose(np.linalg.norm(prediction.values, axis=-1), 1, atol=1e-5)


def test_what_lies_in_the_padding_never_shows():
    inside, outside = output(1), output(1)
    outside[:, ~LETTERBOX.inside] = 99
    one, other = (predict_at_source(TASKS["edge"], maps, LETTERBOX).values for maps in (inside, outside))
    assert np.array_equal(one, other)


def test_a_constant_stays_constant():
    prediction = predict_at_source(TASKS["depth"], np.full((1, 32, 48), 2.5, np.float32), LETTERBOX)
    np.testing.assert_allclose(prediction.values, 2.5)
