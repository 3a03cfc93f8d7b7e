"""Texts that report a failure by how they begin."""

from __future__ import annotations

import re
from typing import Final

from ste_graph.tools.failures.report import ReportedFailure, doubt

SHORT, LONG = 300, 2000
"""Characters up to which a text is one message, and from which it is a document that merely begins so."""


def _begins(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


WORD_OR_SIGN: Final = re.compile(r"[A-Za-z]{2}|[^\x00-\x7f]")
"""A text without it, such as a number or a date, reports no failure."""
SIGNS: Final = re.compile("[\u274c\u2717\u2716\u2718\u26d4\U0001f6ab\U0001f6d1\U0001f4a5]")
"""Signs of failure: crosses, and no entry."""
DECORATION: Final = re.compile("[\\s*_#>`\"'\u26a0\u2139\ufe0f\u2757\u203c-]+")
"""Marks of Markdown, and signs of warning, before the first word."""
NOTHING: Final = _begins(r"(none|null|nil|no|no errors?|n/a|false)\W*(\n|$)")
"""The texts after `Error:` that say there was none."""
NUMBER: Final = re.compile(r" *[-+\u00b1]?\.?\d[\d.,e+-]*( ?[%\w\u00b0\u00b5]+)? *(\n|$)")
"""A number and its unit alone behind `error:`, which make it a result."""
MEASURE: Final = _begins(
    r"((root[- ])?mean|standard|std|squared|absolute|relative|percent(age)?|margin of|rounding|average|median|max|"
    r"maximum|total|numerical|prediction|training|test|estimation|approximation|measurement)\b"
)
"""Words before `error:` with which it is a quantity."""
CODE: Final = _begins(
    r"(class|def|func|fn) \w+ ?[(:{]|(raise|throw|throws|except|catch)[ (]+\w*(error|exception)\b",
    r"(from|import) [\w.]+( import |;|\s*\n)|(try|else|finally) ?[:{]|(if|return|public|private) .*[:;{]\s*(\n|$)",
)
"""Beginnings of programs."""
LOG_LINE: Final = re.compile(r"\W*(error|fatal|failed|failure|exception)\W+(\d\d\d\d-|\d+:\d\d|\[\w)", re.IGNORECASE)
"""A line of a log, whose level is followed by its time or by the name of a thread."""

MARKER: Final = re.compile(
    r"(?!(?:how|what|why|when|if|this|common|fix\w*|avoid\w*|handl\w*|about)\b)"
    r"(?:[\w'/.-]+:? ){0,3}?[\w.]*(?:error|exception)(?: code| in [\w.]+| -?\d\d+)?"
    r"(?: ?[(\[](?:[^)\]\n]*\d|(?-i:[A-Z_]+))[^)\]\n]{0,40}[)\]]| \d+ \(\w+\))?(?: ?[:!]| [|\u2013\u2014-] )",
    re.IGNORECASE,
)
"""`Error:`, `SomeError:`, `Database error (1146):` and the like."""
CERTAIN: Final = _begins(
    r"traceback \(most recent call last\)",
    r"\[?(fatal|panic)( error)?\]? ?[:!]|\[(error|failed|failure|exception)\]|(error|failed|failure)\s*\n",
    r"(<\?xml[^>]*>\s*)?<[\w:]*(error|fault|exception)\w*",
    r"(<\?xml[^>]*>\s*)?<[\w:]*envelope\b[^\0]{0,300}<[\w:]*fault\b",
    r"(unhandled|uncaught) \w*(promise )?(rejection|exception|error)",
    r"(an? |the )?(\w+ ){0,2}(error|exception|problem) (has |have )?(occurred|was (raised|thrown|met)|happened)",
    r"(http|status|status code|response|response code|error)[ :/]+(\d\.\d )?(error |status |code )*:? ?[45]\d\d\b",
    r"(\w+ ){0,3}(failed|returned|responded|answered) with (http |a )?(status|code|status code|an error|error)\b",
    r"[45]\d\d:? (\w+ )?(not found|bad request|unauthori[sz]ed|forbidden|internal|too many|service unavailable|"
    r"bad gateway|gateway time|conflict|gone|unprocessable|method not allowed|client error|server error|request time)",
    r"\d+ validation errors? |upstream (connect|request)|no healthy upstream|something went wrong",
    r"\w*(Error|Exception)\(.*\)\s*$|\[errno -?\d+\]|sqlstate\[|ora-\d+:|\(node:\d+\) \w*(error|rejection)",
    r"((there was|i|we) )?(encountered |ran into |got |hit |there was )?an? (\w+ )?(error|exception|problem) "
    r"((has |have )?(occurred|happened) ?)?(while|when|during|processing|occurred|with your)",
    r"(fehler|erreur|fout|erro|errore|b\u0142\u0105d|hata|\u043e\u0448\u0438\u0431\u043a\u0430|\u9519\u8bef|"
    r"\u932f\u8aa4|"
    r"\u30a8\u30e9\u30fc|\uc624\ub958) ?[:\uff1a]",
    r"[\w./-]+: (line \d+: )?((fatal )?error:|fatal:|cannot|can['\u2019]t|unable|unrecogni[sz]ed|invalid|missing|"
    r"illegal)\b",
    r"[\w./-]+: [^\n]*: (no such file or directory|permission denied|(is|not) a directory|command not found|file "
    r"exists)",
)
"""Beginnings that only a report of failure has."""
_NOT = (
    r"(could not|couldn['\u2019]?t|cannot|can['\u2019]?t|can not|(was|am|is|are|were)(n['\u2019]t| not| un)? ?able to|"
    r"unable to|not able to)"
)
_PARTS = (
    r"param\w*|arg\w*|value|input|format|date|time|key|token|field|option|command|tool|method|function|id|identifier|"
    r"request|path|url|uri|json|query|type|name|unit|currency|credential|syntax|expression|operation|action|user|file|"
    r"column|table|symbol|code|character|property|attribute|response|state|range|number|index"
)
CALL_FAILED: Final = _begins(
    r"failed to \w|failure to \w|failed (because|with|due|at|in|on|when|while|after)\b",
    r"(failed|failure) ?[:\u2013\u2014!.-](?! *\d)",
    r"(?!\d)((\w+://\S+|[\w'/.-]+) ){1,5}(has |have )?failed( ?[:\u2013\u2014!.(]| because| with| due| after| to "
    r"\w|\s*$)"
    r"(?! *(?![45]\d\d\b)\d)|(you )?(do|does)( not|n['\u2019]t) have (permission|access|the right)",
    r"error (?!handling|logging|reporting|tracking|checking|correcting)\w+ing\b|error (while|when|during|in tool|"
    r"from)\b",
    r"((i|we|sorry|unfortunately|oops|the (server|tool|request|file|operation|service|command|api|query|system)|"
    r"tool|it)"
    rf",? ){{0,3}}{_NOT}\b",
    r"(\w+ )?(permission|access|authori[sz]ation|authentication|login|request|connection|operation|call) (was |is |"
    r"has been )?(denied|refused|rejected|required|aborted|reset|closed|lost|timed out|not permitted|not allowed)",
    r"unauthori[sz]ed\b|forbidden\b|not (authori[sz]ed|permitted|allowed|authenticated|logged in)\b",
    r"(api )?(rate limit|quota|usage limit|limit)( was| has been)? (exceeded|reached|hit)|too many requests|rate[- "
    r"]limited",
    r"(\w+ ){0,2}(timed? ?out|timeout)\s*($|[:.!,(\n]|(of|after|while|waiting|error|exceeded|expired)\b)",
    r"(service|server|resource|host|database|api|site) (is |was )?(currently |temporarily )?(unavailable|"
    r"unreachable|down)",
    r"bad (request|gateway)|internal server error|service unavailable|gateway timeout|connection error|network error",
    r"no such \w|file not found|command not found|not found[:.!]|enoent\b|eacces\b|econnrefused\b|etimedout\b",
    r"(missing|invalid|unknown|unsupported|unexpected|illegal|malformed|unrecogni[sz]ed|wrong|incorrect|bad|undefined) "
    rf"(required |or |missing |\w+ )?({_PARTS})s?\b",
    r"(missing|invalid|unknown|unsupported|unexpected|illegal|malformed|unrecogni[sz]ed) [\w "
    r"-]{1,40}[:'\"\u2018\u201c`]",
    r"(operation|request|command|call|task|action|execution|transaction) (was )?(aborted|denied|rejected|failed)",
    r"(command|process|script|program) (failed|exited|returned|ended) (with )?(non-?zero|(exit )?(code|status))",
    r"(sorry|unfortunately|oops|apologies|i apologi[sz]e|i['\u2019]m sorry|uh[- ]oh|whoops)\b.*"
    r"\b(not|can['\u2019]?t|cannot|couldn['\u2019]?t|unable|fail|failed|error|wrong|problem|no)\b",
)
"""Beginnings that report a failure in a short text, and may open a document."""
PERHAPS: Final = _begins(
    r"(errors?|failed|failure|sorry|unfortunately|oops|apologies|denied|rejected|aborted|unavailable)(?=[\s:!]|$)",
    r"(invalid|unknown|missing|unsupported|unexpected|illegal|malformed)(?=[:!]|$| (?-i:[^A-Z]))",
    r"usage: |(exit|return) (code|status):? ?[1-9]|(ba|z|k)?sh: |/bin/(ba)?sh: ",
)
"""Beginnings of a short text that may report a failure."""
INSIDE: Final = re.compile(
    r"\b(not found|(does|do|did)( not|n['\u2019]t) exist|no such|already exists|(not|isn['\u2019]t|aren['\u2019]t) "
    r"(an? )?(valid|"
    r"supported|available|allowed|permitted|recogni[sz]ed|defined|installed|configured|running|connected|enabled|"
    r"implemented|"
    r"authori[sz]ed|reachable|directory|file|member|number|accessible|stored|saved|sent|created|updated|changed|"
    r"accepted)|"
    r"must (be|have|not|contain|provide|start|end)|(is|are) (required|invalid|missing|unknown|outside|too \w+)|"
    rf"{_NOT}|unable to|by zero|denied|refused|rejected|timed out|timeout|exceed(s|ed)|exhausted|"
    r"out of (range|bounds|stock|memory)|expected\b.*\b(got|but|found)|(an|the|with|following) error)\b",
    re.IGNORECASE,
)
"""Words of failure within a text of one line."""
QUOTED: Final = re.compile("\"[^\"\\n]*\"|`[^`\\n]*`|(?<!\\w)'[^'\\n]*'(?!\\w)|\u201c[^\u201d\\n]*\u201d")
LINES: Final = re.compile(
    r"^(traceback \(most recent call last\)|\w*(Error|Exception): |npm ERR!|fatal: |error: )", re.I | re.M
)
"""Beginnings of a further line that report a failure."""
NO_MARKS: Final = str.maketrans("", "", "*`")
PAGE: Final = re.compile(r"\s*(<!doctype html[^>]*>\s*)?<html.*?<title>([^<]*)</title>", re.IGNORECASE | re.DOTALL)
NO_FAILURE: Final = _begins(
    r"(no|0|zero|without( any)?) (\w+ ){0,2}(errors?|exceptions?|failures?|problems?|issues?|warnings?)\b",
    r"errors?: ?(none|no|0)\W*(\n|$|\w+[:=])|error (rates?|logs?|codes|counts?|messages|budgets?|bars?|margins?)\b",
    r"error[- ](free|correct\w*|handling)|(failed|failures?)( \w+)?: ?\d",
    r"missing (persons?|values?: ?\d)|unknown (author|artist)\b",
    r"([\w ]+ )?(validation|verification|inspection|comparison|audit) (result|report|summary)\b",
)
"""Beginnings that speak of failures as a result."""


def find_text_failure(text: str) -> ReportedFailure | None:
    """The failure of its own that a text reports at its beginning, or None."""
    if not WORD_OR_SIGN.search(text):
        return None
    mark = DECORATION.match(text)
    start = text[mark.end() :] if mark else text
    head = start[:LONG].translate(NO_MARKS)
    if not head.strip() or NO_FAILURE.match(head) or LOG_LINE.match(head) or CODE.match(head):
        return None
    marker = MARKER.match(head)
    if marker and is_quantity(head, marker.end()):
        return None
    shown = f"it begins with `{head.partition(chr(10))[0][:60]}`"
    if SIGNS.match(head):
        return ReportedFailure(shown)
    if page := PAGE.match(head):
        title = page.group(2)
        return (
            ReportedFailure(f"a page with the title `{title:.60}`")
            if CERTAIN.match(title) or MARKER.match(title)
            else None
        )
    certain = (marker or CERTAIN.match(head)) is not None
    short = len(text) <= SHORT and text.count("\n") <= 3
    if certain and (len(text) <= LONG or head.lower().startswith("traceback")):
        return ReportedFailure(shown)
    if certain or CALL_FAILED.match(head):
        return ReportedFailure(shown, certain=short)
    if short and PERHAPS.match(head):
        return doubt(shown)
    line = QUOTED.sub("", head.strip())
    if short and "\n" not in line and text[0] not in "{[<=|" and (found := INSIDE.search(line)):
        return doubt(f"it says `{found.group(0)[:60]}`")
    if len(text) <= LONG and (found := LINES.search(head)):
        return doubt(f"it has a line that begins with `{found.group(0)[:60]}`")
    return None


def is_quantity(head: str, end: int) -> bool:
    """True if a text whose marker ends there begins like `Standard error: 0.2` or `Error: none`: with a value."""
    rest = head[end:]
    return bool(MEASURE.match(head) or NOTHING.match(rest.lstrip()) or NUMBER.match(rest))
