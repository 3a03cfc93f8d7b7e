"""A model that is like another one: a copy of it with what differs, made when the workflow is composed."""

from __future__ import annotations

from pathlib import Path

import pytest
from language_bench import TINY, Bench, lines

from ste_graph.diagnostics import DiagnosticsError

LIKE_OR_USE = " | `use: KIND`, or `like: NAME` for a copy of another model"
MAIN = "  main: {use: openai, base_url: http://x, model: small, extra: {a: 1, b: {c: 2}}}\n"
JUDGE = "  judge: {like: main, temperature: 0.0}\n"


def with_models(text: str) -> tuple[str, str]:
    return ("models: {m: {use: simulated}}\n", f"models:\n{text}")


TWO = with_models(MAIN + JUDGE + "  m: {like: judge, max_tokens: 9, extra: {b: {d: 3}}}\n")


def test_a_copy_has_the_settings_of_the_other_with_what_differs(bench: Bench) -> None:
    models = bench.load(TWO).workflow.models
    assert models["judge"] == models["main"].model_copy(update={"temperature": 0.0})
    changed = {"temperature": 0.0, "max_tokens": 9, "extra": {"a": 1, "b": {"c": 2, "d": 3}}}
    assert models["m"] == models["main"].model_copy(update=changed)


@pytest.mark.parametrize("end", ["[variant]", "[set]", "[extends]"])
def test_a_change_of_the_model_changes_all_that_are_like_it_and_later_ones_win(bench: Bench, end: str) -> None:
    line = "models.main.base_url: http://other, models.m.extra.a: 7"
    if end == "[extends]":
        bench.load(TWO)
        bench.write("x.yaml", f"extends: w.yaml\nset: {{{line}}}\n")
        models = bench.reload("x.yaml").workflow.models
    elif end == "[variant]":
        models = bench.load(
            TWO, ("graph:\n", f"variants: {{far: {{{line}}}}}\ngraph:\n"), variant="far"
        ).workflow.models
    else:
        changes = ("models.main.base_url=http://other", "models.m.extra.a=7")
        models = bench.load(TWO, changes=changes).workflow.models
    assert [models[name].base_url for name in ("main", "judge", "m")] == ["http://other"] * 3
    assert models["main"].extra["a"] == 1
    assert models["m"].extra == {"a": 7, "b": {"c": 2, "d": 3}}


def test_an_entry_of_an_extending_file_replaces_the_other_and_its_copies_follow(bench: Bench) -> None:
    bench.load(TWO)
    bench.write("x.yaml", "extends: w.yaml\nmodels: {main: {use: langchain, model: 'ollama:small'}}\n")
    models = bench.reload("x.yaml").workflow.models
    assert (models["m"].model, models["m"].temperature, models["m"].max_tokens) == ("ollama:small", 0.0, 9)


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ("  m: {like: mian}\n", "8:13 E216 unknown model `mian` in `like` | main? | one of: judge, main"),
        ("  m: {like: [main]}\n", "8:13 E216 `like` must be a name | one of: judge, main"),
        ("  m: {like: m}\n", "8:13 E225 model `m` is like itself | one model with a `use` at the end"),
        (
            "  m: {like: main, use: simulated}\n",
            "8:7 E226 model `m` has both `use` and `like` | one of the two"
            " | a model of another kind is an entry of its own",
        ),
        ("  m: {temperature: 1.0}\n", "8:6 E202 missing key `use` in `models`" + LIKE_OR_USE),
        ("  m: {like: main, temprature: 1.0}\n", "8:19 E201 unknown key `temprature` in `openai` | temperature?"),
    ],
)  # fmt: skip
def test_a_copy_that_cannot_be_made_is_one_problem_with_its_place(bench: Bench, models: str, problem: str) -> None:
    found = bench.problems(with_models(MAIN + JUDGE + models))
    assert [text.partition(" | one of: api_key")[0] for text in found] == [problem]


