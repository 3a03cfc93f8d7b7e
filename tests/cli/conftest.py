from __future__ import annotations

from pathlib import Path

import pytest

import ste_graph.workflows

PROMPTS = Path(ste_graph.workflows.__file__).parent / "prompts"

TOOLS = '''
import ste_graph as ste

print("the tools are loaded")

@ste.tool(effect="read")
def double(number: int) -> str:
    """Double a number."""
    print("a tool is called")
    return str(2 * number)

@ste.tool(effect="read")
def shout(text: str) -> str:
    """Write a text in capitals."""
    return text.upper()

@ste.tool(effect="write")
def store(text: str) -> str:
    """Store a text."""
    return "stored"
'''

WORKFLOW = f"""
dsl: 2
name: small
params: {{episodes: 1, trials: 2, turns: 3}}
models: {{explorer: {{use: simulated, mistakes: 0}}}}
tools: [{{use: python, module: tools.py}}]
memory:
  short_term: {{use: transcript, lives: episode}}
  long_term: off
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
                  {{query: imagine.query, steps: {{each: [call, observe]}}, answer: call.answer,
                    solved: reflect.solved}}
variants:
  quick: {{params.trials: 1}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a small workflow over three tools, one of which may not be called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "small.yaml").write_text(WORKFLOW.lstrip())
    return tmp_path
