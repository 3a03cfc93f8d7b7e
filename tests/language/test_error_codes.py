import re
from pathlib import Path

import ste_graph

ROOT = Path(__file__).parents[2]


def test_the_table_of_errors_has_each_code_of_the_program_and_no_other() -> None:
    rows = re.findall(r"^\| ([EW]\d{3}) \|", (ROOT / "docs" / "errors.md").read_text("utf-8"), re.MULTILINE)
    sources = Path(ste_graph.__file__).parent.rglob("*.py")
    used = {code for source in sources for code in re.findall(r'"([EW]\d{3})"', source.read_text("utf-8"))}
    assert len(rows) == len(set(rows))
    assert set(rows) == used
