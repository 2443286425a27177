"""Does taking the noise away help? Reading restricted to relevant tokens, against a control that knows nothing."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.analysis.noise.doses import SHUFFLED
from mtlviz.analysis.noise.names import WHAT
from mtlviz.analysis.stability.stored import StoredInterval
from mtlviz.plots.noise_doses import Dot, dots_figure
from mtlviz.ui import panels
from mtlviz.ui.noise import leaks, live, measures, results
from mtlviz.ui.noise import words as noise_words
from mtlviz.ui.noise.measures import titled
from mtlviz.ui.noise.page import Side, View
from mtlviz.ui.noise.results import About, Held, StoredNoise

CONTROL = f"oracle:{SHUFFLED}"
HOW = (
    "All weights between tokens of different labels are set to 0, the others stay as they are. The control does the "
    "same with the classes of the image at other places, so that as much is taken away and nothing is known. Only what "
    "an oracle gains over the control speaks of noise: taking weight away changes a network by itself."
)


def draw(view: View, _row: DeltaGenerator) -> None:
    """The answer over the set, with the current image beside it."""
    cards = [side.card for side in view.sides]
    found = results.find(cards)
    offered = {key: about for key, about in measures.measures(view, found).items() if ":" in key}
    key = measures.choose("noise_oracle_measure", offered, default=_first_gain(offered))
    st.caption(HOW)
    held = [] if found is None else results.held(found, cards)
    able = [one for one in held if one.model.against_control]
    now = _dots_now(view, key)
    if found is not None and able:
        st.markdown(_answer(found, able, offered[key], key))
    leaks.say_missing(view, found)
    stored = _dots_set(able, key)
    limits = _limits([*stored, *now])
    first, second = st.columns(2, gap="medium")
    with first:
        if found is not None and able:
            _set(found, able, offered[key], stored, limits)
        else:
            panels.empty("No stored result holds a model that can be restricted to relevant tokens.",
                         "Choose a model such as kem, or measure one.")  # fmt: skip
    with second:
        _now(view, offered[key], now, limits, max(len(able), len(view.sides)))
    for side in view.sides:
        if side.trace is None:
            st.caption(f"{panels.plain(side.title)} cannot be restricted: {noise_words.why_no_rows(side)}.")


def _answer(found: StoredNoise, able: Sequence[Held], about: About, key: str) -> str:
    """What the set says, model by model, whichever way it comes out."""
    said = []
    for one in able:
        more: list[str] = []
        less: list[str] = []
        open_: list[str] = []
        for oracle, intervals in (one.model.against_control or {}).items():
            value = intervals.get(key)
            if value is None or value.mean is None or value.low is None or value.high is None:
                continue
            part = f"{WHAT.get(oracle, oracle)} {_interval(value, about)}"
            group = open_ if value.low <= 0 <= value.high else more if value.mean > 0 else less
            group.append(part)
        words = ("**better** for", "**worse** for") if _is_gain(about) else ("**more** for", "**less** for")
        said_of = zip((*words, "no difference that these images show for"), (more, less, open_), strict=True)
        verdict = [f"{what} {', '.join(parts)}" for what, parts in said_of if parts]
        if verdict:
            said.append(f"{panels.plain(one.model.title)}: {'; '.join(verdict)}")
    if not said:
        return f"The stored result has no {about.title} of these experiments."
    lines = "".join(f"\n- {line}" for line in said)
    return f"**Reading relevant tokens alone, less the control** ({about.title}, n = {found.images} images):\n{lines}"


def _dots_set(able: Sequence[Held], key: str) -> list[Dot]:
    return [
        Dot(f"same {WHAT.get(oracle, oracle)}", one.model.title, one.place, value.mean, value.low, value.high)
        for one in able
        for oracle, intervals in (one.model.against_control or {}).items()
        if (value := intervals.get(key)) is not None and value.mean is not None
    ]


def _set(
    found: StoredNoise, able: Sequence[Held], about: About, dots: Sequence[Dot], limits: tuple[float, float]
) -> None:
    if not dots:
        panels.empty(f"The stored result has no {about.title} of these experiments.", "Choose another measure.")
        return
    panels.figure(
        dots_figure(dots, f"oracle less control, {found.images} images", titled(about), limits=limits),
        "noise_oracle_set",
        alt=f"{about.title}, oracle less shuffled control, mean of {found.images} images",
        how_to_read=f"{about.meaning} Every mark is an oracle less its control, image by image, with its 95% interval "
        f"over images; {_direction(about)}",
        formula=r"\Delta=\mu\big(a_{ij}\,[y_i=y_j]\big)-\mu\big(a_{ij}\,[y_{\pi(i)}=y_{\pi(j)}]\big)",
        source=noise_words.SOURCE,
        data=_table(found, able), provenance=results.stamps(found, able),
    )  # fmt: skip


def _dots_now(view: View, key: str) -> list[Dot]:
    """Every oracle less its control on the current image."""
    dots = []
    for side in view.sides:
        effects = live.effects(side, live.oracles_of(side), 0)
        control = effects.get(CONTROL, {}).get(key)
        dots += [
            Dot(f"same {WHAT.get(oracle, oracle)}", side.title, side.index, row[key] - control)
            for group, row in effects.items()
            if group != CONTROL and control is not None and key in row and (oracle := group.partition(":")[2])
        ]
    return dots


def _now(view: View, about: About, dots: Sequence[Dot], limits: tuple[float, float], models: int) -> None:
    """The same on the current image, without spread."""
    if not dots:
        panels.empty(*_nothing_now(view.sides))
        return
    rows = [(dot.title, dot.label, dot.mean) for dot in dots]
    panels.figure(
        dots_figure(dots, "oracle less control, this image", titled(about), limits=limits, models=models),
        "noise_oracle_now",
        alt=f"{about.title}, oracle less shuffled control, on this image",
        how_to_read="The same on the current image alone, with one draw of the control: an anecdote beside the mean, "
        "on the same scale.",
        data=pd.DataFrame(rows, columns=["model", "oracle", about.title]),
        provenance=[side.run.provenance for side in view.sides],
    )


def _limits(dots: Sequence[Dot]) -> tuple[float, float]:
    """Of both figures, with some room; 0 lies inside."""
    ends = [0.0, *(end for dot in dots for end in (dot.mean, dot.low, dot.high) if end is not None)]
    room = 0.06 * ((max(ends) - min(ends)) or 1.0)
    return min(ends) - room, max(ends) + room


def _nothing_now(sides: Sequence[Side]) -> tuple[str, str]:
    if not any(side.labels for side in sides):
        return "This image has no labels, so no oracle can say which tokens are relevant.", "Choose a room."
    return "Neither model can be restricted to relevant tokens.", "Choose a model such as kem in the sidebar."


def _first_gain(offered: Mapping[str, About]) -> str:
    return next((key for key in offered if key.startswith("gain:")), next(iter(offered)))


def _is_gain(about: About) -> bool:
    """Whether more of it is better; a smaller change of a prediction is neither better nor worse."""
    return about.better == "higher"


def _direction(about: About) -> str:
    if _is_gain(about):
        return "to the right of the dashed line knowing what is relevant helped."
    return "to the right of the dashed line the oracle changes more than the control, for better or worse."


def _interval(value: StoredInterval, about: About) -> str:
    unit = f" {about.unit}" if about.unit not in ("", "°") else about.unit
    return f"{value.mean:+.3g}{unit} [{value.low:+.3g}, {value.high:+.3g}]"


def _table(found: StoredNoise, able: Sequence[Held]) -> pd.DataFrame:
    """Experiments as they are, and each oracle less the control."""
    rows = []
    for one in able:
        groups = {group: intervals for group, intervals in one.model.doses.items()
                  if group in found.experiments and found.experiments[group].kind == "oracle"}  # fmt: skip
        less = {f"oracle:{oracle} less control": row for oracle, row in (one.model.against_control or {}).items()}
        rows += [
            (one.model.name, group, name, value.mean, value.low, value.high, value.n)
            for group, intervals in {**groups, **less}.items() for name, value in intervals.items()
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "experiment", "measure", "mean", "low", "high", "images"])
