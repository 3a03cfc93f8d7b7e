"""The report for the author of tools, on records as the small real model left them."""

from __future__ import annotations

import json

import pytest
import yaml

from ste_graph.report.tools.limits import list_refusals
from ste_graph.run.folder import FORMAT

SCHEMAS = {
    "today": {
        "type": "object",
        "properties": {"zone": {"type": "string", "description": "An IANA time zone.", "default": "UTC"}},
    },
    "days_between": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"start": {"type": "string"}, "end": {"type": "string", "description": "Not before the first."}},
        "required": ["start", "end"],
    },
    "from_roman": {"type": "object", "properties": {"numeral": {"type": "string", "pattern": "^[IVXLCDM]+$"}}},
    "number_in_words": {"type": "object", "properties": {"number": {"type": "integer", "examples": [1984]}}},
    "convert_unit": {"type": "object", "properties": {"unit": {"type": "string"}, "form": {"default": "short"}}},
}
DESCRIPTIONS = {
    "today": "Give today's date and weekday in a time zone.",
    "days_between": "Count the days from one date to a later one.",
    "from_roman": "Read a Roman numeral.",
    "number_in_words": "Write a whole number in words.",
    "convert_unit": "Convert a value.",
}


def step(action, arguments, kind="ok", text="done"):
    seen = None if kind is None else {"ok": kind == "ok", "kind": kind, "text": text}
    return {"thought": None, "action": action, "arguments": arguments, "observation": seen}


def trial(id, tool, query, *steps):
    return {
        "id": id, "record": "trial", "tool": tool, "trial": 0, "query": query, "steps": list(steps), "answer": None,
        "solved": False, "fingerprint": "f", "ended_by": "turns", "model": "small", "started": "", "ended": "",
    }  # fmt: skip


def reply(tool, query, gold, called, arguments, arm="baseline", **label):
    right = called == tool
    return {
        "id": query, "record": "reply", "tool": tool, "arm": arm, "query": query, "output": "",
        "gold": {"tool": tool, "arguments": gold}, "called": called, "arguments": arguments, "api_match": right,
        "args_correct": gold == arguments if right else None, "started": "", "ended": "", **label,
    }  # fmt: skip


def unknown_zone(zone, meant):
    return step(
        "today", {"zone": zone}, "tool_error", f"ValueError: there is no time zone '{zone}'; did you mean {meant}?"
    )


def count_days(start, end):
    if start <= end:
        return step("days_between", {"start": start, "end": end})
    text = f"ValueError: end ({end}) lies before start ({start}); give the earlier date as start"
    return step("days_between", {"start": start, "end": end}, "tool_error", text)


def read_numeral(numeral, right):
    text = f"ValueError: {numeral} is not a Roman numeral; {len(right)} is written {right}"
    return step("from_roman", {"numeral": numeral}, "tool_error", text)


FIELD = (
    'Invalid arguments for `from_roman`:\n- `numeral`: expected text that matches the pattern ^[IVXLCDM]+$; got "38"'
)

TRIALS = [
    trial("t1", "today", "The date in Tokyo?", unknown_zone("Tokyo", "Asia/Tokyo"),
          step("today", {"zone": "Asia/Tokyo"})),
    trial("t2", "today", "And in New York?", unknown_zone("Europe/New_York", "America/New_York"),
          step("today", {"zone": "Europe/New_York"}, None)),
    trial("t3", "today", "And here?", step("today", {})),
    trial("d1", "days_between", "How many days from 2024-01-26 to 2022-11-04?",
          count_days("2024-01-26", "2022-11-04"), count_days("2022-11-04", "2024-01-26")),
    trial("d2", "days_between", "How many days from 2026-10-20 to 2019-01-31?", count_days("2026-10-20", "2019-01-31")),
    trial("r1", "from_roman", "Read IVXLIV.", read_numeral("IVXLIV", "XXXVIII"),
          step("from_roman", {"numeral": "38"}, "invalid_arguments", FIELD)),
    trial("r2", "from_roman", "Read XIXVII.", read_numeral("XIXVII", "XXVI")),
    trial("s1", "number_in_words", "Say 7.", step("number_in_words", {"number": 7}, "timeout", "no answer within 5 s")),
]  # fmt: skip
REPLIES = [
    reply("from_roman", "Which number is MMXXVI?", {"numeral": "MMXXVI"}, "number_in_words", {"number": 1984}),
    reply("from_roman", "Which number is XVI?", {"numeral": "XVI"}, "number_in_words", {"number": 16}),
    reply("from_roman", "Which number is X?", {"numeral": "X"}, None, None, api_match=None, err=True,
          problem="The reply calls `read_roman`, which is not on offer; the tools on offer are: from_roman."),
    reply("from_roman", "Which number is IX?", {"numeral": "IX"}, "from_roman", {"numeral": "IX"}),
    reply("from_roman", "Which number is XVI?", {"numeral": "XVI"}, "from_roman", {"numeral": "XVI"}, arm="exemplars"),
    reply("number_in_words", "Write 85 in words.", {"number": 85}, "number_in_words", {"number": 1984}),
    reply("convert_unit", "Convert 12 meters.", {"unit": "m", "form": "short"}, "convert_unit", {"unit": "meters"}),
]  # fmt: skip


