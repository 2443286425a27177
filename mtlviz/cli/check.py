"""``check``: does an adapter keep what the app relies on?"""

import shlex
from dataclasses import asdict
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer

Place = Annotated[str, typer.Argument(metavar="ADAPTER", help="path.py:attribute or module:attribute; its code runs.")]
FAILED = 1
WIDTH = 12
"""Columns of a check's name."""


def check(adapter: Place, as_json: AsJson = False) -> None:
    """Check an adapter of one's own network, one line a check; exit code 1 if one fails.

    Card, preparation, shapes, ranges, determinism, batches, traces, edits, what stays behind, gradients, threads.

    Example:
        python -m mtlviz check examples/task_exchange_adapter.py:TaskExchange
    """
    from mtlviz.adapters.checks import check_adapter
    from mtlviz.adapters.sources import load_adapter

    loaded = load_adapter(adapter)
    found = list(check_adapter(loaded))
    failed = [one.name for one in found if one.outcome == "fail"]
    lines = [f"{one.outcome}  {one.name:<{WIDTH}} {one.sentence}" for one in found]
    verdict = (
        f"{', '.join(failed)} failed; the app would show wrong things or stop."
        if failed
        else f"All hold; start the app with it: streamlit run app.py -- --adapter {shlex.quote(adapter)}"
    )
    record = {"command": "check", "adapter": adapter, "name": getattr(loaded.card, "name", None), "ok": not failed,
              "checks": [asdict(one) for one in found]}  # fmt: skip
    answer(record, as_json, *lines, "", verdict)
    if failed:
        raise typer.Exit(FAILED)
