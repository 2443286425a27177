"""``rooms``: render labelled indoor scenes."""

import time
from typing import Annotated

import typer

from mtlviz.cli.answers import AsJson, answer
from mtlviz.cli.options import Out, Workers, parse_size, worker_count
from mtlviz.cli.outputs import check_folder
from mtlviz.cli.progress import bar

Count = Annotated[int, typer.Option(min=1, help="Scenes the folder shall hold; those there are kept.")]
Size = Annotated[str, typer.Option(metavar="HxW", help="Height and width in pixels.")]
Split = Annotated[str, typer.Option(help="train, val or test: seeds that never overlap.")]
Tail = Annotated[float, typer.Option(min=0, max=3, help="Exponent of object frequencies; 0: all alike.")]
Supersample = Annotated[int, typer.Option(min=1, max=4, help="Colour samples along a pixel's side at borders.")]


def rooms(
    out: Out,
    count: Count,
    size: Size = "128x160",
    split: Split = "train",
    workers: Workers = None,
    tail: Tail = 1.0,
    supersample: Supersample = 2,
    as_json: AsJson = False,
) -> None:
    """Render rooms with labels for all six tasks; stopped and started again, it goes on where it was.

    Example:
        python -m mtlviz rooms --out data/rooms/val --split val --count 300
    """
    height, width = parse_size(size)
    check_folder(out)
    from mtlviz.data.rooms import RoomOptions, write_rooms

    options = RoomOptions(tail=tail, supersample=supersample)
    start = time.perf_counter()
    with bar("Rendering rooms") as progress:
        rendered = write_rooms(
            out, split=split, count=count, size=(height, width), workers=worker_count(workers),
            options=options, progress=progress,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    rate = rendered / seconds if rendered else None
    found = {"command": "rooms", "folder": out, "split": split, "size": [height, width], "rooms": count,
             "rendered": rendered, "seconds": seconds, "rooms_per_second": rate}  # fmt: skip
    speed = f" in {seconds:.1f} s ({rate:.1f} a second)" if rate else ""
    answer(found, as_json, f"{out} holds {count} {split} rooms of {height}x{width}; {rendered} are new{speed}.")
