"""The check that the repair of a failed call is a lesson: the call must still do what the request says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ste_graph.contracts import Json
from ste_graph.distil.grounding import ground
from ste_graph.distil.leaves import Leaf, schema_leaves
from ste_graph.distil.reading.dates import parse_day
from ste_graph.distil.reading.places import states_value
from ste_graph.tools.explanation import render_value


def is_asked(trial: Mapping[str, Json], failed: Mapping[str, Any], repaired: Mapping[str, Any], argument: str) -> bool:
    """True if a call repaired in one argument is still what the trial's request asks for.

    The request states the new value for this argument; or it is the one that failed in another form (`"three"`, 3); or
    the error names it as another word for that one.
    A number or a day that the error has put in the place of the one asked for does not count; nor does leaving out
    what the request states.
    """
    request = str(trial.get("query") or "")
    after: Mapping[str, Json] = repaired["arguments"] or {}
    before: Mapping[str, Json] = failed["arguments"] or {}
    if argument not in after:
        return not any(states_value(request, leaf) for leaf in schema_leaves(before.get(argument), {}, (argument,)))
    sources = ground(after, {}, request).sources
    own = [leaf for leaf in schema_leaves(after[argument], {}, (argument,)) if sources[leaf.name] == "nothing"]
    error, failure = str(failed["observation"]["text"]), render_value(before.get(argument))
    return all(states_value(failure, leaf) or _is_other_word(leaf, error) for leaf in own)


def _is_other_word(leaf: Leaf, error: str) -> bool:
    """True if an error names a word, as opposed to a number or a day."""
    value = leaf.value
    if isinstance(value, bool) or value is None:
        return True  # a switch, which a request seldom states in words
    named = isinstance(value, str) and parse_day(value) is None and re.fullmatch(r"[^\W\d_][\w/ .-]*", value)
    return bool(named) and states_value(error, leaf)
