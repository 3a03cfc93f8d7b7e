"""The keywords of JSON Schema, in each of its dialects, within limits: no stranger's schema can hold up a run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft7Validator, Draft201909Validator, Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from ste_graph.contracts import Json
from ste_graph.tools.evaluated import find_evaluated
from ste_graph.tools.formats import FORMATS
from ste_graph.tools.patterns import PatternError, Stopwatch

MOST_STEPS = 30_000
"""Keywords that one check may look at; some half a second of work."""
MOST_PATTERN_S = 0.5
"""Seconds that all patterns of one check may take together."""
QUICK_STEPS, QUICK_PATTERN_S = 400, 0.005
"""The same for a check on the event loop: some milliseconds."""
FAULTS_OF_A_BRANCH = 30
"""Faults of one option of `anyOf`, or by one reference, that are looked for."""
MOST_REFERENCES = 50
"""References within one another that a check follows; the stack would end soon after, also within compiled code."""

Keyword = Callable[[Any, Any, Any, Any], Any]


class UnfinishedError(Exception):
    """A check that would go beyond its limits."""


class CheckLimits:
    """The limits of one check, and the parts it could not check. Inside its `with`, validators stay within them.

    `parts` are the validators of the schema's parts that were met so far, if they are the same in each place.
    """

    def __init__(self, parts: dict[int, Any] | None, *, quick: bool) -> None:
        self.parts = parts
        self.steps = QUICK_STEPS if quick else MOST_STEPS
        self.unchecked: list[str] = []
        self.known: dict[tuple[int, int], list[ValidationError]] = {}
        """The faults of a value, by a reference and the value: it is checked once by each, and circles end."""
        self.references = 0
        """The number of references that are being followed, each within the one before."""
        self.is_quick = quick
        self._outer: Token[CheckLimits]
        self._patterns = Stopwatch(QUICK_PATTERN_S if quick else MOST_PATTERN_S, release=not quick)

    def __enter__(self) -> None:
        self._outer = _LIMITS.set(self)

    def __exit__(self, *_: object) -> None:
        _LIMITS.reset(self._outer)

    def spend(self, steps: int = 1) -> None:
        """Counts steps. Raises `UnfinishedError` when there are too many."""
        self.steps -= steps
        if self.steps < 0:
            raise UnfinishedError

    def is_match(self, pattern: str, text: str) -> bool:
        """True if the pattern is found in the text, or if that cannot be found out: this is then `unchecked`."""
        try:
            return self._patterns.is_match(pattern, text)
        except PatternError as fault:
            self.unchecked.append(f"the pattern `{pattern:.100}`: {fault}")
        except TimeoutError:
            if self.is_quick:
                raise UnfinishedError from None
            self.unchecked.append(f"the pattern `{pattern:.100}`: it takes too long on {len(text):,} characters")
        return True


_LIMITS: ContextVar[CheckLimits] = ContextVar("limits of the check")


@lru_cache
def limit_class(dialect: Any) -> Any:
    """The validator class of a dialect of JSON Schema, with all of its keywords within limits."""
    keywords = {"dependencies": Draft7Validator.VALIDATORS["dependencies"], **dialect.VALIDATORS}
    changed = {name: KEYWORDS.get(name, keyword) for name, keyword in keywords.items()}
    return extend(dialect, {name: _count_steps(keyword) for name, keyword in changed.items()})  # type: ignore[no-untyped-call]


def make_validator(dialect: Any, schema: Json) -> Any:
    """A validator of the schema. References lead to parts of the schema alone: nothing is downloaded."""
    return limit_class(dialect)(schema, registry=Registry(), format_checker=FORMATS)


def find_extras(instance: Mapping[str, Json], schema: Mapping[str, Json]) -> list[str]:
    """The names in an object that neither `properties` nor `patternProperties` of the schema describe."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    limits = _LIMITS.get()
    return [
        name
        for name in instance
        if name not in properties and not any(limits.is_match(pattern, name) for pattern in patterns)
    ]


def _count_steps(keyword: Keyword) -> Keyword:
    def count_and_check(validator: Any, value: Any, instance: Json, schema: Json) -> Any:
        _LIMITS.get().spend()
        return keyword(validator, value, instance, schema)

    return count_and_check


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _LIMITS.get().is_match(pattern, instance):
        yield ValidationError("no match")


def _properties(validator: Any, parts: Mapping[str, Json], instance: Json, schema: Json) -> Iterator[ValidationError]:
    for name, part in parts.items() if isinstance(instance, Mapping) else ():
        if name in instance and part is False:
            yield ValidationError("nothing is allowed", validator="false", validator_value=False, path=[name])
        elif name in instance:
            yield from _check_part(validator, part, instance[name], name)


def _check_part(validator: Any, part: Json, value: Json, name: str) -> Iterator[ValidationError]:
    parts = _LIMITS.get().parts
    known = parts.get(id(part)) if parts is not None else None
    if known is None:
        if parts is None or not isinstance(part, Mapping):
            yield from validator.descend(value, part, path=name, schema_path=name)
            return
        known = parts[id(part)] = validator.evolve(schema=part)
    for fault in known.iter_errors(value):
        fault.relative_path.appendleft(name)
        fault.relative_schema_path.appendleft(name)
        yield fault


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Json], instance: Json, schema: Json
) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            _LIMITS.get().spend()
            if _LIMITS.get().is_match(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Json, instance: Json, schema: Any) -> Iterator[ValidationError]:
    extras = find_extras(instance, schema) if isinstance(instance, Mapping) else []
    if isinstance(allowed, Mapping):
        for name in extras:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extras:
        yield ValidationError("unknown names")


