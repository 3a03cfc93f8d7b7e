"""Objects that report a failure by their keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from ste_graph.contracts import Json
from ste_graph.tools.failures.report import ReportedFailure, doubt
from ste_graph.tools.failures.text import find_text_failure

DEEPEST: Final = 3
"""Levels to which the only part of an object is followed."""


def _keys(names: str) -> frozenset[str]:
    return frozenset(names.split())


VERDICTS: Final = _keys(
    "valid isvalid passed pass compliant matches match wellformed iswellformed conforms verified correct"
)
"""Keys of a validator's verdict: what it says of errors is its result."""
SUCCESS: Final = _keys("success ok succeed succeeded successful issuccess issuccessful response")
FAILED: Final = _keys("iserror haserror haserrors errored failed failure isfailure")
ERROR: Final = _keys(
    "error exception err errormessage errormsg errordescription errordetail errordetails errortext errortype errorname "
    "errorinfo errorreason errorresponse errmsg errorresult errordata exceptionmessage fault faultstring failurereason "
    "failuremessage traceback stacktrace"
)
ERRORS: Final = _keys("errors exceptions errormessages errorlist usererrors")
ERROR_CODE: Final = _keys("errorcode errcode errno errorstatus faultcode")
STATUS: Final = _keys("status state outcome result resultstatus executionstatus type object kind")
CODE: Final = _keys("status statuscode code httpstatus httpcode httpstatuscode cod responsecode")
"""Keys of a status of HTTP, or of the name of a fault."""
NAME: Final = _keys("name type")
"""Keys of many names, that of a fault among them."""
EXIT_CODE: Final = _keys("exitcode returncode exitstatus")
MESSAGE: Final = _keys("message msg detail details reason description title text explanation statustext info")
BESIDE: Final = _keys("message msg detail result output response content data")
"""Keys of a part that may report a failure although there are other things."""
CONTENT: Final = _keys(
    "result results output outputs data content value values items answer response body return returned payload"
)
AROUND: Final = (MESSAGE | ERROR | ERRORS | ERROR_CODE | CODE | NAME | SUCCESS | FAILED | STATUS) | _keys(
    "path timestamp requestid traceid correlationid debugid instance documentationurl docs docurl help hint hints "
    "suggestion suggestions jsonrpc retryafter retryable retry url method meta version supporturl moreinfo tool "
    "toolname apiname input inputs arguments args parameters params query command operation stderr severity level "
    "category context trace fields"
)
"""Keys that accompany an error: its kind, its origin, and what was asked."""
RECORD: Final = re.compile(
    r"(job|run|task|build|pipeline|workflow|deployment|payment|order|ticket|invoice|execution|transaction|shipment|test)s?(id|name|"
    r"number|key)|uuid|conclusion|attempts|retries|duration\w*|progress|(created|started|finished|updated|ended|completed|"
    r"failed|queued|scheduled)(at|on|time|date)?|(start|end|finish|creation)(time|date|edat)|exitedat|warnings?|assignee|author"
)
"""Keys of a record of something else, such as a job, whose failure is what was asked for."""
GOOD: Final = _keys("ok success successful succeeded complete completed done finished")
FAILING: Final = _keys("error failed failure fail err errored exception fatal rejected denied")
NOTHING: Final = frozenset(["no error", "no errors", *_keys("none null nil no n/a false 0 ok success -"), ""])
HTTP_ERROR: Final = re.compile(r"[45]\d\d")
CODE_NAME: Final = re.compile(
    r"E[A-Z]{3,}|[\w.:/-]*(error|exception|not_?found|invalid|denied|forbidden|unauth|fail|missing|unknown|exceed|limit|"
    r"timeout|unavailable|conflict|unsupported|bad_?request|exists|required|not_?allowed)[\w.:/-]*",
    re.IGNORECASE,
)
"""The name of a fault, such as `RESOURCE_NOT_FOUND`."""
PROPER_NAME: Final = re.compile(r"[A-Z\d]+(_[A-Z\d]+)+|\w+(Error|Exception)")
"""The name of a fault that can be nothing else."""
UNSEEN: Final = re.compile(
    r"\b(file|document|path|directory|folder|url|page|resource|host)\b.*\b(not found|does not exist)|no such file|"
    r"(could not|cannot|unable to|failed to) (open|read|load|find|fetch|access|connect)|"
    r"(permission|access) denied|timed out",
    re.IGNORECASE,
)
"""Words of a validator that could not see what it was to judge."""
LARGE_CODE: Final = 1000
"""Codes of faults of one's own begin here."""


