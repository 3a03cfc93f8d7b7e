"""The services of BFCL's multi-turn questions: the leaderboard's own classes, of the package `bfcl-eval`.

A call changes the state of its service. BFCL compares states, so that other calls that lead to the same state are as
right. No text of a reply is evaluated as code. As a program it answers one job a line, see `EnvironmentProcess`.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ste_graph.contracts import Json

Calls: TypeAlias = Sequence[tuple[str, Mapping[str, Json]]]
"""Calls by the function's name, with their arguments."""

SOURCES: Final[Mapping[str, str]] = {
    "GorillaFileSystem": "gorilla_file_system",
    "MathAPI": "math_api",
    "MessageAPI": "message_api",
    "TicketAPI": "ticket_api",
    "TradingBot": "trading_bot",
    "TravelAPI": "travel_booking",
    "TwitterAPI": "posting_api",
    "VehicleControlAPI": "vehicle_control",
}
"""The file that defines each class, which is also the file in `func_doc` that documents it."""

_PACKAGE: Final = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
_STATELESS: Final = frozenset({"MathAPI"})


@dataclass(frozen=True, slots=True)
class Scenario:
    """The services of a question, and the state in which they begin."""

    classes: tuple[str, ...]
    initial: Mapping[str, Json] = field(default_factory=dict)
    long_context: bool = False


def find_difference(scenario: Scenario, expected: Sequence[Calls], given: Sequence[Calls]) -> str | None:
    """The first turn after which the calls have not done what the expected ones do, as a sentence; None: no turn.

    After each turn in which calls are expected, the states must be equal, and the results of its expected calls must
    be among the results so far. What is done in another turn is not looked at before the next.
    """
    right, tried = _Environment(scenario), _Environment(scenario)
    so_far: list[str] = []
    for number, (wanted, calls) in enumerate(zip(expected, given, strict=True), 1):
        so_far += tried.run(calls)
        results = right.run(wanted)
        if not wanted:
            continue
        if not calls:
            return f"turn {number}: no call is made"
        if (attribute := right.find_difference(tried)) is not None:
            return f"turn {number}: `{attribute}` is not as the expected calls leave it"
        rest = list(so_far)
        for (name, _), result in zip(wanted, results, strict=True):
            if result not in rest:
                return f"turn {number}: the result of the expected call of `{name}` is missing"
            rest.remove(result)
    return None


class _Environment:
    """The services of one question."""

    def __init__(self, scenario: Scenario) -> None:
        self._services: dict[str, Any] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        for name in scenario.classes:
            service = getattr(importlib.import_module(f"{_PACKAGE}.{SOURCES[name]}"), name)()
            if name not in _STATELESS:
                initial = copy.deepcopy(scenario.initial.get(name, {}))
                service._load_scenario(initial, long_context=scenario.long_context)
            self._services[name] = service
            methods = inspect.getmembers(service, inspect.ismethod)
            self._functions.update({key: method for key, method in methods if not key.startswith("_")})

    def run(self, calls: Calls) -> list[str]:
        """The result of each call, as text; an error is one too."""
        return [self._call(name, arguments) for name, arguments in calls]

    def find_difference(self, other: _Environment) -> str | None:
        """The first public attribute in which the state of another differs, as `Class.attribute`; None: none does."""
        for name, service in self._services.items():
            theirs = other._services[name]
            for attribute, value in vars(service).items():
                if not attribute.startswith("_") and getattr(theirs, attribute) != value:
                    return f"{name}.{attribute}"
        return None

    def _call(self, name: str, arguments: Mapping[str, Json]) -> str:
        try:
            if name not in self._functions:
                raise NameError(f"name '{name}' is not defined")
            result = self._functions[name](**copy.deepcopy(dict(arguments)))
        except Exception as error:
            return f"Error during execution: {error}"
        if isinstance(result, dict):
            try:
                return json.dumps(result)
            except (TypeError, ValueError):
                return str(result)
        return str(result)


def main() -> None:
    """Says `ready`, and answers jobs, one a line: the difference, or the reason why the classes cannot be run."""
    answers, sys.stdout = sys.stdout, sys.stderr  # a class that prints does not answer
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = {"difference": find_difference(Scenario(**job["scenario"]), job["expected"], job["given"])}
        except Exception as error:
            answer = {"fault": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