def write_run(folder, lines, **lock):
    folder.mkdir(parents=True)
    locked = {"format": FORMAT, "models": {"learner": "small"}, "units": {}, "skipped": {}, "resolved": {}, **lock}
    (folder / "workflow.lock.yaml").write_text(yaml.safe_dump(locked))
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "explore", TRIALS, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    write_run(tmp_path / "icl", REPLIES)
    return ["explore", "icl"]


@pytest.fixture
def report(ste, runs):
    return json.loads(ste("tools", "report", *runs, "--format", "json").out)


def find(entries, **wanted):
    (found,) = [entry for entry in entries if all(entry[key] == value for key, value in wanted.items())]
    return found


def test_a_tool_that_is_taken_for_another_is_named_with_its_requests_and_the_word_that_drew_them(report):
    entry = find(report["confusions"], asked="from_roman", called="number_in_words")
    assert (entry["count"], entry["of"], entry["source"]) == (2, 4, "replies")
    assert entry["requests"] == ["Which number is MMXXVI?", "Which number is XVI?"]
    assert entry["drawn_by"] == ["number"]
    assert entry["other_arms"] == {"exemplars": 0}


def test_a_name_that_no_tool_has_is_a_confusion_too(report):
    entry = find(report["confusions"], called="read_roman")
    assert (entry["asked"], entry["exists"], entry["count"]) == ("from_roman", False, 1)


