"""`run:` blocks, checked together with their caller."""

from __future__ import annotations

import pytest
from language_bench import TINY, Bench, lines

from ste_graph.diagnostics import DiagnosticsError
from ste_graph.language.workflow import Workflow

CALLER = """\
dsl: 2
name: caller
params: {turns: 5}
models: {main: {use: simulated}}
tools: [{use: python, module: tools.py}]
graph:
  - run: w.yaml
    name: first
    with: {params.turns: params.turns, models.m: models.main}
  - run: w.yaml
    name: second
    with: {seed: 4, params.rounds: params.turns - 2}
"""


def load_caller(bench: Bench, *edits: tuple[str, str], text: str = CALLER) -> Workflow:
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    bench.write("w.yaml", TINY)
    bench.write(
        "tools.py",
        "import ste_graph as ste\n\n\n@ste.tool(effect='read')\ndef one() -> int:\n    '''One.'''\n    return 1\n",
    )
    bench.write("c.yaml", text)
    return bench.reload("c.yaml").workflow


def problems(bench: Bench, *edits: tuple[str, str], text: str = CALLER) -> list[str]:
    with pytest.raises(DiagnosticsError) as caught:
        load_caller(bench, *edits, text=text)
    return lines(caught.value)


def test_with_sets_values_of_the_sub_workflow_by_path(bench: Bench) -> None:
    sub_workflows = load_caller(bench).sub_workflows
    assert sub_workflows["first"].workflow.params == {"rounds": 2, "turns": 5}
    assert (sub_workflows["second"].workflow.params, sub_workflows["second"].workflow.seed) == (
        {"rounds": 3, "turns": 3},
        4,
    )


def test_without_a_name_it_is_called_as_its_file(bench: Bench) -> None:
    bench.write("a-b.yaml", TINY)
    workflow = load_caller(bench, text="dsl: 2\nname: caller\ngraph:\n  - run: a-b.yaml\n")
    assert list(workflow.sub_workflows) == ["a_b"]


def test_a_bare_name_is_a_bundled_workflow_unless_a_file_has_it(bench: Bench) -> None:
    workflow = load_caller(bench, text="dsl: 2\nname: caller\ngraph:\n  - run: quickstart\n")
    assert workflow.sub_workflows["quickstart"].workflow.name == "quickstart"
    bench.write("quickstart", TINY)
    workflow = load_caller(bench, text="dsl: 2\nname: caller\ngraph:\n  - run: quickstart\n")
    assert workflow.sub_workflows["quickstart"].workflow.name == "tiny"


def test_a_section_is_handed_on_with_the_place_where_its_paths_are_resolved(bench: Bench) -> None:
    bench.write("sub/w.yaml", TINY.replace("[steps.py]", "[../steps.py]").replace("say.md", "../say.md"))
    text = CALLER.replace("run: w.yaml", "run: sub/w.yaml").replace("models.m: models.main", "tools: tools")
    [source] = load_caller(bench, text=text).sub_workflows["first"].workflow.tools
    assert source.module == str(bench.folder / "tools.py")


def test_what_the_caller_need_not_have_is_left_as_the_sub_workflow_has_it(bench: Bench) -> None:
    bench.write("w2.yaml", TINY.replace("graph:", "limits: {calls: 9}\ngraph:"))
    text = CALLER.replace("run: w.yaml", "run: w2.yaml").replace("models.m: models.main", "limits: limits")
    assert load_caller(bench, text=text).sub_workflows["first"].workflow.limits == {"calls": 9}
    text = text.replace("graph:", "limits: {calls: 2}\ngraph:")
    assert load_caller(bench, text=text).sub_workflows["first"].workflow.limits == {"calls": 2}


def test_a_variant_of_it_may_be_run(bench: Bench) -> None:
    bench.write("v.yaml", TINY + "variants: {long: {params.turns: 9}}\n")
    workflow = load_caller(bench, text="dsl: 2\nname: c\ngraph:\n  - {run: v.yaml, variant: long}\n")
    assert (workflow.sub_workflows["v"].workflow.variant, workflow.sub_workflows["v"].workflow.params["turns"]) == (
        "long",
        9,
    )
    assert problems(bench, text="dsl: 2\nname: c\ngraph:\n  - {run: v.yaml, variant: longer}\n") == [
        "4:28 E401 v.yaml has no variant `longer` | long? | one of: long"
    ]


def test_paths_change_a_run_block_by_its_name(bench: Bench) -> None:
    load_caller(bench)
    changes = ("graph.first.with.params.turns=8", "graph.second.with.params.rounds=1", "graph.second.partial=true")
    sub_workflows = bench.reload("c.yaml", changes=changes).workflow.sub_workflows
    assert sub_workflows["first"].workflow.params["turns"] == 8
    assert sub_workflows["second"].workflow.params["rounds"] == 1
    assert (sub_workflows["first"].partial, sub_workflows["second"].partial) == (False, True)


def test_a_file_that_is_not_there_is_an_error_with_a_suggestion(bench: Bench) -> None:
    legal = "a path, relative to this file, or the name of a bundled workflow"
    assert problems(bench, ("run: w.yaml", "run: ww.yaml")) == [
        f"7:10 E310 file not found: `ww.yaml` | w.yaml? | {legal}"
    ]
    assert problems(bench, ("run: w.yaml", "run: quikstart"))[0] == (
        f"7:10 E310 file not found: `quikstart` | quickstart? | {legal}"
    )