def find_data_failure(value: Json, depth: int = DEEPEST) -> ReportedFailure | None:
    """The failure of its own that an object, or a list of objects, reports by the keys at its top."""
    if isinstance(value, list):
        return find_list_failure(value, depth)
    if not isinstance(value, dict) or not value:
        return None
    parts = {re.sub(r"[^a-z]", "", str(key).lower()): inner for key, inner in value.items()}
    flags = [flag for key in SUCCESS if (flag := as_flag(parts.get(key))) is not None]
    flags += [True for key in STATUS & parts.keys() if str(parts[key]).lower() in GOOD]
    if any(isinstance(parts.get(key), bool) for key in VERDICTS):
        return doubt_verdict(parts, flags)
    if flags and not all(flags):
        report = ReportedFailure("`success` is false")
        return report.as_doubt("in a record") if is_record(parts) else report
    if found := find_named_failure(parts) or find_status_failure(parts):
        return found.as_doubt("next to `success` true") if flags else found
    error_free = any(key in parts and not names_error(parts[key]) for key in ERROR)
    return None if flags or error_free or depth == 0 else find_part_failure(parts, depth)


def doubt_verdict(parts: Mapping[str, Json], flags: Sequence[bool]) -> ReportedFailure | None:
    """The doubt about a validator's verdict: whether it could see at all what it was to judge."""
    if flags and not all(flags):
        return doubt("a verdict, with `success` false")
    texts = [inner for key in sorted(MESSAGE | ERROR) if isinstance(inner := parts.get(key), str)]
    unseen = next((found.group(0) for text in texts if (found := UNSEEN.search(text))), None)
    return doubt(f"a verdict that says `{unseen}`") if unseen else None


def find_named_failure(parts: Mapping[str, Json]) -> ReportedFailure | None:
    """The failure that a key of the object names."""
    for key in sorted(FAILED & parts.keys()):
        if as_flag(parts[key]) is True:
            report = ReportedFailure(f"`{key}` is true")
            return report.as_doubt("in a record") if is_record(parts) else report
    for key in sorted((ERROR | ERRORS | ERROR_CODE) & parts.keys()):
        value = parts[key]
        if not names_error(value):
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            if key in ERROR_CODE or (isinstance(value, int) and only_around(parts)):
                return doubt(f"`{key}` is {value}")
            continue
        return weigh(f"it has `{key}`", parts)
    for key in sorted(EXIT_CODE & parts.keys()):
        if isinstance(parts[key], int) and parts[key] != 0:
            return doubt(f"`{key}` is {parts[key]}")
    return None


def find_status_failure(parts: Mapping[str, Json]) -> ReportedFailure | None:
    """The failure that a status or a code of the object says."""
    alone = only_around(parts)
    for key in sorted(STATUS & parts.keys()):
        if isinstance(parts[key], str) and parts[key].strip().lower() in FAILING:
            report = ReportedFailure(f"`{key}` is {parts[key]}")
            return report if alone else report.as_doubt("next to other things")
    message = any(names_error(parts.get(key)) for key in MESSAGE)
    for key in sorted((CODE | NAME) & parts.keys()):
        code = parts[key]
        if not isinstance(code, int | str) or isinstance(code, bool):
            continue
        named = message and isinstance(code, str) and CODE_NAME.fullmatch(code)
        if key in NAME:
            named = named and bool(BESIDE & parts.keys()) and PROPER_NAME.fullmatch(str(code))
        if named or (key in CODE and HTTP_ERROR.fullmatch(str(code))):
            report = ReportedFailure(f"`{key}` is {code!s:.40}")
            return report if alone and message else report.as_doubt("next to other things")
        if alone and message and isinstance(code, int) and code >= LARGE_CODE:
            return doubt(f"`{key}` is {code}")
    return None


