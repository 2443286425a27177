"""A comparison of a few systems with numbers that can be worked out by hand."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from mtlviz.analysis.system_record import KIND, Comparison, Cost, Curve, Regime, System, Training
from mtlviz.results import write_result

HEADLINES = {"semseg": "miou", "depth": "rmse"}
LOWER = {"semseg": False, "depth": True}
EASE = (0.9, 1.0, 1.1, 1.0)
"""How easy each group of images is, the same for every system."""


def training(miou: float, rmse: float, *, seed: int = 1, off: tuple[float, float] | None = None,
             wobble: float = 0.0, networks: tuple[str, ...] = ("",)) -> Training:  # fmt: skip
    """A training; ``wobble`` parts its groups of images from those of the others."""
    return Training(
        seed=seed,
        weights_sha256={network: f"{seed}{network}".ljust(64, "0") for network in networks},
        metrics={"semseg": {"miou": miou}, "depth": {"rmse": rmse}},
        off=None if off is None else {"semseg": {"miou": off[0]}, "depth": {"rmse": off[1]}},
        groups={"semseg": [miou * ease + wobble * (-1) ** k for k, ease in enumerate(EASE)],
                "depth": [rmse * ease for ease in EASE]},
        curves={network: Curve([100, 200], {task: [2.0, 1.0] for task in ([network] if network else HEADLINES)})
                for network in networks},
    )  # fmt: skip


def cost(millions: float) -> Cost:
    """A cost that grows with one number."""
    count = round(millions * 1e6)
    return Cost({"total": count}, {"total": 100 * count}, 10 * millions, millions, 2**20)


def comparison(**changes: object) -> Comparison:
    """Two regimes of four systems; in the first KEM leads in segmentation, CTAL is as good in depth."""

    def regime(kem: float) -> Regime:
        systems = {
            "single": System("Each task alone", "Alone.", [training(0.5, 1.0, networks=("semseg", "depth"))], cost(4)),
            "none": System("Hard sharing", "Shared.", [training(0.5, 1.0)], cost(1)),
            "kem": System("KEM", "Slots.", [training(kem, 0.9, off=(0.45, 1.0))], cost(2)),
            "ctal": System("CTAL & co", "Affinities.", [training(0.52, 0.9, off=(0.5, 1.0), wobble=0.01)], cost(3)),
        }
        return Regime("forty rooms", 40, 20, {"semseg": "mIoU", "depth": "RMSE in metres"}, systems)

    plain = {"tier": "light: frozen", "command": "python -m mtlviz comparison a.yaml --out b", "headlines": HEADLINES,
             "lower_is_better": LOWER, "regimes": {"plentiful": regime(0.6), "scarce": regime(0.4)},
             "versions": {"mtlviz": "0.1.0", "torch": "2"}, "device": "cpu"}  # fmt: skip
    return Comparison(**{**plain, **changes})  # type: ignore[arg-type]


MOVED = {"single": (0.01, -0.01, 0.0), "none": (0.0, 0.01, 0.02), "kem": (0.0, -0.01, 0.0), "ctal": (0.02, 0.0, 0.01)}
"""By system what each seed adds to its mIoU, beside what it adds to all."""


def several(*seeds: int, **own: tuple[int, ...]) -> Comparison:
    """The same from several seeds, each of which moves all systems, and every system a little by itself.

    Args:
        seeds: 1 to 3, of every system; three by default.
        own: seeds of a system that has others.
    """
    found = comparison()
    for regime in found.regimes.values():
        for name, system in regime.systems.items():
            (one,) = system.trainings
            regime.systems[name] = replace(
                system,
                trainings=[_moved(one, seed, MOVED[name][seed - 1]) for seed in own.get(name, seeds or (1, 2, 3))],
            )
    return found


def _moved(one: Training, seed: int, more: float) -> Training:
    """A training from another seed."""
    metrics = {"semseg": {"miou": one.metrics["semseg"]["miou"] + 0.1 * seed + more},
               "depth": {"rmse": one.metrics["depth"]["rmse"] * (1 + 0.2 * seed - more)}}  # fmt: skip
    curves = {network: Curve([100, 200], {task: [2.0 * seed, 1.0 * seed] for task in curve.losses})
              for network, curve in one.curves.items()}  # fmt: skip
    shas = {network: f"{seed}{network}".ljust(64, "0") for network in one.weights_sha256}
    return replace(one, seed=seed, metrics=metrics, curves=curves, weights_sha256=shas)


def store(folder: Path, found: Comparison) -> None:
    """Put a comparison where the app looks for it."""
    content = json.loads(json.dumps(asdict(found)))
    write_result(folder / "comparison.json", KIND, {key: value for key, value in content.items() if key != "kind"})
