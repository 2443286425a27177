"""``attribution``: convergence of Integrated Gradients as table, JSON and file."""

from pathlib import Path

from mtlviz.analysis.attribution.convergence import KIND, from_plain
from mtlviz.results import read_result


def test_held_and_free_picks_stand_side_by_side_in_one_table_and_one_file(cli, rooms):
    outcome = cli("attribution", "--data", rooms / "val", "--checkpoints", "none", "kem", "--limit", 1,
                  "--out", "found/attribution.json", "--json")  # fmt: skip
    assert outcome.code == 0
    stored = from_plain({key: value for key, value in read_result(Path("found/attribution.json"), KIND).items()
                         if key != "kind"})  # fmt: skip
    assert [model.name for model in stored.models] == ["none", "kem"]
    assert outcome.last["images"] == stored.images == 1
    assert len(stored.models[0].gaps) == 5  # four tasks over the image, one at a pixel
    for words in ("held: below 5 %", "free: below 5 %", "a task over the image", "5 %"):
        assert words in outcome.err
