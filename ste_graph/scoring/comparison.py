"""Whether the arguments of a call are those of the gold call, as far as rules can tell."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.tools.toolbench_description import Description

JUDGED = frozenset(
    {
        "CatchLoc%%[Group Management] API access for modifying group information",
        "English Talking%%Get an answer",
        "Fake Brightcove%%Temp Upload URLs",
        "GamerPower%%Filter & Group Giveaways",
        "GamerPower%%Live giveaways by type",
        "Grup Terbuka%%Kirim Pesan",
        "Handball Data%%Daily Match List-Live",
        "Marvel Vs Capcom 2%%Show Character",
        "PTL%%update",
        "Stadia Maps Time Zone API%%TZ Lookup by Location",
        "Weather_dataSet%%Weather_dataSet",
        "disambiguation",
        "getWolframAlphaResults",
        "get_arxiv_article_information",
        "get_weather_today",
        "search",
        "search_general",
        "search_places",
        "siteDomain%%industry list",
    }
)
"""The paper's 19 APIs whose arguments a model judged; those of its other 31 were matched as text."""

PLAIN = frozenset(Description(name, "", {}).name for name in JUDGED)
"""The names under which `use: toolbench` offers these."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How arguments are compared: equal ones are right everywhere; else by text, but for the tools in `judged`."""

    judged: frozenset[str] = JUDGED | PLAIN

    def decide(self, tool: str, gold: Mapping[str, Json], given: Mapping[str, Json]) -> bool | None:
        """Whether the arguments are right; None where only a judge can tell.

        Differs: the paper asked its judge about equal arguments too, and got a "no" for as many as 13 of 125.
        """
        try:
            if equal(gold, given):
                return True
            return None if tool in self.judged else same_text(gold, given)
        except RecursionError:  # no gold call is nested so deeply
            return False


def equal(gold: Json, given: Json) -> bool:
    """Whether two JSON values are one and the same: see `canonical`."""
    return canonical(gold) == canonical(given)


def canonical(value: Json) -> str:
    """A value as text that is the same for the same value.

    The order of keys does not count, nor white space around a text, nor how a number is written (`2` is `2.0`, but
    not `"2"`); a letter and its accent are one character.
    """
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Json) -> Json:
    match value:
        case bool() | None:
            return value
        case str():
            return unicodedata.normalize("NFC", value).strip()
        case int() | float():
            return {"number": _number(value)}
        case Mapping():
            return {f"={unicodedata.normalize('NFC', str(key))}": _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return {"other": repr(value)}


def _number(value: float) -> str:
    return str(int(value)) if isinstance(value, int) or value.is_integer() else repr(value)


def same_text(gold: Mapping[str, Json], given: Mapping[str, Json]) -> bool:
    """The paper's string match: every gold argument is there, and its text the same but for case and outer space.

    What is given beyond the gold arguments does not count; a `Score` counts such calls beside.
    """
    return all(name in given and _text(given[name]) == _text(value) for name, value in gold.items())


def _text(value: Json) -> str:
    return str(value).strip().lower()
