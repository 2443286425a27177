"""What a comparison of systems that were trained alike holds."""

from dataclasses import dataclass

KIND = "comparison"
SINGLE = "single"
"""Name of the system in which every task has a network of its own; the baseline of Delta_m."""


@dataclass(frozen=True)
class Curve:
    """Losses of a training.

    Attributes:
        images: seen so far, one entry a line of the log.
        losses: by task the unweighted loss, as many entries.
    """

    images: list[int]
    losses: dict[str, list[float]]


@dataclass(frozen=True)
class Training:
    """One training of a system.

    Attributes:
        seed: it started from.
        weights_sha256: of its weights, by network: ``""``, or by task where every task has its own.
        metrics: by task all metrics on the held-out images.
        off: the same with the interaction switched off; None without an interaction.
        groups: by task the headline metric on each group of the held-out images; None where a group has no label.
        curves: by network, named as in ``weights_sha256``.
    """

    seed: int
    weights_sha256: dict[str, str]
    metrics: dict[str, dict[str, float | None]]
    off: dict[str, dict[str, float | None]] | None
    groups: dict[str, list[float | None]]
    curves: dict[str, Curve]


@dataclass(frozen=True)
class Cost:
    """What a system costs for one image.

    Attributes:
        parameters: by part, and ``total``; every network of the system counts.
        operations: multiply-accumulates, alike.
        milliseconds: median time of a forward pass, systems taking turns.
        over_none: median ratio of that time to ``none``'s in the same round.
        peak_bytes: of live tensors above weights and image.
    """

    parameters: dict[str, int]
    operations: dict[str, int]
    milliseconds: float
    over_none: float
    peak_bytes: int


@dataclass(frozen=True)
class System:
    """A way to let tasks meet.

    Attributes:
        title: for tables.
        summary: one sentence.
        trainings: one a seed.
        cost: None until it has been measured.
    """

    title: str
    summary: str
    trainings: list[Training]
    cost: Cost | None = None


@dataclass(frozen=True)
class Regime:
    """What all systems were trained and scored on.

    Attributes:
        summary: one phrase.
        images: of the training.
        scored: held-out images.
        protocols: by task how it is scored.
        systems: by name, in the order of the configuration.
    """

    summary: str
    images: int
    scored: int
    protocols: dict[str, str]
    systems: dict[str, System]


@dataclass(frozen=True)
class Comparison:
    """Systems trained alike.

    Attributes:
        tier: how much training each of them got, in a phrase.
        command: that makes the result.
        headlines: by task its headline metric.
        lower_is_better: by task whether a smaller headline metric is better.
        regimes: by name.
        versions: of the libraries.
        kind: ``comparison``.
        device: on which times were taken, and its threads; empty until they were.
    """

    tier: str
    command: str
    headlines: dict[str, str]
    lower_is_better: dict[str, bool]
    regimes: dict[str, Regime]
    versions: dict[str, str]
    kind: str = KIND
    device: str = ""
