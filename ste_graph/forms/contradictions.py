"""Contradictions: a sentence says that something fails which worked in the trials, or the other way round."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from ste_graph.distil.reading.normalisation import contains_words, straighten, words
from ste_graph.distil.reading.request import parse_request
from ste_graph.forms.claims import find_claims, form_pattern
from ste_graph.forms.evidence import NumberedTrial
from ste_graph.forms.sentences import read_sentences
from ste_graph.json_values import leaves

Verdict: TypeAlias = Literal["fails", "works"]

_FIT = (
    r"(?:supported|accepted|allowed|permitted|valid|possible|recogni[sz]ed|known|available|usable|working|correct|taken"
    r"|understood|handled|served|offered|listed|covered)"
)
_EXTREME = r"(?:heavy|large|big|small|long|short|high|low|many|few|old|early|late)"
_OTHERWISE_SAID = r"(?:need|require|have to|matter|change|include|return|give|show|say|contain)"
"""After `does not`: nothing is refused."""
_QUESTION = r"(?:how|what|when|where|who|which|why|if|whether|about|only|just|for)"
_FAILURE = (
    r"(?:fail(?:s|ed|ing|ure)?|refuse[sd]?|reject(?:s|ed)?|den(?:y|ies|ied)|errors?|exceptions?|invalid|unsupported"
    r"|unaccept(?:ed|able)|disallowed|forbidden|prohibited|impossible|wrong)"
)
_FAILS = re.compile(
    rf"\b(?:{_FAILURE}|unknown|unable|has no|(?:finds?|gives?|returns?) nothing|avoid|turned down|too {_EXTREME})\b"
    rf"|\bno (?:\w+ )?{_FIT}\b"
    rf"|\b(?:is|are|was|were|be)(?:n't| not| never| no longer) (?:an? |any |the )?(?:\w+ )?{_FIT}\b"
    r"|\b(?:cannot|can't|couldn't|won't|(?:can|could|will) (?:not|never))\b(?! be left| be omitted)"
    r"|\b(?:must|should|may)(?:n't| not| never) be\b(?! left| omitted)"
    rf"|\b(?:do|does|did)(?:n't| not)\b(?! {_OTHERWISE_SAID})"
    r"|\bnever\b|\b(?:is|are|was|does|do|will)(?:n't| not)\W*$"
    rf"|^\W*not\b(?! {_QUESTION}\b)|\bnot (?:as|in|with|for)\b|\b(?:instead of|rather than)\b",
    re.IGNORECASE,
)
_WORKS = re.compile(
    r"\b(?:works?|worked|succeed(?:s|ed)?|accepted|accepts?|supported|supports|allowed|allows|permitted|valid|fine|okay"
    r"|understood|understands|takes?|handles?|goes through|go through)\b"
    r"|\b(?:(?-i:may)|can|could|should|must) (?!\d|not\b|never\b|be left|be omitted|only\b)\w+"
    r"|\b(?:is|are) given (?:as|in)\b|^\W*(?:use|write|pass|give)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(rf"(?:\b(?:not|never|no|nothing|without)|n't) (?:\w+ ){{0,2}}?{_FAILURE}\b", re.IGNORECASE)
"""A failure that is denied: `does not fail`, `without an error`."""
_BORDER = re.compile(
    r";|:(?= )|,(?! such as| which| e\.g\.| like)|\. (?=[A-Z`])"
    r"|\b(?=(?:but|while|whereas|although|instead of|rather than|else|otherwise"
    r"|(?:where|when|if) (?:the|a|an|people|someone|somebody|one)(?: request| user| person)?"
    r" (?:says?|writes?|asks?|names?|puts?))\b)",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"^\W*(?:else|otherwise|where|when|if)\b", re.IGNORECASE)
"""A clause about calls of another kind, or about requests."""
_SHORT = re.compile(r"^.+ (?:is|are|was|were|does|do|will|can)\W*$", re.IGNORECASE)
"""A clause that denies the one before it: `X is not allowed, Y is`."""
_VALUE = r"[`\"']?[-\w.:/]+[`\"']?"
_BOUND = re.compile(
    r"\b(?:more than|fewer than|(?:larger|greater|higher|lower|smaller|longer|less) than|over|above|below|under|beyond"
    r"|exceed(?:s|ing)?|at most|at least|up to|between|before|after|than)(?: or equal to)?"
    rf" {_VALUE}(?: and {_VALUE})?"
    rf"|{_VALUE} (?:or|and) (?:more|less|fewer|above|below|over|later|earlier)\b",
    re.IGNORECASE,
)
"""A bound: the value itself may be on either side of it."""
_PARAMETER = re.compile(r"`([^`\s]+)`")
_WHOLLY = re.compile(
    rf"^\W*(?:the |a |an )?(?:parameter |argument |field |option )?`([^`\s]+)`(?: parameter| argument| field| option)? "
    rf"(?:(?:is|was|are)(?:n't| not| never) {_FIT}"
    r"|(?:is|was|are) (?:unsupported|unknown|invalid|refused|rejected|disallowed|forbidden))\W*$",
    re.IGNORECASE,
)
"""A clause that refuses a parameter whatever its value is."""


class Contradiction(NamedTuple):
    """A value, a form or a parameter of which a sentence says the opposite of the trials' evidence."""

    written: str
    verdict: Verdict
    trials: tuple[int, ...]
    """The numbers of the trials that show it."""

    def __str__(self) -> str:
        shown = "worked" if self.verdict == "fails" else "failed"
        numbers = ", ".join(map(str, self.trials))
        return f"it says that `{self.written}` {self.verdict}, which {shown} in trial {numbers}"


