import re
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.memory.vectors import embedders

DOCS = Path(__file__).parents[2] / "docs" / "exemplars.md"


def test_the_example_in_the_docs_puts_exemplars_into_a_prompt(tmp_path, monkeypatch, capsys, word_hashes):
    monkeypatch.setattr(embedders, "embedder_for", lambda *_: word_hashes)
    small = {"params.episodes": 1, "params.trials": 2}
    wf = ste.load(Path("workflows/quickstart.yaml").resolve(), set=small)
    monkeypatch.chdir(tmp_path)
    wf.run(out=tmp_path / "runs/quickstart")
    code, agent = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    exec(compile(code, str(DOCS), "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("Serve the request with one of your tools.\n\nUser Query: ")
    assert said.endswith("\n\nUser Query: What is the date 90 days after 14 October 2022?\n")
    assert re.findall(r"^Action: (\w+)$", said, re.MULTILINE)[0] in {"add_days", "today"}
    run_agent(agent)
    assert capsys.readouterr().out == "The twelfth of January 2023.\n"


def run_agent(code):
    """Run the agent of the docs, with a model that calls the tool once and then answers."""
    pytest.importorskip("langchain", reason="the langchain extra is not installed")
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    class Scripted(GenericFakeChatModel):
        def bind_tools(self, tools, **_):
            assert [tool.name for tool in tools] == ["add_days"]
            return self

        def _generate(self, messages, *args, **kwargs):
            # Exemplars come before the request; the last result of a tool is that of this request's call.
            assert [message.type for message in messages][:4] == ["system", "human", "ai", "tool"]
            assert messages[-1].type == "human" or "2023-01-12" in messages[-1].text
            return super()._generate(messages, *args, **kwargs)

    call = AIMessage("", tool_calls=[{"name": "add_days", "args": {"date": "2022-10-14", "days": 90}, "id": "1"}])
    model = Scripted(messages=iter([call, AIMessage("The twelfth of January 2023.")]))
    changed, count = re.subn(r"^model = .*$", "", code, flags=re.MULTILINE)
    assert count == 1
    exec(compile(changed, str(DOCS), "exec"), {"model": model})
