"""The number of exemplars handed out by a run of `quickstart.yaml` that do not do what their request says.

The simulated model states each argument by its name in one of four forms (`ste_graph.simulated.wording`), so that
here, without the rule of the gates, a request can be compared with its call.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ste_graph as ste
from ste_graph.finished import open_run
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.plausible_strings import ISO_DATE
from ste_graph.simulated.wording import date_in_words, split_name

VALUE = r"(?P<value>\"[^\"]*\"|`[^`]*`|[^;\"`]+?)"


def read_statements(query: str, parameter: str) -> Iterator[str]:
    """The values that a request of the simulated model states for a parameter."""
    name = re.escape(split_name(parameter))
    forms = (
        rf"\bthe {name} is {VALUE}(?=; |\.$|$)",
        rf"(?:^|[.?!;] ){name}: {VALUE}(?=; |\.$|$)",
        rf"\buse {VALUE} as the {name}\b",
        rf"\bwith {VALUE} for the {name}\b",
    )
    for form in forms:
        for match in re.finditer(form, query, re.IGNORECASE):
            yield match["value"].strip('"`')


def write_forms(value: Any) -> set[str]:
    """A value in the forms in which the simulated model states it."""
    if isinstance(value, bool):
        return {"yes" if value else "no"}
    forms = {str(value), json.dumps(value, ensure_ascii=False)}
    return forms | ({date_in_words(value)} if isinstance(value, str) and ISO_DATE.fullmatch(value) else set())


def find_difference(query: str, arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    """The difference of a call from its request, or None."""
    for name, part in schema.get("properties", {}).items():
        said = list(read_statements(query, name))
        does = arguments.get(name, part.get("default"))
        if said and not {*said} & write_forms(does):
            return f"{name}: the request says {', '.join(said)}, the call {does!r}"
        if not said and name in arguments and does != part.get("default", name):
            return f"{name}: the request says nothing, the call {does!r}"
    return None


def judge_exemplars(run: Path, *, grounded: bool = True) -> list[tuple[str, str | None]]:
    """The request of each exemplar that a run hands out, with what its call does otherwise.

    With `grounded` False, those that the gate `grounding` keeps back instead.
    """
    schemas = open_run(run).lock["schemas"]
    return [
        (each.query, find_difference(each.query, each.calls[-1].arguments or {}, schemas[each.tool]))
        for each in ExemplarStore.open(run).exemplars()
        if ("grounding" in each.verified) is grounded
    ]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder, "run")
        ste.load("quickstart").run(run)
        for grounded, title in ((True, "handed out"), (False, "kept back by `grounding`")):
            found = judge_exemplars(run, grounded=grounded)
            wrong = [f"{query}  {why}" for query, why in found if why]
            print(f"  {len(found)} exemplars {title}; {len(wrong)} do not do what their request says")
            for line in wrong if grounded else ():
                print(f"    {line}")


if __name__ == "__main__":
    main()
