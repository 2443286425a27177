"""What others have published, apart from everything that was measured here."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mtlviz.metrics.families import protocol_family
from mtlviz.metrics.published import Published, derived_delta_m, published
from mtlviz.plots.style import task_title
from mtlviz.plots.systems import DELTA
from mtlviz.ui import linked, panels
from mtlviz.ui.downloads import csv_bytes

DATASETS = {"NYUDv2": "nyud", "PASCAL-Context": "pascal"}
UNITS = {"semseg": "mIoU % ↑", "human_parts": "mIoU % ↑", "depth": "RMSE m ↓", "normals": "mean angle ° ↓",
         "edge": "odsF % ↑"}  # fmt: skip
SALIENCY = {"sal_miou": "mIoU % ↑", "max_f": "max F % ↑"}
PRINTED, DERIVED = f"{DELTA} printed %", f"{DELTA} recomputed %"
OWN = "KEM"
"""The method whose printed numbers do not agree with one another."""
ROW_HEIGHT = 35
ABSENT = "–"


def draw(row: DeltaGenerator) -> None:
    """One table a protocol, each row with its source."""
    with row:
        chosen = linked.buttons("Data set", list(DATASETS), "results_dataset")
    rows = [one for one in published() if one.dataset == DATASETS[chosen]]
    st.badge("PUBLISHED, NOT MEASURED HERE", color="orange", icon=":material/menu_book:")
    st.markdown(
        f"**{len(rows)}** results on **{chosen}** as others have printed them. None of them belongs beside the table "
        "of this app: other images, other encoders, other budgets. Compare rows of one protocol only; numbers of two "
        "count other pixels, or another quantity of the same name."
    )
    _disagreement(rows)
    for name in dict.fromkeys(one.family for one in rows):
        _family(name, [one for one in rows if one.family == name])
    st.caption(
        "**How to read this.** “Read” says whether those who print a row have measured it themselves or have copied "
        f"it. “{DERIVED}” follows from the printed values against the printed single-task row of the same "
        "protocol and encoder; where it differs from what is printed, the printed inputs were rounded or do not belong "
        "together."
    )
    st.download_button(
        "All published rows (CSV)", lambda: csv_bytes(_table(published()), ()), "mtlviz_published.csv", "text/csv",
        key="results_download_published", on_click="ignore", type="tertiary", icon=":material/download:",
    )  # fmt: skip


def _disagreement(rows: Sequence[Published]) -> None:
    """KEM's numbers on NYUDv2 do not agree with one another; said where they are shown."""
    for one in rows:
        derived = derived_delta_m(one)
        if one.method == OWN and one.note and one.delta_m is not None and derived is not None:
            st.warning(
                f"KEM on NYUDv2 is inconsistent in print: {DELTA} +{one.delta_m:.2f}% is reported, while its printed "
                f"segmentation and depth give +{derived:.2f}% against the single-task row they are compared with. "
                "Neither is a target that a run here could miss or meet.",
                icon=":material/balance:",
            )


def _family(name: str, rows: Sequence[Published]) -> None:
    st.markdown(f"**Protocol {name}.** {panels.plain(protocol_family(name).title)}")
    table = _table(rows).drop(columns=["data set", "protocol"]).dropna(axis="columns", how="all")
    table = table.loc[:, (table != "").any()]
    st.dataframe(
        table.set_index("method"), width="stretch", height=min(ROW_HEIGHT * (len(table) + 1) + 3, 540),
        key=f"results_published_{name}", placeholder=ABSENT,
        column_config={
            "method": st.column_config.TextColumn("method", pinned=True, width=170),
            PRINTED: st.column_config.NumberColumn(format="%+.2f", help="As the source prints it."),
            DERIVED: st.column_config.NumberColumn(format="%+.2f", help="Computed here from the printed values."),
            **{
                column: st.column_config.NumberColumn(format=f"%.{_decimals(table[column])}f")
                for column in table.select_dtypes("number") if column not in (PRINTED, DERIVED)
            },
        },
    )  # fmt: skip


def _decimals(values: pd.Series) -> int:
    """As many as the most exact of them is printed with."""
    return max(len(repr(float(value)).partition(".")[2]) for value in values.dropna())


def _table(rows: Sequence[Published]) -> pd.DataFrame:
    """One row a method; tasks in the order of the tasks."""
    tasks = [task for task in (*UNITS, "saliency") if any(task in one.values for one in rows)]
    columns = {
        "method": [one.method for one in rows],
        "encoder": [one.backbone for one in rows],
        "data set": [one.dataset for one in rows],
        "protocol": [one.family for one in rows],
    }
    found = pd.DataFrame(columns)
    for task in tasks:
        for metric in dict.fromkeys(one.saliency_metric for one in rows) if task == "saliency" else ("",):
            if task == "saliency" and not metric:
                continue
            label = f"{task_title(task)} {SALIENCY[metric] if metric else UNITS[task]}"
            found[label] = [one.values.get(task) if metric in ("", one.saliency_metric) else None for one in rows]
    found[PRINTED] = [one.delta_m for one in rows]
    found[DERIVED] = [derived_delta_m(one) for one in rows]
    found["read"] = [one.read for one in rows]
    found["source"] = [one.source for one in rows]
    found["note"] = [one.note for one in rows]
    return found
