"""A process that computes UMAP maps, one after the other: ``python -m mtlviz.analysis.umap_worker``.

It reads one request a line from standard input and writes lines of JSON to standard output: what it is doing, and
the coordinates in the end. It stays, since the first map of a process compiles for many seconds, and ends with its
input or after ``PATIENCE`` seconds without a request.
"""

import base64
import json
import os
import sys
import threading
from dataclasses import asdict
from typing import IO, Any

import numpy as np

from mtlviz.analysis.projection import UmapSettings, umap_coordinates
from mtlviz.errors import MtlvizError

PATIENCE = 900.0
"""Seconds after which a process that nobody asks for anything ends."""


def encoded_array(array: np.ndarray) -> dict[str, Any]:
    """A float32 array as plain data for JSON."""
    content = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(content).decode()}


def decoded_array(plain: dict[str, Any]) -> np.ndarray:
    """The array that ``encoded_array`` was given."""
    content = np.frombuffer(base64.b64decode(plain["float32"]), "<f4")
    return content.reshape(plain["shape"]).astype(np.float32)


def request(points: np.ndarray, settings: UmapSettings) -> str:
    """The line that asks for a map."""
    return json.dumps({"settings": asdict(settings), "points": encoded_array(points)})


def main() -> None:
    """Answer until the input ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not come between the answers
    idle = _idle()
    for line in sys.stdin:
        idle.cancel()
        _answer(json.loads(line), channel)
        idle = _idle()
    idle.cancel()


def _idle() -> threading.Timer:
    timer = threading.Timer(PATIENCE, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


def _answer(asked: dict[str, Any], channel: IO[str]) -> None:
    def say(**what: object) -> None:
        channel.write(json.dumps(what) + "\n")
        channel.flush()

    try:
        coordinates = umap_coordinates(
            decoded_array(asked["points"]),
            UmapSettings(**asked["settings"]),
            lambda stage, share: say(stage=stage, share=share),
        )
    except MtlvizError as error:
        say(error=str(error))
    except Exception as error:  # whatever went wrong, the app has to hear of it
        say(error=f"UMAP failed ({type(error).__name__}: {error}); try other tokens.")
    else:
        say(result=encoded_array(coordinates))


if __name__ == "__main__":
    main()
