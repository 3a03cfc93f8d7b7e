"""The check of a call's arguments against the tool's JSON Schema."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

from jsonschema.exceptions import ValidationError

from ste_graph.contracts import Json
from ste_graph.suggest import SHOWN
from ste_graph.tools.coercion import coerce
from ste_graph.tools.explanation import Explainer, rank_fault, render_value
from ste_graph.tools.prepared_schema import PreparedSchema, prepare_schema
from ste_graph.tools.threads import run_in_daemon_thread
from ste_graph.tools.validation import CheckLimits, UnfinishedError

MOST_ERRORS = 200
"""Faults of one call that are looked at."""
MOST_LINES = 10
MOST_VALUES = 10_000
"""Values, all levels together, up to which arguments are checked."""
ROUNDS = 3
"""Times that arguments are coerced: what stood in a text may itself need it."""


@dataclass(frozen=True, slots=True)
class CheckedArguments:
    """Arguments after the check: as the tool gets them, the coerced ones, and the problem if there is one.

    `unchecked` says by what they could not be checked, a sentence each.
    """

    arguments: dict[str, Json] = field(default_factory=dict)
    coerced: tuple[str, ...] = ()
    problem: str | None = None
    unchecked: tuple[str, ...] = ()


class ArgumentChecker:
    """The arguments that one tool takes; its schema is prepared once, when it is first needed.

    A tool whose schema is broken stays usable: what cannot be checked is not, and `faults` says so. Nor does a check go
    on without end: `MOST_STEPS` and `MOST_PATTERN_S` limit it, whatever the schema and the arguments are.
    """

    def __init__(self, tool: str, schema: Mapping[str, Json]) -> None:
        self.tool = tool
        self.schema = schema
        self._unchecked: dict[str, None] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """The parts of the schema that are not checked, each as a sentence that says why."""
        broken = [f"the schema of `{self.tool}` {fault}" for fault in self._prepared_schema.faults]
        if self._prepared_schema.validator is None:
            broken = [f"{fault}; the arguments are not checked" for fault in broken]
        return tuple((broken + [self._name_unchecked(what) for what in self._unchecked])[:SHOWN])

    @cached_property
    def _prepared_schema(self) -> PreparedSchema:
        return prepare_schema(self.schema)

    def check(self, arguments: Json) -> CheckedArguments:
        """The arguments as the tool may get them, or their problem, one line per fault.

        A value of the wrong type that can mean only one value of the right type is coerced.
        """
        return self._check(arguments, quick=False)

    async def check_aside(self, arguments: Json) -> CheckedArguments:
        """As `check`, without holding up the event loop: what takes more than milliseconds does so in a thread."""
        if "_prepared_schema" in vars(self):
            with contextlib.suppress(UnfinishedError):
                return self._check(arguments, quick=True)
        return await run_in_daemon_thread(lambda: self.check(arguments))

    def problem(self, arguments: Json) -> str | None:
        """The problem of the arguments; None if the tool may get them."""
        return self.check(arguments).problem

    def _check(self, arguments: Json, *, quick: bool) -> CheckedArguments:
        """The arguments after the check. Raises `UnfinishedError` if it has to be quick and cannot."""
        if not isinstance(arguments, Mapping):
            return self._refuse([f"- the arguments must be one JSON object; got {render_value(arguments)}"])
        if self._prepared_schema.validator is None:
            return CheckedArguments(dict(arguments))
        values = dict(arguments)
        if not has_at_most(values, MOST_VALUES):
            return self._pass_on(arguments, f"its schema, as they hold more than {MOST_VALUES:,} values")
        limits = CheckLimits(self._prepared_schema.parts, quick=quick)
        with limits:
            try:
                checked = self._coerce_and_check(values, limits)
            except RecursionError:
                return self._refuse(["- the arguments are nested too deeply"])
            except UnfinishedError:  # of a quick check alone
                raise
            except Exception as fault:  # a reference into what is no schema, most of all
                return self._pass_on(
                    arguments, f"its schema, which cannot be used ({type(fault).__name__}: {fault})"[:300]
                )
        unchecked = dict.fromkeys(limits.unchecked[:SHOWN])
        self._unchecked.update(unchecked)
        return replace(checked, unchecked=tuple(map(self._name_unchecked, unchecked))) if unchecked else checked

    def _pass_on(self, arguments: Mapping[str, Json], what: str) -> CheckedArguments:
        """The arguments as they are, since they cannot be checked."""
        self._unchecked[what] = None
        return CheckedArguments(dict(arguments), unchecked=(self._name_unchecked(what),))

    def _name_unchecked(self, what: str) -> str:
        return f"the arguments of `{self.tool}` were not checked by {what}"

    def _coerce_and_check(self, values: dict[str, Json], limits: CheckLimits) -> CheckedArguments:
        errors, coerced = self._list_errors(values, limits), tuple[str, ...]()
        for _ in range(ROUNDS):
            if not errors or limits.steps < 0:
                break
            changed = coerce(values, errors)
            after = self._list_errors(changed.arguments, limits) if changed.paths else errors
            if changed.left_out and changed.is_missed(errors, after):
                changed = coerce(values, errors, leave_out=False)
                after = self._list_errors(changed.arguments, limits) if changed.paths else errors
            if not changed.paths:
                break
            values, errors, coerced = changed.arguments, after, coerced + changed.paths
        if not errors:
            return CheckedArguments(values, tuple(sorted(set(coerced))))
        errors.sort(key=rank_fault)
        explain = Explainer(self._prepared_schema.validator, quick=limits.is_quick).explain
        lines = list(dict.fromkeys(line for error in errors for line in explain(error)))
        return self._refuse(lines)

    def _list_errors(self, values: dict[str, Json], limits: CheckLimits) -> list[ValidationError]:
        """The faults of the arguments, those that were found until a limit was reached."""
        errors: list[ValidationError] = []
        limits.known.clear()
        try:
            for error in islice(self._prepared_schema.validator.iter_errors(values), MOST_ERRORS):
                errors.append(error)
        except UnfinishedError:
            if limits.is_quick:
                raise
            limits.unchecked.append("all of its schema, which asks for too many comparisons")
        return errors

    def _refuse(self, lines: list[str]) -> CheckedArguments:
        more = [f"- and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
        head = f"Invalid arguments for `{self.tool}`:"
        return CheckedArguments(problem="\n".join([head, *lines[:MOST_LINES], *more]))


def has_at_most(value: dict[str, Json], most: int) -> bool:
    """True if an object and all that it holds are at most so many values."""
    waiting: list[Json] = [value]
    count = 1
    while waiting:
        node = waiting.pop()
        parts = node.values() if isinstance(node, dict) else node
        count += len(parts)
        if count > most:
            return False
        waiting += [part for part in parts if isinstance(part, (dict, list))]
    return True