class _Use(NamedTuple):
    """A value of a parameter in a call of a trial."""

    parameter: str
    value: str | int | float
    ok: bool
    trial: int


def find_contradiction(sentence: str, trials: Sequence[NumberedTrial]) -> Contradiction | None:
    """The statement of a sentence about a value, a form of values or a parameter that contradicts all of the trials.

    A clause that says "fails" is wrong about something that a successful call used, unless it names something else
    that only failed calls used. One that says "works" is wrong about things that only failed ones used. A clause that
    says neither, or gives a bound, says nothing here.
    """
    uses = list(_uses(trials))
    for clause, verdict in _clauses(straighten(sentence)):
        if verdict == "fails" and (match := _WHOLLY.match(clause)):
            if against := [use.trial for use in uses if use.ok and use.parameter == match[1]]:
                return Contradiction(match[1], verdict, tuple(dict.fromkeys(against)))
            continue
        named = set(_PARAMETER.findall(clause)) & {use.parameter for use in uses}
        own = [use for use in uses if use.parameter in named] if named else uses
        mentioned = _mentioned(_BOUND.sub(" ", clause), own)
        only_failed = {text: all(not use.ok for use in found) for text, found in mentioned.items()}
        if verdict == "fails" and any(only_failed.values()):
            continue
        for text, found in mentioned.items():
            if only_failed[text] == (verdict == "works"):
                shown = [use.trial for use in found if use.ok == (verdict == "fails")]
                return Contradiction(text, verdict, tuple(dict.fromkeys(shown)))
    return None


def find_text_contradiction(text: str, trials: Sequence[NumberedTrial]) -> Contradiction | None:
    """The first contradiction in the sentences of a text."""
    found = (find_contradiction(sentence.text, trials) for sentence in read_sentences(text))
    return next((contradiction for contradiction in found if contradiction is not None), None)


def _clauses(sentence: str) -> Iterator[tuple[str, Verdict]]:
    """The clauses that say that something fails or works; one without a word of its own goes with its neighbour."""
    joined: list[tuple[str, Verdict | None]] = []
    for part in _BORDER.split(sentence):
        if _ASIDE.match(part) and joined:
            continue
        verdict = _verdict(part)
        if verdict is None and joined and _SHORT.match(part) and joined[-1][1] is not None:
            joined.append((part, "works" if joined[-1][1] == "fails" else "fails"))
        elif joined and (verdict is None or joined[-1][1] is None):
            joined[-1] = (f"{joined[-1][0]}, {part}", joined[-1][1] or verdict)
        else:
            joined.append((part, verdict))
    return ((part, verdict) for part, verdict in joined if verdict is not None)


def _verdict(clause: str) -> Verdict | None:
    if _DENIED.search(clause):
        return "works"
    if _FAILS.search(clause):
        return "fails"
    return "works" if _WORKS.search(clause) else None


def _uses(trials: Sequence[NumberedTrial]) -> Iterator[_Use]:
    for trial in trials:
        for call in trial.calls:
            arguments = json.loads(call.arguments)
            for name, value in arguments.items() if isinstance(arguments, dict) else ():
                for leaf in leaves(value):
                    if leaf is not None:
                        written = str(leaf).lower() if isinstance(leaf, bool) else leaf
                        yield _Use(name, written, call.ok, trial.number)


def _mentioned(clause: str, uses: Sequence[_Use]) -> Mapping[str, list[_Use]]:
    """The values and forms of values that a clause names, each with its uses."""
    numbers = {value for number in parse_request(clause).numbers for value in number.signed_values}
    found: dict[str, list[_Use]] = {}
    for use in uses:
        if isinstance(use.value, str):
            is_there = bool(words(use.value).strip()) and contains_words(clause, use.value)
        else:
            is_there = any(float(number) == use.value for number in numbers)
        if is_there:
            found.setdefault(str(use.value), []).append(use)
    for claim in find_claims(clause):
        if pattern := form_pattern(claim.written):
            of_form = [use for use in uses if isinstance(use.value, str) and re.fullmatch(pattern, use.value)]
            if of_form:
                found.setdefault(claim.written, []).extend(of_form)
    return found