def _unevaluated_properties(validator: Any, allowed: Json, instance: Json, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, Mapping):
        return
    evaluated = find_evaluated(validator, instance, schema, _LIMITS.get())
    extras = [name for name in instance if name not in evaluated]
    if isinstance(allowed, Mapping):
        for name in extras:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extras:
        yield ValidationError("unknown names", validator="unevaluatedProperties", validator_value=extras)


def _any_of(validator: Any, options: Sequence[Json], instance: Json, schema: Json) -> Iterator[ValidationError]:
    faults: list[ValidationError] = []
    for at, option in enumerate(options):
        found = _list_faults(validator, option, instance, at)
        if not found:
            return
        faults += found
    yield ValidationError("no option fits", context=faults)


def _one_of(validator: Any, options: Sequence[Json], instance: Json, schema: Json) -> Iterator[ValidationError]:
    faults: list[ValidationError] = []
    fitting: list[Json] = []
    for at, option in enumerate(options):
        found = _list_faults(validator, option, instance, at)
        faults += found
        fitting += [] if found else [option]
    if not fitting:
        yield ValidationError("no option fits", context=faults)
    elif len(fitting) > 1:
        yield ValidationError("several options fit", validator="oneOf", validator_value=fitting)


def _list_faults(validator: Any, option: Json, instance: Json, at: int) -> list[ValidationError]:
    """The faults of a value by one option; without their messages, each of which holds the value once more."""
    faults = []
    for fault in islice(validator.descend(instance, option, schema_path=at), FAULTS_OF_A_BRANCH):
        fault.message, fault.args = "", ()
        faults.append(fault)
    return faults


def _multiple_of(validator: Any, step: Any, instance: Json, schema: Json) -> Iterator[ValidationError]:
    """As people count: 19.99 is a multiple of 0.01, though no float is."""
    if isinstance(instance, bool) or not isinstance(instance, int | float):
        return
    try:
        multiple = (Fraction(repr(instance)) / Fraction(repr(step))).denominator == 1
    except (ValueError, ZeroDivisionError):  # infinity, a step of 0
        multiple = False
    if not multiple:
        yield ValidationError("no multiple")


def _unique_items(validator: Any, wanted: bool, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    _LIMITS.get().spend(len(instance))
    if len({freeze(item) for item in instance}) < len(instance):
        yield ValidationError("repeated items")


def freeze(value: Json) -> Hashable:
    """A value that is equal for equal JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, Mapping):
        return frozenset((name, freeze(part)) for name, part in value.items())
    if isinstance(value, list):
        return tuple(map(freeze, value))
    return (isinstance(value, bool), value)


def _enum(validator: Any, values: Sequence[Json], instance: Json, schema: Json) -> Any:
    _LIMITS.get().spend(len(values) // 20)
    return Draft7Validator.VALIDATORS["enum"](validator, values, instance, schema)


def _reference(validator: Any, target: str, instance: Json, schema: Json) -> Iterator[ValidationError]:
    limits, place = _LIMITS.get(), (id(schema), id(instance))
    if place in limits.known:
        yield from map(_copy_fault, list(limits.known[place]))
        return
    if limits.references >= MOST_REFERENCES:
        raise RecursionError("too many references within one another")
    found = limits.known[place] = []
    complete = False
    limits.references += 1
    try:
        for fault in islice(_follow_reference(validator, target, instance, schema), FAULTS_OF_A_BRANCH):
            found.append(_copy_fault(fault))
            yield fault
        complete = True
    finally:
        limits.references -= 1
        if not complete and not found:
            del limits.known[place]


def _follow(keyword: Keyword) -> Keyword:
    def follow_and_check(validator: Any, target: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
        try:
            if not isinstance(target, str):
                raise Unresolvable(ref=target)
            yield from keyword(validator, target, instance, schema)
        except Unresolvable:
            _LIMITS.get().unchecked.append(f"what `{target!s:.100}` describes: this reference leads nowhere")

    return follow_and_check


_follow_reference = _follow(Draft7Validator.VALIDATORS["$ref"])


def _copy_fault(fault: ValidationError) -> ValidationError:
    """The fault as its own object, for another place; without the faults inside it."""
    return ValidationError(
        "",
        validator=fault.validator,
        validator_value=fault.validator_value,
        instance=fault.instance,
        schema=fault.schema,
        path=fault.relative_path,
        schema_path=fault.relative_schema_path,
    )


KEYWORDS: Mapping[str, Keyword] = {
    "pattern": _pattern,
    "properties": _properties,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "unevaluatedProperties": _unevaluated_properties,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "multipleOf": _multiple_of,
    "divisibleBy": _multiple_of,
    "uniqueItems": _unique_items,
    "enum": _enum,
    "$ref": _reference,
    "$dynamicRef": _follow(Draft202012Validator.VALIDATORS["$dynamicRef"]),
    "$recursiveRef": _follow(Draft201909Validator.VALIDATORS["$recursiveRef"]),
}
"""Keywords that are checked other than by `jsonschema`."""
