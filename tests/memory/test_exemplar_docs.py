import re
from pathlib import Path

import ste_graph as ste
from ste_graph.memory.vectors import embedders

DOCS = Path(__file__).parents[2] / "docs" / "exemplars.md"


def test_the_example_in_the_docs_puts_exemplars_into_a_prompt(tmp_path, monkeypatch, capsys, word_hashes):
    monkeypatch.setattr(embedders, "embedder_for", lambda *_: word_hashes)
    small = {"params.episodes": 1, "params.trials": 2}
    wf = ste.load(Path("workflows/quickstart.yaml").resolve(), set=small)
    monkeypatch.chdir(tmp_path)
    wf.run(out=tmp_path / "runs/quickstart")
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    exec(compile(code, str(DOCS), "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("Serve the request with one of your tools.\n\nUser Query: ")
    assert said.endswith("\n\nUser Query: What is the date 90 days after 14 October 2022?\n")
    assert re.findall(r"^Action: (\w+)$", said, re.MULTILINE)[0] in {"add_days", "today"}