def test_trials_tell_of_confusions_where_there_is_no_test(ste, tmp_path):
    wrong = trial("w", "today", "What day is it?", step("days_between", {"start": "a", "end": "b"}))
    run = write_run(tmp_path / "r", [*TRIALS, wrong], schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    found = json.loads(ste("tools", "report", run, "--format", "json").out)
    (entry,) = found["confusions"]
    assert (entry["asked"], entry["called"], entry["of"], entry["ids"]) == ("today", "days_between", 4, ["w"])


def test_a_trial_that_called_another_tool_on_the_way_to_the_right_one_confuses_nothing(ste, tmp_path):
    chain = trial("w", "today", "What day is it?", step("days_between", {"start": "a", "end": "b"}), step("today", {}))
    run = write_run(tmp_path / "r", [chain], schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    assert json.loads(ste("tools", "report", run, "--format", "json").out)["confusions"] == []


def test_an_error_is_laid_to_the_parameters_whose_values_it_repeats_and_counted_without_them(report):
    entry = find(report["failures"], tool="days_between")
    assert entry["parameters"] == ["start", "end"]
    assert (entry["kind"], entry["count"], entry["calls"], entry["repaired"]) == ("tool_error", 2, 3, 1)
    assert entry["requested"] == 2
    assert entry["error"] == "ValueError: end (…) lies before start (…); give the earlier date as start"
    assert entry["trials"] == ["d1", "d2"]
    assert entry["repairs"][0] == {"wrong": '"2024-01-26"', "right": '"2022-11-04"'}


def test_an_error_that_quotes_one_value_is_not_laid_to_another_that_it_lists(ste, tmp_path):
    text = "ValueError: unknown unit 'mile2'; did you mean mile? units: km, m, mile"
    call = step("convert_unit", {"unit": "mile2", "form": "km"}, "tool_error", text)
    run = write_run(tmp_path / "r", [trial("u", "convert_unit", "?", call)], schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    found = json.loads(ste("tools", "report", run, "--format", "json").out)
    assert found["failures"][0]["parameters"] == ["unit"]
    assert found["missing_values"][0]["values"] == {"unit": "mile2"}
    assert found["missing_values"][0]["meant"] == "mile"


def test_errors_that_differ_in_a_value_of_the_tool_are_one(report):
    entry = find(report["failures"], tool="from_roman", kind="tool_error")
    assert entry["count"] == 2
    assert entry["error"] == "ValueError: … is not a Roman numeral; # is written …"


def test_a_call_that_the_schema_refuses_is_laid_to_the_field_that_the_check_names(report):
    entry = find(report["failures"], kind="invalid_arguments")
    assert (entry["parameters"], entry["values"], entry["trials"]) == (["numeral"], ['"38"'], ["r1"])


def test_what_is_no_fault_of_the_call_is_not_counted(report):
    assert not [entry for entry in report["failures"] if entry["tool"] == "number_in_words"]
    assert report["failed_calls"] == 7


def test_a_value_that_does_not_exist_comes_with_what_the_tool_proposed(report):
    entry = find(report["missing_values"], values={"zone": "Tokyo"})
    assert (entry["count"], entry["meant"], entry["trials"]) == (1, "Asia/Tokyo", ["t1"])


@pytest.mark.parametrize("text", ["[]", "{}", "No results found.", " null\n", "0 rows"])
def test_a_look_up_with_an_empty_answer_found_nothing(ste, tmp_path, text):
    lines = [trial("e", "convert_unit", "?", step("convert_unit", {"unit": "ell"}, "ok", text))]
    run = write_run(tmp_path / "r", lines, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    (entry,) = json.loads(ste("tools", "report", run, "--format", "json").out)["missing_values"]
    assert (entry["values"], entry["answer"]) == ({"unit": "ell"}, "")


@pytest.mark.parametrize("text", ["0", "[1]", "no", "None of it is true", "There is a lamp."])
def test_an_answer_that_says_something_is_no_empty_look_up(ste, tmp_path, text):
    lines = [trial("e", "convert_unit", "?", step("convert_unit", {"unit": "ell"}, "ok", text))]
    run = write_run(tmp_path / "r", lines, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    assert json.loads(ste("tools", "report", run, "--format", "json").out)["missing_values"] == []


def test_a_description_misleads_where_the_first_call_was_wrong_and_a_later_one_is_not_counted(report):
    zone = find(report["misleading"], parameter="zone")
    assert (zone["description"], zone["failed"], zone["first_calls"], zone["repaired"]) == (
        "An IANA time zone.",
        2,
        2,
        1,
    )
    assert zone["requested"] == 1
    assert zone["repairs"] == [{"wrong": '"Tokyo"', "right": '"Asia/Tokyo"'}]
    assert find(report["misleading"], parameter="numeral")["failed"] == 2


def test_an_argument_that_is_the_example_of_the_schema_is_told_apart_from_another_wrong_value(report):
    copied = find(report["mismatches"], tool="number_in_words")
    assert (copied["how"], copied["examples"][0]["wanted"], copied["examples"][0]["given"]) == (
        "the schema's example",
        "85",
        "1984",
    )
    assert find(report["mismatches"], tool="convert_unit")["how"] == "another value"


def test_leaving_out_what_is_the_default_anyway_is_not_wrong(report):
    assert not [entry for entry in report["mismatches"] if entry["parameter"] == "form"]


def test_the_first_finding_is_what_went_wrong_most_often_and_says_what_to_try(ste, runs):
    out = ste("tools", "report", *runs).out
    assert out.startswith(
        "5 tools as small met them\n8 trials with 11 calls, 7 wrong; 6 test replies of the arm baseline"
    )
    first = out[out.index(" 1. ") : out.index(" 2. ")]
    assert "`days_between`, `start` and `end`: 2 of 3 calls fail" in first
    assert "trial d1" in first
    assert "try: The schema allows it, and people may ask so" in first


def test_markdown_keeps_texts_of_models_and_tools_from_becoming_markup(ste, tmp_path):
    evil = "there is no *unit* | <b>[x](http://e)</b> `a|b`\n# Head \x1b[31m"
    lines = [trial("e", "convert_unit", "Evil | *you*", step("convert_unit", {"unit": "<i>"}, "tool_error", evil))]
    run = write_run(tmp_path / "r", lines, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    out = ste("tools", "report", run, "--format", "markdown").out
    assert r"\*unit\* \| \<b\>\[x\](http://e)\</b\>" in out
    assert "\x1b" not in out
    assert "\n# Head" not in out
    rows = [line for line in out.splitlines() if line.startswith("| convert\\_unit")]
    assert rows
    assert all(len(row.replace(r"\|", "").split("|")) == 9 for row in rows if "tool\\_error" in row)


def test_a_call_for_a_request_that_no_call_is_right_for_is_needless_and_no_confusion(ste, tmp_path):
    asking = [
        reply("today", query, {}, called, {"zone": "UTC"}, kind="ask")
        for query, called in (("What day is it over there?", "today"), ("And there?", None))
    ]
    run = write_run(tmp_path / "r", asking + REPLIES, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    found = json.loads(ste("tools", "report", run, "--format", "json").out)
    assert found["needless"] == [{"tool": "today", "count": 1, "of": 2, "requests": ["What day is it over there?"]}]
    assert not [entry for entry in found["confusions"] if entry["asked"] == "today"]


def test_a_rewritten_description_stands_beside_the_old_one_with_the_replies_under_each(ste, tmp_path):
    old = {name: {"description": text} for name, text in DESCRIPTIONS.items()}
    kept = {"description": "Turn a Roman numeral into a number.", "parameters": {"numeral": "Capitals."}, "kept": True}
    left = {**old["today"], "parameters": {}, "kept": False, "refused": [{"description": "Now.", "reason": "longer"}]}
    rewritten = [
        {"record": "description", "tool": "from_roman", "previous": old["from_roman"], "reason": "2 > 0", **kept},
        {"record": "description", "tool": "today", "previous": old["today"], "reason": "no better", **left},
    ]
    subject = {"kind": "forms", "forms": {"descriptions": {"run_id": "r", "run": "r"}}}
    right = [
        reply("from_roman", line["query"], line["gold"]["arguments"], "from_roman", line["gold"]["arguments"],
              arm="descriptions", subject=subject)
        for line in REPLIES[:4]
    ]  # fmt: skip
    run = write_run(tmp_path / "r", [*REPLIES, *right], schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    # The replies that tested the proposals are of another test, with arms of its own.
    write_run(run / "runs" / "describe", [*rewritten, *(dict(line, arm="baseline") for line in right)])
    first, second = json.loads(ste("tools", "report", run, "--format", "json").out)["rewritings"]
    assert (first["tool"], first["kept"], first["rewritten"]) == ("from_roman", True, rewritten[0]["description"])
    assert first["before"] == {"replies": 4, "right_tool": 1, "right_call": 1}
    assert first["after"] == {"replies": 4, "right_tool": 4, "right_call": 4}
    assert (second["tool"], second["kept"], second["rewritten"], second["after"]) == ("today", False, "Now.", None)
    out = ste("tools", "report", run).out
    assert (
        "test, arm descriptions: right tool 1, right call 1 of 4 before, right tool 4, right call 4 of 4 after" in out
    )


def test_the_parts_of_a_run_are_read_with_it(ste, tmp_path):
    gain = write_run(tmp_path / "gain", [])
    write_run(gain / "runs" / "explore", TRIALS, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    write_run(gain / "runs" / "icl", REPLIES)
    found = json.loads(ste("tools", "report", gain, "--format", "json").out)
    assert (found["trials"], found["replies"]) == (8, 6)


def test_a_run_without_trials_and_replies_is_refused_by_name(ste, tmp_path):
    run = write_run(tmp_path / "r", [])
    result = ste("tools", "report", run)
    assert result.code == 2
    assert result.err.startswith(f"{run}: no trials and no replies to a test, so there is nothing to report")


@pytest.mark.parametrize(
    ("kind", "gone"), [("trial", "steps"), ("trial", "query"), ("reply", "gold"), ("reply", "arm")]
)
def test_a_damaged_record_is_named_with_its_line(ste, tmp_path, kind, gone):
    whole = TRIALS[0] if kind == "trial" else REPLIES[0]
    run = write_run(tmp_path / "r", [whole, {name: value for name, value in whole.items() if name != gone}])
    result = ste("tools", "report", run)
    assert result.code == 2
    assert f"{run}/journal.jsonl:2: " in result.err
    assert "Traceback" not in result.err


def test_the_unit_of_a_run_may_have_another_name_than_tool(ste, tmp_path):
    lines = [{"id": line["id"], "record": "trial", "each": line["tool"], **line} for line in TRIALS]
    for line in lines:
        del line["tool"]
    run = write_run(tmp_path / "r", lines, schemas=SCHEMAS, descriptions=DESCRIPTIONS)
    found = json.loads(ste("tools", "report", run, "--format", "json").out)
    assert find(found["failures"], tool="days_between")["count"] == 2
    assert found["confusions"] == []


def test_a_folder_that_is_no_run_is_refused(ste, tmp_path):
    result = ste("tools", "report", tmp_path)
    assert result.code == 2
    assert "is not the folder of a run" in result.err


def refused(schema, name="tool", **more):
    return {(entry.provider, entry.what): entry.where for entry in list_refusals({name: schema}, **more)}


def test_names_that_providers_refuse_are_those_of_the_tools_own_source():
    found = refused({"type": "object", "additionalProperties": False}, names={"tool": "9.files/drop" + "x" * 60})
    assert ("openai", "its name has 72 characters; at most 64") in found
    assert any(provider == "openai" and "has `.` `/`" in what for provider, what in found)
    assert any(provider == "gemini" and "does not begin" in what for provider, what in found)


def test_strict_modes_refuse_keywords_open_objects_and_optional_parameters_at_their_places():
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["order"],
        "properties": {
            "order": {
                "type": "object",
                "required": ["lines"],
                "properties": {"lines": {"type": "array", "items": {"allOf": [{"type": "integer", "minimum": 1}]}}},
            },
            "minimum": {"type": "string"},
        },
    }
    found = refused(schema)
    assert found["openai strict", "the keyword `allOf`"] == ("order.lines[]",)
    assert found["anthropic strict", "the keyword `minimum`"] == ("order.lines[]",)
    assert found["openai strict", "objects without `additionalProperties: false`"] == ("order",)
    optional = "parameters that are not in `required`; make each required and nullable"
    assert found["openai strict", optional] == ("minimum",)


def test_a_schema_that_contains_itself_ends_the_look_and_is_told():
    node = {
        "type": "object",
        "additionalProperties": False,
        "required": ["next"],
        "properties": {"next": {"$ref": "#/$defs/node"}},
    }
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    assert ("anthropic strict", "a schema that contains itself") in refused(schema)


def test_too_many_tools_are_counted_and_deep_schemas_measured():
    deep: dict = {"type": "object", "additionalProperties": False}
    for _ in range(11):
        deep = {"type": "object", "additionalProperties": False, "required": ["a"], "properties": {"a": deep}}
    assert ("openai strict", "11 levels; at most 10") in refused(deep)
    plain = {"type": "object", "additionalProperties": False}
    assert "129 tools at once; at most 128" in {
        entry.what for entry in list_refusals({f"t{n}": plain for n in range(129)})
    }
    assert not list_refusals({f"t{n}": plain for n in range(128)})


def test_a_keyword_that_the_models_server_refused_is_told_without_its_address(ste, tmp_path):
    lock = {"adaptations": {"small at http://10.0.0.7:8000/v1": {"keywords": ["pattern"]}}}
    run = write_run(tmp_path / "r", TRIALS, schemas=SCHEMAS, descriptions=DESCRIPTIONS, **lock)
    out = ste("tools", "report", run).out
    assert "the keyword `pattern`; the server of small refused it, and it was left out" in out
    assert "10.0.0.7" not in out
