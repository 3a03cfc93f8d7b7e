from __future__ import annotations

from pathlib import Path

import pytest

import ste_graph.workflows

PROMPTS = Path(ste_graph.workflows.__file__).parent / "prompts"

TOOLS = '''
import ste_graph as ste

@ste.tool(effect="read")
def double(number: int) -> str:
    """Double a number."""
    return str(2 * number)

@ste.tool(effect="read")
def shout(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()

@ste.tool(effect="read")
def half(number: int) -> str:
    """Halve an even number."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return str(number // 2)
'''

WORKFLOW = f"""
dsl: 2
name: small
params: {{episodes: 1, trials: 2, turns: 2}}
models: {{explorer: {{use: simulated}}}}
tools: [{{use: python, module: tools.py, include: [double, half]}}]
memory:
  long_term: off
  short_term: {{use: transcript, lives: episode}}
nodes:
  imagine:
    {{use: imagine, model: explorer, prompt: {PROMPTS}/imagine.md, transcript: short_term, memories: [long_term]}}
  call: {{use: call, model: explorer, prompt: {PROMPTS}/call.md, transcript: short_term}}
  observe: {{use: observe}}
  reflect: {{use: reflect, model: explorer, prompt: {PROMPTS}/reflect.md, transcript: short_term}}
graph:
  - map: tool
    over: tools
    do:
      - repeat: episode
        times: params.episodes
        do:
          - repeat: trial
            times: params.trials
            do:
              - imagine
              - call
              - {{repeat: turn, while: not call.finished, at_most: params.turns, do: [observe, call]}}
              - reflect
              - record: trial
                as:
                  query: imagine.query
                  steps: {{each: [call, observe]}}
                  answer: call.answer
                  solved: reflect.solved
variants:
  blind: {{nodes.observe.use: observe.withheld}}
  no-reflection: {{nodes.reflect: off}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a small workflow over two of the three tools in `tools.py`, and two variants."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "small.yaml").write_text(WORKFLOW.lstrip())
    return tmp_path
