"""The Results page in sentences: what a regime showed, what the tier can tell, and who leads by more than chance."""

from mtlviz.analysis.system_leads import FACTOR, Lead
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import DELTA, amount, gain_text, metric_label, metric_unit, percent_text
from mtlviz.ui.panels import plain
from mtlviz.ui.results import REFERENCE, View

CLEAR, WITHIN = "★", "≈"
"""Marks of the best of a column: ahead by more than the spread, and not."""


def headline(view: View) -> str:
    """One sentence that answers the page's question for the chosen regime."""
    best = view.best_gain()
    if best is None:
        return (
            f"In the regime **{plain(view.name)}** no gain can be told yet: it takes a system beside each task alone."
        )
    row, gain = best
    verb = "gains most over each task alone" if gain.mean > 0 else "comes nearest to each task alone, and nobody gains"
    said = [f"Trained on {plain(view.regime.summary)}, **{plain(row.title)}** {verb}: {DELTA} **{gain_text(gain)} %**"]
    if view.gain_lead is not None:
        said.append(_against(view, view.gain_lead))
    reference = view.row(REFERENCE)
    if reference is not None and reference.name != row.name and reference.gain is not None:
        said.append(f"hard sharing alone reaches **{percent_text(reference.gain.mean)} %**")
    if row.gain_off is not None:
        said.append(f"with its interaction switched off it falls to **{percent_text(row.gain_off)} %**"
                    if row.gain_off < gain.mean else
                    f"and switching its interaction off leaves **{percent_text(row.gain_off)} %**")  # fmt: skip
    return "; ".join(said) + "."


def tier(view: View) -> str:
    """What the tier is, and what Delta_m can tell in it."""
    seeds = "one seed" if view.seeds == 1 else f"{view.seeds} seeds"
    said = f"**Tier {plain(view.comparison.tier)}; {seeds}.**"
    if view.light:
        said += (
            " The encoder that all systems share, each task alone included, was trained on all tasks before, so "
            f"{DELTA} speaks only of what follows it: not of whether tasks help one another in an encoder."
        )
    return said


def spread(view: View) -> str:
    """What ± is over."""
    over = {one.over for row in view.rows for one in row.scores.values() if one.over}
    if over == {"seeds"}:
        return "± is the standard deviation over seeds."
    if over == {"images"}:
        return (
            "± is the standard error over ten groups of held-out images; there is one seed only, so how far another "
            "training would move a number is not in it."
        )
    if not over:
        return "No spread is known: there is one seed, and too few held-out images to part."
    return "± is the standard deviation over seeds, or over groups of held-out images where there is one seed."


def marks(view: View) -> str:
    """What the marks in the table mean."""
    errors = f"more than {FACTOR:g} standard errors of their difference"
    over = "over seeds" if view.seeds > 1 else "on the same groups of images, so that it can be surer than ± suggests"
    return f"{CLEAR} and bold: best of its column, ahead of the next by {errors} {over}. {WITHIN}: best, not so far."


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
        return f"**{column}** {CLEAR} {best}, ahead of {second} by {distance}: more than the spread."
    if not ahead.known:
        return f"**{column}** {best}, ahead of {second} by {distance}; no spread is known."
    others = _listed([plain(view.title(name)) for name in ahead.within])
    return f"**{column}** {WITHIN} {best}, but within the spread of {others}."


def _against(view: View, ahead: Lead) -> str:
    if ahead.clear:
        return f"more than the spread ahead of {plain(view.title(ahead.second))}"
    if not ahead.known:
        return f"then comes {plain(view.title(ahead.second))}, and no spread is known"
    count = len(ahead.within)
    others = plain(view.title(ahead.within[0])) if count == 1 else f"{count} other systems"
    return f"within the spread of {others}"


def _unit(metric: str) -> str:
    """Behind a number; degrees follow it without a space."""
    unit = metric_unit(metric)
    return unit if unit in ("", "°") else f" {unit}"


def _listed(names: list[str], most: int = 4) -> str:
    """Names for a sentence; the last of many as a number."""
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} more"]
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
