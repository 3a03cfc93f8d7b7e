"""The opened memory of values: what is known as a wave of units begins, and which of it a tool can use."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

from ste_graph.contracts import DrawnValue, Json, ReadResult
from ste_graph.errors import RunError
from ste_graph.files.atomic import write_atomically, write_error
from ste_graph.memory.values.fields import FieldValue, Scalar, read_fields
from ste_graph.memory.values.matching import ToolParameter, list_parameters, words_of

GIVEN = "the workflow"
EXAMPLE = "the tool's examples"


class ValuePool:
    """A `ValueStore` (see contracts)."""

    def __init__(self, given: Mapping[str, Sequence[Scalar]], folder: Path) -> None:
        self._given = given
        self._folder = folder
        self._fields: list[FieldValue] = []

    def begin_wave(self, number: int, results: Iterable[ReadResult]) -> None:
        """Hold the values in `results`; if the wave began before, in an earlier process, those that it began with."""
        file = self._folder / f"wave-{number}.json"
        try:
            if file.exists():
                self._fields = [FieldValue(**line) for line in json.loads(file.read_text(encoding="utf-8"))]
                return
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(file, error) from error
        except (ValueError, TypeError):
            raise RunError(f"{file}: is damaged; delete it and run the same command again") from None
        found: dict[tuple[Scalar, tuple[str, ...]], FieldValue] = {}
        for result in results:
            for field in read_fields(result):
                found.setdefault((field.value, field.words), field)
        self._fields = list(found.values())
        write_atomically(file, json.dumps([field.model_dump(mode="json") for field in self._fields]))

    def waiting_rank(self, tool: Mapping[str, Json]) -> int:
        needed = [each for each in list_parameters(tool) if each.is_required]
        if not all(self._known_values(each) for each in needed if each.is_identifier):
            return 2
        return 0 if all(self._known_values(each) for each in needed if each.takes_any_word) else 1

    def draw(self, tool: Mapping[str, Json], k: int, seed: int) -> dict[str, list[DrawnValue]]:
        """At most `k` values for each parameter of `tool` that some are known for; which ones depends on `seed`."""
        drawn = {}
        for parameter in list_parameters(tool):
            if values := self._known_values(parameter):
                drawn[parameter.name] = Random(f"{seed} {parameter.name}").sample(values, min(k, len(values)))
        return drawn

    def _known_values(self, parameter: ToolParameter) -> list[DrawnValue]:
        """The values that exist for a parameter, those of the best source alone."""
        if "enum" in parameter.schema or "const" in parameter.schema:
            return []
        for key in (f"{parameter.tool['name']}.{parameter.name}", parameter.name):
            if given := self._given.get(key):
                return [DrawnValue(value=value, origin=GIVEN) for value in given if parameter.accepts(value)]
        if parameter.takes_any_word:
            found = self._known_words(parameter)
        elif parameter.is_identifier or parameter.is_searched_by:
            found = _best(parameter, [(parameter.match(field), field.value, field.place) for field in self._fields])
            found = found or self._told_values(parameter)
        else:
            return []
        return found or [DrawnValue(value=value, origin=EXAMPLE) for value in parameter.examples]

    def _told_values(self, parameter: ToolParameter) -> list[DrawnValue]:
        """The identifiers of the only thing that the description speaks of: `ship_date` takes the `id` of an order."""
        named = [owner for owner in self._owners(parameter) if parameter.is_told_of(owner)]
        if len(named) != 1:
            return []
        own = [field for field in self._fields if parameter.may_be_of(field) and field.words[-2] == named[0]]
        return _best(parameter, [(1, field.value, field.place) for field in own])

    def _owners(self, parameter: ToolParameter) -> list[str]:
        """The things whose identifiers are known, and that the parameter may name."""
        return sorted({field.words[-2] for field in self._fields if parameter.may_be_of(field)})

    def explain_missing(self, tool: Mapping[str, Json]) -> dict[str, str]:
        """The reasons that no value is known for identifiers that a call of the tool must give, by parameter."""
        found = {}
        for parameter in list_parameters(tool):
            if parameter.is_required and parameter.is_identifier and not self._known_values(parameter):
                owners = self._owners(parameter)
                named = [owner for owner in owners if parameter.is_told_of(owner)]
                if named:
                    found[parameter.name] = f"it may be that of {' or '.join(named)}, which its description mentions"
                elif owners:
                    found[parameter.name] = f"known are those of {', '.join(owners)}, and nothing says that it is one"
                else:
                    found[parameter.name] = "no answer of a tool has one"
        return found

    def _known_words(self, parameter: ToolParameter) -> list[DrawnValue]:
        """The words, each once, of texts that the tool of the parameter may find."""
        ranks = [(parameter.match_text(field), field) for field in self._fields]
        words: dict[tuple[int, str], tuple[int, Scalar, str]] = {}
        for rank, field in ranks:
            for word in words_of(field) if rank else ():
                words.setdefault((rank, word.lower()), (rank, word, field.place))
        return _best(parameter, list(words.values()))


def _best(parameter: ToolParameter, ranked: Sequence[tuple[int, Scalar, str]]) -> list[DrawnValue]:
    """The values of the best rank above 0 that the parameter accepts, of `(rank, value, place)`."""
    best = max((rank for rank, _, _ in ranked), default=0)
    return [
        DrawnValue(value=value, origin=place)
        for rank, value, place in ranked
        if rank == best > 0 and parameter.accepts(value)
    ]
