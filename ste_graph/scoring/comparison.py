"""Whether the arguments of a call are those of the gold call, as far as rules can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ste_graph.contracts import Json
from ste_graph.json_values import equal
from ste_graph.tools.toolbench.description import legal_name

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

PLAIN = frozenset(map(legal_name, JUDGED))
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


def same_text(gold: Mapping[str, Json], given: Mapping[str, Json]) -> bool:
    """The paper's string match: every gold argument is there, and its text the same but for case and outer space.

    What is given beyond the gold arguments does not count; a `Score` counts such calls beside.
    """
    return all(name in given and _text(given[name]) == _text(value) for name, value in gold.items())


def _text(value: Json) -> str:
    return str(value).strip().lower()
