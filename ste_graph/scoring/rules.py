"""The rules by which a reply is labelled: how it is read, and how its arguments are compared with the gold ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Literal

from ste_graph.contracts import Frozen, Json
from ste_graph.json_values import digest, equal, equality_key
from ste_graph.protocols.form import Form, Parser
from ste_graph.scoring.case import GoldCall
from ste_graph.tools.toolbench.description import plain_name

JUDGED: Final = frozenset(
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

PLAIN_NAMES: Final = frozenset(map(plain_name, JUDGED))
"""The names under which `use: toolbench` offers these."""

VERSION: Final = 3
"""Raised when other labels follow from the same settings: replies that were labelled before are then labelled anew."""


class LabelRules(Frozen):
    """The rules by which replies are read and their arguments are compared."""

    parser: Parser = Parser.tolerant
    exact_names: bool = True
    """False if a name that no tool has counts as the one that is spelt most like it."""
    judged: tuple[str, ...] | Literal["all"] | None = None
    """The tools whose arguments only a judge can compare if they are not equal; None: the paper's 19."""

    def needs_judge(self, tool: str) -> bool:
        """True if only a judge can compare arguments of this tool that are not equal."""
        if self.judged is None:
            return tool in JUDGED or tool in PLAIN_NAMES
        return self.judged == "all" or tool in self.judged

    def compare(self, gold: GoldCall, given: Mapping[str, Json]) -> bool | None:
        """True if a call of the right tool has the right arguments, False if not, None if only a judge can tell.

        Differs: the paper asked its judge about equal arguments too, and got a "no" for as many as 13 of 125.
        """
        try:
            if gold.arguments_key == equality_key(given):
                return True
            return None if self.needs_judge(gold.tool) else same_text(gold.arguments, given)
        except RecursionError:  # no gold call is nested so deeply
            return False

    def digest(self, tool: str, names: Iterable[str], form: Form = "react") -> str:
        """A hash of all that the label of a reply to a case of `tool` depends on, but the reply.

        Args:
            tool: The tool of the gold call.
            names: The legal names.
            form: The form in which a call was asked for.
        """
        return _digest(self.parser, self.exact_names, self.needs_judge(tool), tuple(names), form)


def same_text(gold: Mapping[str, Json], given: Mapping[str, Json]) -> bool:
    """The paper's string match: every gold argument is there, equal or with the same text but for case and outer space.

    Arguments beyond the gold ones do not count here; a `ScoreSheet` counts such calls separately.
    """
    return all(name in given and _is_same(value, given[name]) for name, value in gold.items())


@lru_cache(maxsize=1024)  # the replies of a test share their names
def _digest(parser: Parser, exact_names: bool, judge: bool, names: tuple[str, ...], form: Form) -> str:
    return digest([VERSION, parser, exact_names, judge, sorted(names), form], length=16)


def _is_same(gold: Json, given: Json) -> bool:
    return _text(given) == _text(gold) or equal(given, gold)


def _text(value: Json) -> str:
    return str(value).strip().lower()
