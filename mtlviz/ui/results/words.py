"""The Results page in sentences: what a regime showed, what the tier can tell, and who leads by more than chance."""

from mtlviz.analysis.system_leads import LEVEL, Lead
from mtlviz.analysis.system_record import SINGLE
from mtlviz.analysis.system_words import left_out_sentence, seeds_phrase, spread_sentence
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import DELTA, amount, gain_text, metric_label, metric_unit, percent_text
from mtlviz.ui.panels import plain
from mtlviz.ui.results.page import REFERENCE, View

CLEAR, WITHIN = "★", "≈"
"""Marks of the best of a column: ahead of every other by more than chance, and not."""


def headline(view: View) -> str:
    """One sentence that answers the page's question for the chosen regime."""
    best = view.best_gain()
    if best is None:
        return (
            f"In the regime **{plain(view.name)}** no gain can be told yet: it takes a system beside each task alone."
        )
    row, gain = best
    verb = "gains most over each task alone" if gain.mean > 0 else "comes nearest to each task alone, and nobody gains"
    said = [f"Trained on {plain(view.regime.summary)}, **{plain(row.title)}** {verb}: {DELTA} **{gain_text(gain)}%**"]
    if view.gain_lead is not None:
        said.append(_against(view, view.gain_lead))
    if row.gain_off is not None:
        said.append(f"with its interaction switched off it falls to **{percent_text(row.gain_off)}%**"
                    if row.gain_off < gain.mean else
                    f"and switching its interaction off leaves **{percent_text(row.gain_off)}%**")  # fmt: skip
    reference = view.row(REFERENCE)
    if reference is not None and reference.name != row.name and reference.gain is not None:
        said.append(f"hard sharing alone reaches **{percent_text(reference.gain.mean)}%**")
    return "; ".join(said) + "."


def tier(view: View) -> str:
    """What the tier is, and what Delta_m can tell in it."""
    said = f"**Tier {plain(view.comparison.tier)}; {seeds_phrase(view.rows)}.**"
    if view.light:
        said += (
            " The encoder that all systems share, each task alone included, was trained on all tasks before, so "
            f"{DELTA} speaks only of what follows it: not of whether tasks help one another in an encoder."
        )
    return said


def spread(view: View) -> str:
    """What ± is over, and which trainings are not counted."""
    return " ".join(filter(None, (spread_sentence(view.rows), left_out_sentence(view.regime))))


def marks(view: View) -> str:
    """What the marks in the table mean."""
    tested = chance(view)
    if not tested:
        return "Nothing is marked, since chance is not known."
    return (
        f"{CLEAR} and bold: best of its column, and ahead of every other by more than chance. {WITHIN}: best, but not "
        f"so far ahead.{tested}"
    )


def chance(view: View) -> str:
    """What a lead is tested with, and which chance that leaves out; empty where it cannot be."""
    if not any(one.known for one in (view.gain_lead, *view.task_leads.values()) if one is not None):
        return ""
    if view.rows[0].seeds > 1:
        parts, pooled = f"the same {view.rows[0].seeds} seeds", ", with one variance for all systems"
        beyond = "other images might tell otherwise"
    else:
        parts, pooled = "the same groups of images", ""
        beyond = "another training might tell otherwise"
    return (
        f" Chance: one-sided t-tests of the differences over {parts}{pooled}; {100 * LEVEL:g}% a column, corrected "
        f"for the systems of the column (Bonferroni) and not for the number of columns; {beyond}."
    )


def costs(view: View) -> str:
    """What the costs of the table hold."""
    said = " Costs carry no mark: sharing nothing but the encoder is the cheapest by construction."
    if view.light and view.row(SINGLE) is not None:
        said += (
            " Each task alone counts an encoder a task, as it would take them where encoders are trained; in this tier "
            "they are copies of one."
        )
    return said


def leaders(view: View) -> list[str]:
    """Who is best in each column, one line each."""
    lines = []
    if view.gain_lead is not None:
        lines.append(_line(view, DELTA, view.gain_lead, f"{view.gain_lead.ahead:.2f} percentage points"))
    for task, ahead in view.task_leads.items():
        metric = view.comparison.headlines[task]
        distance = f"{amount(metric, ahead.ahead)}{_unit(metric)}"
        lines.append(_line(view, f"{task_title(task)}, {metric_label(metric)}", ahead, distance))
    return lines


def _line(view: View, column: str, ahead: Lead, distance: str) -> str:
    best, second = plain(view.title(ahead.best)), plain(view.title(ahead.second))
    if ahead.clear:
        return f"**{column}** {CLEAR} {best}, ahead of {second} by {distance}: more than chance."
    if not ahead.known:
        return f"**{column}** {best}, ahead of {second} by {distance}; chance is not known."
    others = _listed([plain(view.title(name)) for name in ahead.within])
    return f"**{column}** {WITHIN} {best}, but not told from {others}."


def _against(view: View, ahead: Lead) -> str:
    if ahead.clear:
        return f"by more than chance ahead of {plain(view.title(ahead.second))} and of all others"
    if not ahead.known:
        return f"then comes {plain(view.title(ahead.second))}, and chance is not known"
    count = len(ahead.within)
    others = plain(view.title(ahead.within[0])) if count == 1 else f"{count} others"
    among = ", hard sharing among them" if count > 1 and REFERENCE in ahead.within else ""
    return f"no more than chance ahead of {others}{among}"


def _unit(metric: str) -> str:
    """Behind a number; degrees follow it without a space."""
    unit = metric_unit(metric)
    return unit if unit in ("", "°") else f" {unit}"


def _listed(names: list[str], most: int = 4) -> str:
    """Names for a sentence; the last of many as a number."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
