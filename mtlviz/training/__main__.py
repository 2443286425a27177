"""``python -m mtlviz.training CONFIG.yaml --out DIR`` trains, then evaluates on its ``data.val``."""

import argparse
import json
import os
from pathlib import Path

from mtlviz.errors import MtlvizError
from mtlviz.training import evaluate_training, read_config, train
from mtlviz.training.state import written_whole


def main() -> None:
    """Parse the command line, train and write ``metrics.json`` beside the weights."""
    parser = argparse.ArgumentParser(prog="python -m mtlviz.training", description=__doc__)
    parser.add_argument("config", type=Path, help="for example configs/kem.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder of the training")
    parser.add_argument("--restart", action="store_true", help="forget what the folder holds instead of resuming")
    arguments = parser.parse_args()
    try:
        config = read_config(arguments.config)
        weights = train(config, arguments.out, resume=not arguments.restart)
        first = os.environ.get("LOCAL_RANK", "0") == "0"  # of several processes one evaluates
        if first and config.data.val is not None:
            scores = evaluate_training(config, weights)
            with written_whole(arguments.out / "metrics.json") as partial:
                partial.write_text(json.dumps(scores, indent=1), encoding="utf-8")
            for task in scores["tasks"].values():
                print(task["headline"], task["metrics"][task["headline"]], "|", task["protocol"])
    except MtlvizError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
