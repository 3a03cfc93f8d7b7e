"""The effect of an operation: HTTP's rule for its method, unless a GET itself says that it writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Effect
from ste_graph.text import word_set
from ste_graph.tools.openapi.spec import ListedOperation
from ste_graph.tools.verbs import (
    ASKING,
    DETERMINERS,
    OFTEN_NOUNS,
    READING,
    WRITING,
    base_forms,
    find_verb,
    split_words,
    third_person,
)

EFFECTS: Mapping[str, Effect] = {"GET": "read", "HEAD": "read", "DELETE": "destructive"}
"""The effects of methods (RFC 9110, section 9.2.1); all others write."""

COMMANDS = word_set("add apply move restore run save send set start stop submit update upload write")
"""Of the verbs that are often nouns, those that are a command alone at the end of a path."""

IMPERATIVES = word_set("add authorize notify publish save send submit")
"""Of the verbs that are often nouns, those that are verbs at the start of a sentence."""

RUNNING = frozenset({"exec", "execute", "run"})


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of an operation's id, summary or path, by its leading verb, that it writes or that it reads.

    It is not `certain` if the verb may be a noun, or the `get` that generators of ids put before a path.
    """

    verb: str
    writes: bool
    certain: bool = True


def find_effect(entry: ListedOperation) -> tuple[Effect, str | None]:
    """The effect of an operation, and the reason if it is not that of its method.

    A GET or HEAD that says that it writes counts as one whose effect is not stated: destructive.
    """
    effect = EFFECTS.get(entry.method.upper(), "write")
    doubt = find_doubt(entry) if effect == "read" else None
    return ("destructive", f"{entry.method.upper()}, but {doubt}") if doubt else (effect, None)


def find_doubt(entry: ListedOperation) -> str | None:
    """The reason why an operation is not taken for one that reads, such as `its name says that it deletes`."""
    by_id, by_summary, by_path = claim_of_id(entry), claim_of_summary(entry), claim_of_path(entry.path)
    reads = [claim for claim in (by_id, by_summary) if claim is not None and not claim.writes]
    if by_id and by_id.writes and (by_id.certain or not reads):
        return f"its name says that it {third_person(by_id.verb)}"
    if by_summary and by_summary.writes and not any(claim.certain for claim in reads):
        return f"its summary says that it {third_person(by_summary.verb)}"
    if by_path and len(reads) < (2 if by_path.certain else 1):
        return f"its path says that it {third_person(by_path.verb)}"
    return None


def claim_of_id(entry: ListedOperation) -> Claim | None:
    """The claim of the operation's id, without what AWS, Springfox and FastAPI add to ids by themselves."""
    id = str(entry.node.get("operationId") or "")
    id = re.sub(r"^(GET|HEAD)[_-](?=.)|Using(GET|HEAD)(_\d+)?$", "", id)
    id = id.removesuffix(re.sub(r"\W", "_", entry.path) + f"_{entry.method}")
    words = split_words(id)
    if not words:
        return None
    read = READING.intersection(words)
    verb = find_verb(id, WRITING)
    if verb and not (verb in RUNNING and (read or ASKING.intersection(words))):
        return Claim(verb, writes=True)
    if len(words) > 1 and words[0] in OFTEN_NOUNS and not read:
        return Claim(words[0], writes=True, certain=False)
    if read:
        return Claim("get", writes=False, certain=words[0] in READING - {"get"})
    return None


def claim_of_summary(entry: ListedOperation) -> Claim | None:
    """The claim of the summary, or of the description if there is no summary."""
    text = str(entry.node.get("summary") or entry.node.get("description") or "")
    words = re.findall(r"[a-z']+", re.sub(r"<[^>]*>", " ", text.lower()))
    if not words or words[1:2] == ["you"]:
        return None
    if words[0] in READING:
        return Claim(words[0], writes=False)
    for verb in base_forms(words[0]):
        certain = verb in WRITING or (verb == words[0] and verb in IMPERATIVES)
        if certain or (verb in OFTEN_NOUNS and DETERMINERS.intersection(words[1:2])):
            return Claim(verb, writes=not (verb in RUNNING and ASKING.intersection(words[1:8])))
    return None


def claim_of_path(path: str) -> Claim | None:
    """The claim of a segment of the path, if one claims to write."""
    segments = [words for part in re.split(r"[/?#&=:]", path) if "{" not in part and (words := split_words(part))]
    for words in segments:
        if words[0] in WRITING:
            return Claim(words[0], writes=True)
    if segments and len(segments[-1]) == 1 and segments[-1][0] in COMMANDS:
        return Claim(segments[-1][0], writes=True, certain=False)
    return None
