"""The things to fix first: the findings of a report as sentences, each with what it rests on and what to try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ste_graph.contracts import Frozen
from ste_graph.grouping import group
from ste_graph.report.tools.calls import sorted_json
from ste_graph.report.tools.confusions import Confusion
from ste_graph.report.tools.failures import ParameterFailure
from ste_graph.report.tools.mismatches import ArgumentMismatch
from ste_graph.report.tools.report import ToolReport
from ste_graph.text import count_noun

SHORT = 80
"""Characters of a value or a text in a sentence."""


class Finding(Frozen):
    """Something to fix. `count` is the number of calls or replies that went wrong for it."""

    tool: str
    count: int
    what: str
    evidence: str
    advice: str


def list_findings(report: ToolReport) -> list[Finding]:
    """The findings, those first for which most calls or replies went wrong. What happened once may be chance."""
    missing = {(entry.tool, *entry.values) for entry in report.missing_values}
    found = [*map(_of_confusion, report.confusions), *_of_needless(report)]
    found += map(_of_mismatch, report.mismatches)
    found += [_of_failure(entry) for entry in report.failures if (entry.tool, *entry.parameters) not in missing]
    found += _of_missing_values(report)
    return sorted(found, key=lambda finding: (-finding.count, finding.tool, finding.what))


def describe_arms(counts: Mapping[str, int]) -> str:
    """The number of times that the other arms of a test went wrong in the same way, in words."""
    often = ", ".join(f"{arm} {count}" for arm, count in counts.items() if count)
    return f"in other arms: {often}" if often else "in none of the other arms"


def _of_confusion(entry: Confusion) -> Finding:
    requests = f"{entry.count} of {count_noun(entry.of, 'request')} to it"
    others = f"; {describe_arms(entry.other_arms)}" if entry.other_arms else ""
    evidence = f"{entry.source}, e.g. {quote(entry.requests[0])}{others}"
    if entry.called is None:
        what = f"`{entry.asked}` is not called: {requests} ended without a call"
        advice = f"Say in the first sentence of `{entry.asked}` which requests it serves, in a user's words."
    elif not entry.exists:
        what = f"`{entry.asked}` is called `{entry.called}`, which does not exist: {requests}"
        advice = (
            "Models shorten or translate names that they do not expect. Name the tool by the word that they choose."
        )
    else:
        what = f"`{entry.asked}` is taken for `{entry.called}`: {requests}"
        advice = f"Say in `{entry.called}` what it is not for, and name `{entry.asked}` there."
        if entry.drawn_by:
            words = ", ".join(f"“{word}”" for word in entry.drawn_by)
            advice += f" The requests say {words}: `{entry.called}` has that, `{entry.asked}` does not; add it."
        elif entry.shared:
            advice += f" Both descriptions say {', '.join(f'“{word}”' for word in entry.shared)}."
    return Finding(tool=entry.asked, count=entry.count, what=what, evidence=evidence, advice=advice)


def _of_needless(report: ToolReport) -> Iterator[Finding]:
    """One finding for all tools, as it is the model's habit more than a tool's."""
    if not report.needless:
        return
    first, *rest = report.needless
    tools = f"`{first.tool}`" + (f" and {count_noun(len(rest), 'other tool')}" if rest else "")
    calls, requests = (sum(getattr(entry, name) for entry in report.needless) for name in ("count", "of"))
    yield Finding(
        tool=first.tool,
        count=first.count,
        what=f"{tools} {'are' if rest else 'is'} called although no call is right: {calls} of {requests} such requests",
        evidence=f"replies, e.g. {quote(first.requests[0])}",
        advice="Say what the tools cannot do, and which details must be asked for rather than made up.",
    )


def _of_mismatch(entry: ArgumentMismatch) -> Finding:
    example = entry.examples[0]
    where = f"`{entry.tool}.{entry.parameter}`"
    share = f"{entry.count} of {count_noun(entry.replies, 'call')} in the test"
    evidence = f"replies, e.g. {quote(example.query)}: wanted {shorten(example.wanted)}, got {shorten(example.given)}"
    match entry.how:
        case "left out":
            what, advice = f"{where} is left out: {share}", "Make it required, or say what happens without it."
        case "the schema's example":
            what = f"{where} gets the example of the schema instead of the user's value: {share}"
            advice = "Say where the value comes from, or give several unlike examples."
        case _:
            what = f"{where} gets another value than was asked for: {share}"
            advice = "If only certain values are right, list them as `enum`; else show one example of each form."
    return Finding(tool=entry.tool, count=entry.count, what=what, evidence=evidence, advice=advice)


def _of_failure(entry: ParameterFailure) -> Finding:
    names = " and ".join(f"`{name}`" for name in entry.parameters)
    where = f"`{entry.tool}`, {names}" if names else f"`{entry.tool}`"
    what = f"{where}: {entry.count} of {count_noun(entry.calls, 'call')} fail: {shorten(entry.error, 2 * SHORT)}"
    if entry.repairs and entry.repairs[0].right is not None:
        repair = entry.repairs[0]
        example = f"{shorten(repair.wrong)} failed, {shorten(repair.right)} worked"
    else:
        example = shorten(entry.values[0]) if entry.values else "see the trial"
    repaired = f"{entry.repaired} repaired after the error" if entry.repaired else "none repaired after the error"
    evidence = f"trial {entry.trials[0]}, {example}; {entry.requested} as the request has it; {repaired}"
    if 2 * entry.requested > entry.count and entry.kind == "tool_error":
        advice = f"The schema allows it, and people may ask so: accept it, or say what to turn {names} into."
    elif len(entry.parameters) > 1:
        advice = f"Say in both descriptions how {names} go together, with an example."
    elif entry.kind == "invalid_arguments":
        advice = "The schema refuses it before the tool sees it: say the form in words, with an example."
    elif entry.parameters:
        advice = f"The schema allows what the tool refuses: say in {names} what is accepted, with an example."
    else:
        advice = "The error names no parameter: name it there, so that a model knows what to change."
    if not entry.repaired:
        advice += " No call was repaired, so the error should say what would have worked."
    return Finding(tool=entry.tool, count=entry.count, what=what, evidence=evidence, advice=advice)


def _of_missing_values(report: ToolReport) -> Iterator[Finding]:
    """One finding for each tool and parameter."""
    groups = group(((entry.tool, *entry.values), entry) for entry in report.missing_values)
    for (tool, *names), entries in groups.items():
        where = " and ".join(f"`{tool}.{name}`" for name in names)
        count = sum(entry.count for entry in entries)
        examples = [shorten(sorted_json(next(iter(entry.values.values())))) for entry in entries[:3]]
        what = f"{where}: {count_noun(count, 'look-up')} of values that do not exist"
        meant = next((entry for entry in entries if entry.meant), None)
        hint = f"; the tool proposed {quote(meant.meant)}" if meant and meant.meant else ""
        evidence = f"trial {entries[0].trials[0]}, {', '.join(examples)}{hint}"
        if any(entry.tells_choices for entry in entries):
            advice = (
                "The tool says what there is in its error only: say it in the description, or as `enum` in the schema."
            )
        elif meant:
            advice = "Values have a fixed form that models only guess at: show two or three, or accept the near ones."
        else:
            advice = "Name the tool that lists the values that exist, and show the form of one."
        yield Finding(tool=tool, count=count, what=what, evidence=evidence, advice=advice)


def quote(text: str) -> str:
    """A text of a model or a tool, short and in quotes."""
    return f"“{shorten(text)}”"


def shorten(text: str | None, longest: int = SHORT) -> str:
    """A text in one line of at most `longest` characters; `nothing` for None."""
    line = "nothing" if text is None else " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