def test_workflows_that_run_in_a_circle_are_refused(bench: Bench) -> None:
    bench.write("d.yaml", "dsl: 2\nname: d\ngraph:\n  - run: c.yaml\n")
    assert problems(bench, ("run: w.yaml", "run: c.yaml"))[0].startswith("7:10 E311 `c.yaml` is this file itself")
    found = problems(bench, text="dsl: 2\nname: c\ngraph:\n  - run: d.yaml\n")
    assert found == [
        "4:10 E311 in `run: d`: `c.yaml` is this file itself, or runs it in turn: that would never end"
        " | workflows that do not run in a circle"
    ]


def test_two_runs_of_one_file_need_names(bench: Bench) -> None:
    assert problems(bench, ("    name: second\n", ""), ("    name: first\n", "")) == [
        "9:10 E221 duplicate name `w`: nodes, loops and memories share one name space | `name: …` next to `run`"
    ]


def test_an_unknown_path_of_the_sub_workflow_is_reported_where_it_is_set(bench: Bench) -> None:
    assert problems(bench, ("params.turns: params.turns", "params.turn: params.turns")) == [
        "9:12 E305 unknown path `params.turn`: `params` has no `turn` | params.turns? | one of: rounds, turns"
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("params.turn", "9:26 E204 unknown name `params.turn` in `with` | params.turns? | one of: params.turns"),
        ("models.man", "9:26 E204 unknown name `models.man` in `with` | models.main? | one of: models.main"),
        ("memory.x", "9:26 E204 unknown name `memory.x` in `with` | a section that this file has; it has no `memory`"),
        (
            "frist.run",
            "9:26 E204 unknown name `frist.run` in `with` | first? | a section of this file, an output, or a text in "
            "quotes of its own, as in '\"frist.run\"'",
        ),
        ("1 +", "9:26 E230 this is not an expression"),
    ],
)
def test_an_unknown_value_is_an_error_at_its_place(bench: Bench, value: str, message: str) -> None:
    assert problems(bench, ("params.turns: params.turns", f"params.turns: {value}"))[0].startswith(message)


def test_a_value_that_only_the_run_knows_may_not_bound_a_loop(bench: Bench) -> None:
    assert problems(bench, ("params.rounds: params.turns - 2", "params.rounds: first.records")) == [
        "12:36 E312 only the run knows `first.records`, but `params.rounds` must be known before it"
        " | a constant, `params.…`, or a path that begins with data, memory, models, nodes, seed"
    ]


def test_a_value_that_only_the_run_knows_must_be_a_text(bench: Bench) -> None:
    found = problems(bench, ("params.rounds: params.turns - 2", "memory.past.embedder: first.records"))
    assert found == ["12:43 E204 `first.records` must be str, but is object"]


def test_a_value_must_be_available_at_the_position_of_the_run(bench: Bench) -> None:
    swapped = CALLER.replace(
        "with: {params.turns: params.turns, models.m: models.main}", "with: {memory.past.embedder: second.run}"
    )
    assert problems(bench, text=swapped) == [
        "9:34 E204 `second.run` may be null, but must be str | test `second.run is not None and …` first"
    ]


def test_problems_of_the_sub_workflow_have_their_places_and_name_its_caller(bench: Bench) -> None:
    bench.write("bad.yaml", TINY.replace("do: [look, act]", "do: [lok, act]"))
    text = "dsl: 2\nname: c\ngraph:\n  - run: bad.yaml\n"
    bench.write("c.yaml", text)
    with pytest.raises(DiagnosticsError) as caught:
        bench.reload("c.yaml")
    [found] = caught.value.diagnostics
    assert str(found.span) == "bad.yaml:23:14"
    assert found.message == "in `run: bad`: unknown node `lok`"
    assert [(str(place), why) for place, why in found.related] == [("c.yaml:4:10", "it is run here")]


ONE = """\
dsl: 2
name: c
graph:
  - run: one.yaml
  - record: trial
    as: {query: one.result.query, steps: '[]', answer: one.run, solved: null}
"""


def test_its_outputs_are_its_folder_its_records_and_its_last_record(bench: Bench) -> None:
    ended = TINY + "  - record: trial\n    as: {query: '\"the end\"', steps: '[]', answer: null, solved: null}\n"
    bench.write("one.yaml", ended)
    assert list(load_caller(bench, text=ONE).nodes["one"].outputs.model_fields) == ["run", "records", "result"]
    wrong = ONE.replace("one.result.query", "one.result.qery")
    assert problems(bench, text=wrong)[0].startswith("6:17 E204 unknown name `one.result.qery` in `as.query`")
    bench.write("one.yaml", TINY)
    assert "`one` has: records, run" in problems(bench, text=ONE)[0]


def test_problems_of_a_section_that_is_passed_on_are_reported_once(bench: Bench) -> None:
    found = problems(bench, ("module: tools.py", "module: tool.py"), ("models.m: models.main", "tools: tools"))
    assert found == ["5:31 E506 file not found: `tool.py` | tools.py?"]
