"""Answers that report a failure themselves: one rule for all sources, and a doubt where it is not certain."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.failures import find_failure, judge_answer

ANSWERS = Path(__file__).with_name("answers_that_report_failure.jsonl")
"""Answers in the style of real servers, written by someone who did not know the rule: 200 failures, 300 results."""


def verdict(text: str, data=None) -> str:
    report = find_failure(text, data)
    return "fine" if report is None else "failure" if report.certain else "doubtful"


def test_the_failures_of_ten_servers_are_counted_and_results_are_not():
    answers = [json.loads(line) for line in ANSWERS.read_text("utf-8").splitlines()]
    count = Counter((answer["kind"], verdict(answer["text"])) for answer in answers)
    failures, results = (sum(n for (kind, _), n in count.items() if kind == of) for of in ("failure", "success"))
    assert (failures, results) == (200, 300)
    assert count["failure", "failure"] + count["failure", "doubtful"] >= 0.95 * failures
    assert count["failure", "failure"] >= 0.80 * failures
    assert count["success", "failure"] <= 0.01 * results
    assert count["success", "doubtful"] <= 0.04 * results


FAILURES = [
    '{"error": "no such user"}', '{"error": {"code": 429, "message": "Too many"}}', '{"ok":false,"error":"not_found"}',
    '{"output": null, "exception": "KeyError"}', '{"success": false}', '{"success": "false", "msg": "x"}',
    '{"Response":"False","Error":"Movie not found!"}', '{"cod":"404","message":"city not found"}',
    '{"status": 404, "title": "Not Found", "type": "about:blank", "detail": "x"}',
    '{"status":"ERROR","reason":"Quota"}',
    '{"errors":[{"message":"x"}],"data":null}', '{"errors":{"name":["is blank"]}}', '{"isError":true,"message":"boom"}',
    '{"detail":"Not found."}', '{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}',
    '{"result":"Error: no such table"}', '{"result":"{\\"error\\": \\"full\\"}"}', '{"response":{"success":false}}',
    '{"data":{"make":{"made":null,"userErrors":[{"message":"x"}]}}}', '[{"type":"text","text":"Error: x"}]',
    "{'error': 'as Python writes it'}", '```json\n{"error": "fenced"}\n```', '[{"error": "the only one"}]',
    "Error: order not found", "Error: 4711 not found", "Database error: no such table: b", "ValueError: bad",
    "**Error**: x",
    "Error code: 404 - {'detail': 'x'}", "MCP error -32602: Invalid arguments", "ERROR 1064 (42000): You have an error",
    "# Error\n\nCould not write the note", "[ERROR] disk full", "Exception in apply: Formula", "KeyError('x')",
    "Failed to save the note", "Import failed: no file", "Request to https://x failed: 503",
    "Tool failed with status 500",
    "\u274c Error: no", "Traceback (most recent call last)\n\u2026", "HTTP 404 Not Found", "502 Bad Gateway",
    "Request failed with status code 404", "I could not do this", "Unable to open 'a.xlsx'", "Unknown tool: foo",
    "Invalid date format. Use YYYY-MM-DD", "Missing required parameter: id", "Permission denied", "Rate limit exceeded",
    "Connection refused", "An unexpected error occurred while talking to Jira.",
    "cp: cannot stat 'a': No such file or directory",
    "[Errno 2] No such file or directory: 'x'", "psql: error: connection failed", "3 validation errors for Call",
    '<?xml version="1.0"?>\n<ServiceException code="x">no</ServiceException>',
    "<html><title>500 Internal Server Error</title>",
    "Fehler: keine Datei", "Sorry, I do not have access to that calendar.",
]  # fmt: skip
DOUBTFUL = [
    "User not found", "Document a.docx does not exist", "Template 3 could not be loaded", "Division by zero",
    '{"data": {"a": 1}, "errors": [{"message": "partial"}]}', '{"success": true, "error": "2 rows skipped"}',
    '{"id": 7, "status": "failed"}', '{"job": 5, "started_at": "1:00", "error": "disk full"}',
    '{"exit_code": 1, "stderr": "x"}',
    '{"valid": false, "message": "Document a.docx does not exist", "report": {}}',
    '{"errors": 3}', "Author identity unknown\n\nfatal: unable to go on",
]  # fmt: skip
FINE = [
    '{"name": "error-handler", "version": "1", "description": "Handles errors."}',
    '{"result": 4, "error": null}', '{"success": true, "error": ""}', '{"valid": false, "error": "no token"}',
    '{"is_valid": false, "errors": ["a"]}', '{"mean": 2, "error": 0.03}', '{"passed": 4, "failed": 3, "errors": 1}',
    '{"errors": []}', '{"status": "ok", "message": "Could not be better"}', '{"status": "active", "failures": 0}',
    '{"title": "Error: cannot open file", "state": "open", "number": 3}',
    '[{"status": "failed", "n": 17}, {"status": "ok", "n": 4}]',
    '{"rows": [{"id": 1, "error": "x"}, {"id": 2, "error": null}]}', '{"tags": {"error": 9, "cooking": 31}}', "{}",
    "[]", "null",
    "Standard error: 0.2", "Mean squared error: 3.1 m", "Error: 0.05", "Error: none", "Errors: 0",
    "No errors: all 12 passed", "",
    "Error handling in Go is explicit.", "Error-free code", "Failed: 0, Passed: 12", "No results found.", '{"error": ',
    "Replaced 6 occurrences of 'failed' with 'succeeded'.", 'Search for "unable to sleep": 2 hits',
    "class NotFoundError(Exception):\n    pass", "import json\n",
    "2024-06-01 02:00 ERROR backup failed\n2024-06-01 02:05 INFO ok",
    "[ERROR] 12:01:07 worker: Failed to acknowledge\n[ERROR] 12:01:44 worker: reset", "error.log\nfailures/",
    "Error,Count\n404,120",
    "Order 4410: payment failed on 3 May, paid on 4 May.", "Unknown Pleasures is an album.", "Failed attempts: 3",
]  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        *(("failure", text) for text in FAILURES),
        *(("doubtful", text) for text in DOUBTFUL),
        *(("fine", text) for text in FINE),
    ],
)
def test_an_answer_is_a_failure_a_result_or_a_doubt(expected, text):
    assert verdict(text) == expected


def test_data_counts_where_the_text_says_nothing():
    assert verdict("see below", {"error": "no such user"}) == "failure"
    assert verdict("2 rows", {"rows": [1, 2]}) == "fine"


def test_a_failure_says_why_it_counts_as_one_and_keeps_its_text():
    seen = judge_answer(Observation(ok=True, kind="ok", text='{"error": "full"}', data={"error": "full"}))
    assert seen == Observation(
        ok=False, kind="tool_error", text='{"error": "full"}', notes=("counts as failed: it has `error`",)
    )
    seen = judge_answer(Observation(ok=True, kind="ok", text="User not found"))
    assert (seen.ok, seen.kind, seen.doubt) == (True, "ok", "it says `not found`")


def test_what_was_no_answer_is_not_judged():
    for kind in ("timeout", "refused", "transport", "invalid_arguments"):
        seen = Observation(ok=False, kind=kind, text="Error: no")
        assert judge_answer(seen) is seen


@pytest.mark.parametrize(
    "text",
    ["a" * 50_000, "a " * 3000, "error" * 5000, "a error " * 500, "the " * 2000 + "error:",
    "<html>" * 800, "x: " * 1500,
     "[" * 150_000, '{"a":' * 30_000, "not " * 70, "'" * 299, "a(" * 1500, "error (" + "1" * 1900, "- " * 2000,
     "*" * 5000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_no_text_takes_the_rule_longer_than_a_moment(text):
    began = time.process_time()
    find_failure(text)
    assert time.process_time() - began < 0.2