def test_a_circle_is_reported_once_with_all_its_places(bench: Bench) -> None:
    with pytest.raises(DiagnosticsError) as caught:
        bench.load(with_models("  m: {like: a}\n  a: {like: b}\n  b: {like: a, temperature: 1.0}\n"))
    assert lines(caught.value) == [
        "8:13 E225 model `a` is like `b`, which is like `a` | one model with a `use` at the end"
    ]
    assert [str(place) for place, _ in caught.value.diagnostics[0].related] == ["w.yaml:7:13"]


def test_a_model_that_is_wrong_is_reported_once_however_many_are_like_it(bench: Bench) -> None:
    wrong = MAIN.replace("model: small", "modle: small") + JUDGE + "  m: {like: judge}\n"
    found = [text.partition(" | one of")[0] for text in bench.problems(with_models(wrong))]
    assert found == ["6:43 E201 unknown key `modle` in `openai` | model?"]
    nowhere = MAIN.replace("use: openai, ", "") + JUDGE + "  m: {like: judge}\n"
    assert bench.problems(with_models(nowhere)) == ["6:9 E202 missing key `use` in `models`" + LIKE_OR_USE]


@pytest.mark.parametrize("order", [1, -1])
def test_another_kind_begins_a_new_entry_whatever_the_order_of_the_changes(bench: Bench, order: int) -> None:
    changes = ("models.m.use=recorded", "models.m.path=replies.jsonl")[::order]
    models = bench.load(TWO, changes=changes).workflow.models
    assert (type(models["m"]).__name__, type(models["main"]).__name__) == ("RecordedModel", "OpenAIModel")


def test_the_same_kind_said_again_changes_nothing(bench: Bench) -> None:
    plain, again = bench.load(TWO), bench.load(TWO, changes=("models.m.use=openai", "models.main.use=openai"))
    assert again.workflow.models == plain.workflow.models
    assert again.workflow.lock == plain.workflow.lock


def test_a_model_may_become_like_another_one(bench: Bench) -> None:
    own = ("  judge: {like: main, temperature: 0.0}", "  judge: {use: simulated}")
    changes = ("models.judge.like=main", "models.third={like: judge, top_p: 0.5}")
    models = bench.load(TWO, own, changes=changes).workflow.models
    assert (models["judge"].model, models["third"].top_p) == ("small", 0.5)


def test_a_setting_that_the_kind_does_not_have_is_left_out_and_said(bench: Bench) -> None:
    loaded = bench.load(
        TWO, ("extra: {b: {d: 3}}", "top_p: 0.5"), changes=("models.main={use: langchain, model: 'ollama:x'}",)
    )
    assert [(found.code, found.message) for found in loaded.remarks] == [
        ("W227", "model `m` goes without `top_p`: `langchain` has no such setting")
    ]
    assert "top_p" not in loaded.workflow.lock["workflow"]["models"]["m"]


def test_a_setting_that_a_kind_lacks_is_one_warning_however_many_copies_state_it(bench: Bench) -> None:
    third = ("models.third={like: m, temperature: 0.5}", "models.main={use: transformers, model: x}")
    loaded = bench.load(TWO, changes=third)
    told = [found.message for found in loaded.remarks if "`temperature`" in found.message]
    assert len(told) == 1
    assert told[0].endswith("`third` go without `temperature`: `transformers` has no such setting")
    assert {found.code for found in loaded.remarks} == {"W227"}


def test_a_model_that_draws_nothing_needs_no_word_about_its_temperature(bench: Bench) -> None:
    loaded = bench.load(TWO, changes=("models.main.use=simulated",))
    assert loaded.remarks == ()
    assert loaded.workflow.lock["workflow"]["models"] == {"m": {"use": "simulated"}}


def test_a_path_to_a_copy_knows_the_settings_of_its_kind(bench: Bench) -> None:
    (found,) = bench.problems(TWO, changes=("models.judge.temprature=1",))
    assert found.startswith("1:1 E305 unknown path `models.judge.temprature`: `models.judge` has no `temprature`"
                            " | models.judge.temperature?")  # fmt: skip


