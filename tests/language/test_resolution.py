from __future__ import annotations

from language_bench import Bench

from ste_graph.registry import find_entry_points


def test_a_use_that_does_not_exist_is_suggested_from_its_own_section(bench: Bench) -> None:
    model, memory = bench.problems(("use: simulated", "use: simulatd"), ("use: transcript", "use: transcripts"))
    models, memories = (", ".join(sorted(find_entry_points(group))) for group in ("models", "memories"))
    assert model == f"5:19 E210 unknown `use: simulatd` in `models` | simulated? | one of: {models}"
    assert memory == f"7:15 E210 unknown `use: transcripts` in `memory` | transcript? | one of: {memories}"


def test_settings_are_checked_by_their_class(bench: Bench) -> None:
    model = (
        "{use: simulated}",
        '{use: openai, base_url: http://x, model: y, temperature: "1.0", max_tokens: true, top: 1}',
    )
    found = bench.problems(model)
    assert [line.partition(" | ")[0] for line in found] == ["5:95 E201 unknown key `top` in `openai`"]
    assert bench.problems(model, (", top: 1", "")) == [
        "5:70 E203 `temperature` in `models` must be a number",
        "5:89 E203 `max_tokens` in `models` must be a whole number",
    ]


def test_a_missing_setting_is_named(bench: Bench) -> None:
    assert bench.problems(("model: m, prompt: say.md, ", "")) == [
        "13:8 E202 missing key `model` in `nodes`",
        "13:8 E202 missing key `prompt` in `nodes`",
    ]


def test_an_entry_that_is_off_needs_no_class(bench: Bench) -> None:
    off = ("  look: {use: steps.Look}", "  look: off")
    assert bench.load(off, ("[look, act]", "[act]"), ("[act, look]", "[act]")).workflow.off == {"look"}
    assert bench.load(off).workflow.off == {"look"}


def test_a_plugin_that_is_not_listed_is_named(bench: Bench) -> None:
    found = bench.problems(("plugins: [steps.py]\n", ""))
    assert found[0] == (
        "9:14 E210 unknown `use: steps.Ask` in `nodes`: no plugin is called `steps` "
        "| add `plugins: [steps.py]`, the path of the file"
    )
