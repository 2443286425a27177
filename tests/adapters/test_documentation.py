"""What docs/own-model.md shows works."""

import re
from pathlib import Path

from mtlviz.adapters.checks import check_adapter
from mtlviz.adapters.sources import load_adapter

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "own-model.md").read_text(encoding="utf-8")


def test_the_least_adapter_keeps_every_promise(tmp_path):
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "class Mine" in code)
    (tmp_path / "my_adapter.py").write_text(code)
    found = list(check_adapter(load_adapter(f"{tmp_path / 'my_adapter.py'}:Mine")))
    assert {one.outcome for one in found} == {"pass"}, found


def test_the_adapter_of_the_example_is_as_short_as_promised():
    lines = (ROOT / "examples" / "task_exchange_adapter.py").read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.strip().startswith(('"""', "#", "import", "from"))]
    assert len(code) <= 45
