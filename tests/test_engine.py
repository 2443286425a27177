"""The engine: one loaded network, many callers, honest provenance."""

import threading

import numpy as np
import pytest
import torch

from mtlviz.checkpoints import ModelCard
from mtlviz.data.sample import Sample
from mtlviz.edits import Edit
from mtlviz.engine import Engine, available_devices, load
from mtlviz.errors import OptionError
from mtlviz.models.encoders import EncoderConfig
from mtlviz.models.multitask import MultiTaskNetwork, NetworkConfig
from mtlviz.tasks import TASKS
from mtlviz.trace import Capture, SlotTrace

TASK_TUPLE = tuple(TASKS.values())
CONFIG = NetworkConfig(
    encoder=EncoderConfig(widths=(8, 8, 8, 8, 8), blocks=(0, 0, 0, 0, 0), out=8),
    width=8,
    decoder_widths=(8, 8),
)
CARD = ModelCard(
    name="tiny", title="Tiny", summary="A tiny network.", trained="random", architecture=CONFIG, tasks=TASK_TUPLE,
    input_size=(64, 96), token_grid=(8, 12), weights_sha256="0" * 64,
)  # fmt: skip


def picture(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Sample(pixels, f"noise {seed}")


@pytest.fixture(scope="module")
def engine():
    torch.manual_seed(0)
    return Engine(MultiTaskNetwork(CONFIG, TASK_TUPLE).eval().requires_grad_(False), CARD)


def test_predictions_have_the_size_of_the_image_and_the_quantity_of_the_task(engine):
    run = engine.run(picture(100, 90))
    shapes = {name: run.prediction(name).values.shape for name in TASKS}
    assert shapes == {name: (100, 90, 3) if name == "normals" else (100, 90) for name in TASKS}
    assert run.prediction("semseg").values.max() < 17
    certainty = run.prediction("semseg").certainty
    assert certainty.min() >= 1 / 17
    assert certainty.max() <= 1
    assert run.prediction("depth").values.min() > 0
    np.testing.assert_allclose(np.linalg.norm(run.prediction("normals").values, axis=-1), 1, atol=1e-5)
    assert 0 <= run.prediction("edge").values.min() <= run.prediction("edge").values.max() <= 1


def test_without_letterbox_the_prediction_is_the_output_itself(engine):
    run = engine.run(picture(64, 96))
    assert np.array_equal(run.prediction("depth").values, run.outputs["depth"][0])
    assert np.array_equal(run.prediction("semseg").values, run.outputs["semseg"].argmax(0))
    assert run.trace.interaction.layout.valid is None


def test_padding_of_a_tall_image_is_masked(engine):
    run = engine.run(picture(200, 50))
    valid = run.trace.interaction.layout.valid.reshape(8, 12)
    assert not valid[:, 0].any()
    assert valid[:, 6].all()
    assert valid[run.trace.interaction.picks % 96 // 12, run.trace.interaction.picks % 12].all()


def test_traces_leave_as_arrays_and_only_what_was_asked_for(engine):
    sample = picture(64, 96)
    run = engine.run(sample, capture=Capture(features=True))
    assert isinstance(run.trace.interaction, SlotTrace)
    assert isinstance(run.trace.interaction.write, np.ndarray)
    np.testing.assert_allclose(
        run.trace.features.after, run.trace.features.before + run.trace.interaction.written, atol=1e-5
    )
    assert engine.run(sample, capture=None).trace.interaction is None


def test_callers_in_parallel_get_what_they_would_get_alone(engine):
    samples = [picture(64 + 8 * i, 96, seed=i) for i in range(6)]
    edits = [None, Edit(residual=0.0)] * 3
    alone = [engine.run(sample, edit=edit) for sample, edit in zip(samples, edits, strict=True)]
    together: list = [None] * len(samples)

    def work(index):
        for _ in range(3):
            together[index] = engine.run(samples[index], edit=edits[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(samples))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one.outputs[task], other.outputs[task]) for task in TASKS)
        assert one.trace.interaction.residual == other.trace.interaction.residual


class Elsewhere(MultiTaskNetwork):
    """A network that says it lies on a device that this machine need not have; there, every pass fails."""

    def __init__(self, device, error):
        super().__init__(CONFIG, TASK_TUPLE)
        self.place, self.error, self.passes = device, error, []

    def to(self, place):
        self.place = place
        return self

    def forward(self, image, **options):
        self.passes.append(self.place)
        if self.place != "cpu":
            raise self.error
        return super().forward(image, **options)


@pytest.fixture
def elsewhere(engine, monkeypatch):
    """An engine with the same weights, whose network lies on a device that fails with an error."""

    def make(device, error):
        network = Elsewhere(device, error).eval().requires_grad_(False)
        network.load_state_dict(engine._network.state_dict())
        move = torch.Tensor.to
        monkeypatch.setattr(
            torch.Tensor, "to", lambda self, *where, **how: self if device in where else move(self, *where, **how)
        )
        return Engine(network, CARD, device), network

    return make


OUT_OF_MEMORY = [
    ("cuda", torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")),
    ("mps", RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")),
]


@pytest.mark.parametrize(("device", "error"), OUT_OF_MEMORY)
def test_out_of_memory_falls_back_to_the_cpu_and_says_so(engine, elsewhere, device, error):
    sample = picture(64, 96)
    expected = engine.run(sample)
    small, network = elsewhere(device, error)
    run = small.run(sample)
    assert network.passes == [device, "cpu"]
    assert network.place == device  # the next image is tried there again
    assert run.notes == (f"{device} ran out of memory; this run used the CPU.",)
    assert run.provenance.device == "cpu"
    assert np.array_equal(run.outputs["depth"], expected.outputs["depth"])
    assert expected.notes == ()


def test_any_other_failure_on_a_device_is_no_reason_to_change_it(elsewhere):
    small, network = elsewhere("cuda", RuntimeError("device-side assert triggered"))
    with pytest.raises(RuntimeError, match="device-side assert"):
        small.run(picture(64, 96))
    assert network.passes == ["cuda"]


def test_a_failure_on_the_cpu_too_leaves_the_network_on_its_device(elsewhere, monkeypatch):
    def fail(*_arguments, **_options):
        raise RuntimeError("the CPU failed")

    small, network = elsewhere(*OUT_OF_MEMORY[0])
    monkeypatch.setattr(MultiTaskNetwork, "forward", fail)
    with pytest.raises(RuntimeError, match="the CPU failed"):
        small.run(picture(64, 96))
    assert network.passes == ["cuda", "cpu"]
    assert network.place == "cuda"


def test_provenance_names_everything_that_made_the_result(engine):
    run = engine.run(picture(64, 96), edit=Edit(residual=0.5))
    stamp = run.provenance.stamp()
    for part in (
        "tiny",
        "random",
        "noise 0",
        run.provenance.image_sha256[:12],
        "64x96",
        "cpu float32",
        "residual=0.5",
    ):
        assert part in stamp
    assert run.provenance.as_dict()["versions"]["torch"] == torch.__version__


def test_asking_for_a_task_it_lacks_names_those_it_has(engine):
    with pytest.raises(OptionError, match="does not predict 'flow'; it has semseg, depth"):
        engine.run(picture(64, 96)).prediction("flow")


def test_an_absent_device_is_refused_in_one_sentence():
    with pytest.raises(OptionError, match="'tpu' is not available here; choose one of"):
        load("kem", device="tpu")
    assert available_devices()[-1] == "cpu"