def test_the_lock_has_the_models_as_they_are_and_only_those_that_are_asked(bench: Bench) -> None:
    plain = MAIN.replace("b: {c: 2}", "b: {c: 2, d: 3}").replace("main: {use", "m: {use").replace(
        "}}}", "}}, temperature: 0.0, max_tokens: 9}"
    )  # fmt: skip
    copied, written_out = bench.load(TWO).workflow.lock, bench.load(with_models(plain)).workflow.lock
    assert copied["workflow"] == written_out["workflow"]
    moved = bench.load(TWO, changes=("models.main.base_url=http://elsewhere",)).workflow.lock
    assert moved == copied
    assert bench.load(TWO, changes=("models.main.model=large",)).workflow.lock != copied


def test_the_name_of_a_model_may_come_from_a_variable_and_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = with_models(MAIN.replace("small", "{env: STE_TEST_NAME, default: medium}") + "  m: {like: main}\n")
    for text, name in ((None, "medium"), ("", "medium"), ("large", "large")):
        monkeypatch.delenv("STE_TEST_NAME", raising=False) if text is None else monkeypatch.setenv(
            "STE_TEST_NAME", text
        )
        workflow = bench.load(named).workflow
        assert workflow.models["m"].model == name
        assert workflow.lock["workflow"]["models"]["m"]["model"] == name
    assert workflow.variables["m"] == {"model": "STE_TEST_NAME"}


def test_a_folder_in_a_variable_is_relative_to_the_current_folder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.load(with_models("  m: {use: vllm, model: {env: STE_TEST_NAME, default: ./tuned}}\n"))
    bench.write("sub/x.yaml", "extends: ../w.yaml\nname: x\n")
    assert bench.reload("sub/x.yaml").workflow.models["m"].model == str(bench.folder / "tuned")
    monkeypatch.setenv("STE_TEST_NAME", "./other")
    assert bench.reload("sub/x.yaml").workflow.models["m"].model == str(Path.cwd() / "other")
    monkeypatch.setenv("STE_TEST_NAME", "owner/name")
    assert bench.reload("sub/x.yaml").workflow.models["m"].model == "owner/name"


CALLER = """\
dsl: 2
name: whole
models:
  main: {use: openai, base_url: http://x, model: small}
  careful: {like: main, temperature: 0.0}
graph:
  - run: w.yaml
    with: {models.m: models.careful}
  - run: w.yaml
    name: second
    with: {models: models}
"""


def test_a_sub_workflow_gets_the_model_as_the_caller_knows_it(bench: Bench) -> None:
    bench.write(
        "w.yaml", TINY.replace("models: {m: {use: simulated}}", "models: {main: {use: simulated}, m: {like: main}}")
    )
    bench.write(
        "whole.yaml", CALLER.replace("{models: models}", "{models.main: models.careful, models.m.max_tokens: 5}")
    )
    subs = bench.reload("whole.yaml", changes=("models.main.model=large",)).workflow.sub_workflows
    inner = subs["w"].workflow.models
    assert (inner["m"].model, inner["m"].temperature, type(inner["main"]).__name__) == ("large", 0.0, "SimulatedModel")
    second = subs["second"].workflow.models["m"]
    assert (second.model, second.temperature, second.max_tokens) == ("large", 0.0, 5)


@pytest.mark.parametrize("whole", [False, True])
def test_a_faulty_copy_is_the_callers_problem_alone(bench: Bench, whole: bool) -> None:
    bench.write("w.yaml", TINY)
    text = CALLER.replace("like: main", "like: mian")
    bench.write("whole.yaml", text if whole else text.partition("  - run: w.yaml\n    name")[0])
    with pytest.raises(DiagnosticsError) as caught:
        bench.reload("whole.yaml")
    assert lines(caught.value) == ["5:19 E216 unknown model `mian` in `like` | main? | one of: main"]