def find_part_failure(parts: Mapping[str, Json], depth: int) -> ReportedFailure | None:
    """The failure that a part of the object reports; certain only if that part is alone."""
    filled = {key: inner for key, inner in parts.items() if is_filled(inner)}
    alone = len(filled) == 1 or (only_around(filled) and len(MESSAGE & filled.keys()) == 1)
    for key, inner in filled.items():
        relevant = key in (CONTENT | MESSAGE if alone else BESIDE)
        if not relevant and not (len(filled) == 1 and isinstance(inner, dict)):
            continue
        report = find_inner_failure(inner, depth - 1)
        if report is not None and (alone or report.certain):
            report = ReportedFailure(f"`{key}`: {report.reason}", report.certain)
            return report if alone else report.as_doubt("next to other things")
    detail = filled.get("detail")
    if alone and isinstance(detail, list) and all(isinstance(item, dict) and "msg" in item for item in detail):
        return ReportedFailure("its `detail` lists faults")
    return None


def find_inner_failure(inner: Json, depth: int) -> ReportedFailure | None:
    """The failure that a part reports: a text by its beginning, also JSON in a text; anything else by its keys."""
    if not isinstance(inner, str):
        return find_data_failure(inner, depth)
    if inner.lstrip().startswith(("{", "[")):
        try:
            return find_data_failure(json.loads(inner), depth)
        except (ValueError, RecursionError):
            return find_text_failure(inner)
    return find_text_failure(inner)


def find_list_failure(values: Sequence[Json], depth: int) -> ReportedFailure | None:
    """The failure of a list of blocks of content, or of one object; that of one of several is part of a result."""
    if not values or depth == 0 or not all(isinstance(value, dict) for value in values):
        return None
    if all(value.keys() >= {"type", "text"} for value in values):
        return find_inner_failure("\n".join(str(value["text"]) for value in values), depth - 1)
    reports = [report for value in values[:20] if (report := find_data_failure(value, 0)) and report.certain]
    if len(values) == 1 and reports:
        return reports[0]
    return reports[0].as_doubt("in each part") if len(reports) == len(values[:20]) else None


def weigh(reason: str, parts: Mapping[str, Json]) -> ReportedFailure:
    """A failure, certain unless it comes with a result or is part of a record of something else."""
    report = ReportedFailure(reason)
    if any(is_filled(parts.get(key)) and not is_failing(parts[key]) for key in CONTENT):
        return report.as_doubt("next to a result")
    return report.as_doubt("in a record") if is_record(parts) else report


def is_failing(content: Json) -> bool:
    """True if the content in the place of a result is a word or a sentence of failure."""
    return isinstance(content, str) and (content.lower() in FAILING or find_text_failure(content) is not None)


def is_record(parts: Mapping[str, Json]) -> bool:
    """True if an object has keys of a record of something else, such as a job."""
    return any(RECORD.fullmatch(key) for key, inner in parts.items() if is_filled(inner))


def only_around(parts: Mapping[str, Json]) -> bool:
    """True if an object has nothing but an error and the keys that accompany one; empty parts do not count."""
    return all(key in AROUND or not is_filled(inner) for key, inner in parts.items())


def is_filled(value: Json) -> bool:
    """True if there is anything in a value."""
    if isinstance(value, dict):
        return any(is_filled(inner) for inner in value.values())
    return value not in (None, "", [])


def names_error(value: Json) -> bool:
    """True if a value names an error."""
    if isinstance(value, str):
        return value.strip().lower() not in NOTHING
    if isinstance(value, dict):
        return any(names_error(inner) for inner in value.values())
    return bool(value)


def as_flag(value: Json) -> bool | None:
    """A truth value, also as a text; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.strip().lower()) if isinstance(value, str) else None
