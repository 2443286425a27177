"""Which number of a disturbance is drawn: one choice for the current image and for the set."""

from collections.abc import Iterable, Mapping

from mtlviz.analysis.noise.names import dose_measures
from mtlviz.tasks import TASKS
from mtlviz.ui import linked
from mtlviz.ui.noise.page import View
from mtlviz.ui.noise.results import About, StoredNoise


def measures(view: View, found: StoredNoise | None) -> dict[str, About]:
    """All numbers of disturbances, those of the stored result first, without the dose itself."""
    stored = {} if found is None else {
        key: found.measures[key] for key in found.measures
        if any(key in intervals for model in found.models for intervals in model.doses.values())
    }  # fmt: skip
    tasks = [TASKS[name] for name in view.pair.tasks]
    live = {
        key: About(one.title, one.meaning, one.formula, one.unit, one.same, one.better)
        for key, one in dose_measures(tasks).items()
    }
    return {key: about for key, about in {**live, **stored}.items() if key != "dose"}


def choose(key: str, offered: Mapping[str, About], *, default: str, label: str = "Measure") -> str:
    """The chosen measure.

    Args:
        key: of the widget.
        offered: by key.
        default: key of the one that is shown first.
        label: of the widget.
    """
    titles = {about.title: name for name, about in offered.items()}
    start = offered[default].title if default in offered else None
    return titles[linked.select(label, list(titles), key, start=start, width=320)]


def titled(about: About) -> str:
    """Title of an axis, with the unit."""
    return f"{about.title} ({about.unit})" if about.unit else about.title


def present(keys: Iterable[str], offered: Mapping[str, About]) -> dict[str, About]:
    """Those of the offered measures that are among the keys."""
    wanted = set(keys)
    return {key: about for key, about in offered.items() if key in wanted}
