from __future__ import annotations

import pytest
from language_bench import Bench


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("{{ ask.qery }}", ["1:4 E204 unknown name `ask.qery` in the prompt of `say` | ask.query? "
         "| `ask` has: query"]),
        (
            "{{ params.turn }}",
            ["1:4 E204 unknown name `params.turn` in the prompt of `say` | params.turns? "
             "| `params` has: rounds, turns"],
        ),
        ("{{ turn }}", ["1:4 E204 unknown name `turn` in the prompt of `say` "
         "| one of: act, ask, look, params, past, round, say, talk"]),
        ("{{ past.messages }}", ["1:4 E204 unknown name `past.messages` in the prompt of `say` "
         "| `past` has: empty, entries"]),
        (
            "{{ look.text }}",
            ["1:4 E211 the prompt of `say` reads `look.text`, which is not available on every path to here "
             "| put `{% if look.text is not none %}` around it"],
        ),
        ("{% if look.text %}{{ look.text }}{{ look.fact.source }}{% endif %}", []),
        ("{{ look.text | default('none') }}", []),
        ("{{ act.answer }}{{ round }}{{ params.turns }}{{ ask }}", []),
        (
            "{% if x %}",
            ["1:1 E130 `{% if %}` is never closed | `{% endif %}`"],
        ),
    ],
)  # fmt: skip
def test_every_name_in_a_prompt_is_checked_at_the_positions_of_its_node(
    bench: Bench, text: str, messages: list[str]
) -> None:
    bench.write("say.md", text)
    if messages:
        assert bench.problems() == messages
    else:
        assert bench.load().remarks == ()


def test_what_lies_in_a_value_that_may_be_null_is_tested_first(bench: Bench) -> None:
    bench.write("say.md", "{{ look.fact.source }}")
    inside = ("      - say\n", "      - look\n      - say\n")
    assert bench.problems(inside) == [
        "1:4 E211 the prompt of `say` reads `look.fact.source`, but `look.fact` may be null "
        "| put `{% if look.fact is not none %}` around it"
    ]
    bench.write("say.md", "{% if look.fact is not none %}{{ look.fact.source }}{% endif %}")
    assert bench.load(inside).remarks == ()


def test_a_prompt_shows_only_memories_that_its_node_sees(bench: Bench) -> None:
    (found,) = [
        problem
        for problem in bench.problems(("transcript: talk, memories: [past]", "transcript: talk"))
        if "E214" in problem
    ]
    assert found == (
        "1:38 E214 the prompt of `say` reads the memory `past`, which the node does not name "
        "| write `memories: [past]` in `say`"
    )


def test_a_memory_that_is_not_defined_is_reported_once_and_not_in_the_prompt_too(bench: Bench) -> None:
    bench.write("say.md", "{% if pasta.empty %}{% endif %}")
    (found,) = [line for line in bench.problems(("memories: [past]", "memories: [pasta]")) if "pasta" in line]
    assert found.partition(" | ")[0].endswith("E217 unknown memory `pasta`")


def test_prompts_that_cannot_be_read_are_errors_of_the_node(bench: Bench) -> None:
    bench.write("says.md", "Say something.")
    (bench.folder / "say.md").unlink()
    assert bench.problems() == ["13:43 E505 prompt file not found: `say.md` | says.md?"]
    (bench.folder / "say.md").write_bytes(b"\xff\xfe")
    assert bench.problems() == ["13:43 E505 the prompt `say.md` is not UTF-8 text (byte 0) | save it as UTF-8"]
    assert bench.problems(("prompt: say.md", "prompt: .")) == [
        "13:43 E505 the prompt file `.` cannot be read: is a directory | a text file"
    ]


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff"])
def test_a_prompt_that_says_nothing_is_an_error(bench: Bench, text: str) -> None:
    bench.write("say.md", text)
    (found,) = bench.problems()
    assert found == (
        "13:43 E505 the prompt `say.md` is empty: the model would be asked nothing"
        " | write the prompt into it, or name another file"
    )


def test_prompts_of_a_node_that_is_off_are_not_read(bench: Bench) -> None:
    (bench.folder / "say.md").unlink()
    gone = (("  say: {use: steps.Say, model: m, prompt: say.md, transcript: talk, memories: [past]}", "  say: off"),)
    assert bench.load(*gone).workflow.off == {"say"}
