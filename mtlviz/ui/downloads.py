"""Results as files: every one carries the stamp of what made it."""

import io
import json
import re
from collections.abc import Mapping, Sequence
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pandas as pd

from mtlviz.engine import Provenance

LONGEST_STAMP = 120
"""Letters of it in a file's name."""


def file_stamp(provenance: Sequence[Provenance]) -> str:
    """What a picture's file name says of where it is from: models with their weights, and the image; "" for nothing.

    A browser saves pictures without anything beside them, so the name has to carry it.
    """
    images = dict.fromkeys(one.image for one in provenance)
    parts = [*dict.fromkeys(f"{one.model}-{one.weights_sha256[:8]}" for one in provenance), *images]
    return re.sub(r"[^\w.-]+", "-", "_".join(parts))[:LONGEST_STAMP]


def npz_bytes(arrays: Mapping[str, np.ndarray], provenance: Sequence[Provenance]) -> bytes:
    """Arrays as a compressed NPZ; its entry ``provenance`` is JSON."""
    said = json.dumps([one.as_dict() for one in provenance])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**arrays, "provenance": np.array(said)})  # type: ignore[arg-type]
    return buffer.getvalue()


def csv_bytes(table: pd.DataFrame, provenance: Sequence[Provenance]) -> bytes:
    """A table as CSV; its first lines are stamps behind ``#``."""
    stamps = "".join(f"# {one.stamp()}\n" for one in provenance)
    return (stamps + str(table.to_csv(index=False))).encode()


def zip_bytes(files: Mapping[str, bytes], provenance: Sequence[Provenance]) -> bytes:
    """Files in one zip, with ``provenance.json``."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("provenance.json", json.dumps([one.as_dict() for one in provenance], indent=2))
    return buffer.getvalue()
