"""``sweep`` on the command line."""

from pathlib import Path

import pytest

from tests.cli.test_training_commands import CONFIG

pytest.importorskip("optuna")
SWEEP = """\
base: tiny.yaml
fields:
  network.options.slots: [2, 3]
  network.options.picks: [1, null]
"""


@pytest.fixture
def file(rooms, tmp_path):
    (tmp_path / "tiny.yaml").write_text(CONFIG.format(rooms=rooms))
    path = tmp_path / "sweep.yaml"
    path.write_text(SWEEP)
    return path


def test_a_sweep_prints_a_table_and_ends_with_its_result(cli, file):
    outcome = cli("sweep", file, "--out", "out", "--json")
    assert outcome.code == 0
    found = outcome.last
    assert found["counts"] == {"finished": 4}
    assert [cell["values"]["network.options.picks"] for cell in found["cells"]] == [1, None, 1, None]
    lines = outcome.err.splitlines()
    header = next(line for line in lines if line.startswith("slots"))
    assert header.split()[:3] == ["slots", "picks", "seeds"]
    assert "depth rmse m" in header
    assert any(line.split()[:2] == ["3", "none"] for line in lines)
    assert Path("out/slots=2,picks=none/weights.safetensors").exists()
    assert cli("sweep", file, "--out", "out", "--json").last == found


def test_a_bad_field_is_one_sentence(cli, file):
    file.write_text(SWEEP.replace("picks", "pickz"))
    outcome = cli("sweep", file, "--out", "out", "--json")
    assert outcome.code == 2
    assert "pickz" in outcome.last["error"]
    assert outcome.err.splitlines() == [outcome.last["error"]]
    assert not Path("out").exists()
