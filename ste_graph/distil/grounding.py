"""Grounding: tracing each value of a call to its source in the request or in the result of an earlier call."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ste_graph.contracts import Json
from ste_graph.distil.binding import BindingCandidate, bind, find_candidates
from ste_graph.distil.composed.composed import Composed, keeps_order, take_apart
from ste_graph.distil.composed.grounds import Grounds
from ste_graph.distil.leaves import Leaf, is_default, resolve_alternatives, schema_leaves
from ste_graph.distil.reading.choices import find_choice, read_switch
from ste_graph.distil.reading.modifiers import allows
from ste_graph.distil.reading.numbers import parse_number
from ste_graph.distil.reading.places import kind_at, states_number, states_value
from ste_graph.distil.reading.request import Request, TextSpan, parse_request
from ste_graph.distil.reading.roles import Parameters, find_label, find_labelled_words, read_parameters
from ste_graph.distil.reading.series import Series, is_list
from ste_graph.distil.reading.zones import find_zone_places, list_zones, place_names

Source: TypeAlias = Literal["request", "observation", "default", "nothing"]
"""The source of a value."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """The source of each value of a call, and what the request asks for that the call leaves out."""

    sources: Mapping[str, Source]
    """By the path of the value."""
    spans: tuple[TextSpan, ...]
    """The places of the request that the values take."""
    left_out: tuple[str, ...]
    """The parameters of which the request says something else than their default, which is what the call takes."""
    missing: Mapping[str, str]
    """By the path of a composed value, the part of it that has no source."""
    series: tuple[Series, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True if every value has a source, and no parameter is left out against the request."""
        return "nothing" not in self.sources.values() and not self.left_out


def trace_values(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
    description: str = "",
) -> Mapping[str, Source]:
    """The source of each value of a call, by its path, see `ground`."""
    return ground(arguments, parameters, request, observations, free=free, description=description).sources


def ground(
    arguments: Mapping[str, Json],
    parameters: Mapping[str, Json],
    request: str,
    observations: Sequence[str] = (),
    *,
    free: Collection[str] = (),
    description: str = "",
) -> Grounding:
    """Traces each value of a call to the request, or to the results of earlier calls that succeeded.

    A value belongs to the parameter that the request gives it to, and a place in the request gives one value, unless
    the request says `both`. A value that is the schema's default, or the only one that the schema allows, needs no
    other source, unless the request says another. A composed value, such as a query, has a source if each of its parts
    has one; `description` is the tool's, which names tables, columns and keys. A parameter in `free` is not looked at:
    it counts as the request's.
    """
    text = parse_request(request)
    every = list(schema_leaves(arguments, parameters))
    known = read_parameters((leaf.parameter for leaf in every), parameters)
    sources: dict[str, Source] = {}
    open_leaves: list[Leaf] = []
    for leaf in every:
        if leaf.path[0] in free:
            sources[leaf.name] = "request"
        elif isinstance(leaf.value, bool):
            sources[leaf.name] = _trace_switch(text, leaf)
        elif is_default(leaf):
            sources[leaf.name] = "nothing" if _says_otherwise(text, leaf, known) else "default"
        else:
            sources[leaf.name] = "nothing"
            open_leaves.append(leaf)
    about = "\n".join([description, *(str(leaf.schema.get("description") or "") for leaf in open_leaves)])
    documents = [leaf.value for leaf in open_leaves if isinstance(leaf.value, str) and leaf.value[:1] in ("{", "[")]
    grounds = Grounds(text, known, observations, about, [text for text in documents if text in request])
    taken = [(leaf, take_apart(leaf, grounds)) for leaf in open_leaves]
    parts = [part for _, composed in taken if composed for part in composed.leaves]
    named = known
    if parts:
        named = read_parameters([*(leaf.parameter for leaf in every), *_labels(parts)], parameters)
        named = replace(named, roles=known.roles, partners=known.partners)
    places = [(leaf, None) for leaf, composed in taken if composed is None]
    candidates = find_candidates(text, [*(leaf for leaf, _ in places), *parts], named)
    for candidate, atom in zip(
        candidates[len(places) :], (atom for _, composed in taken if composed for atom in composed.atoms), strict=True
    ):
        candidate.spans = [span for span in candidate.spans if allows(text, atom, span)]
    bound = bind(text, candidates)
    missing: dict[str, str] = {}
    for index, (leaf, _) in enumerate(places):
        sources[leaf.name] = _trace(candidates[index], index in bound, observations)
    start = len(places)
    for leaf, composed in taken:
        if composed is not None:
            spans = {place: bound[start + place] for place in range(len(composed.leaves)) if start + place in bound}
            own = candidates[start : start + len(composed.leaves)]
            sources[leaf.name], lost = _trace_composed(text, composed, own, spans, grounds, named)
            missing |= {leaf.name: lost} if lost else {}
            start += len(composed.leaves)
    return Grounding(
        sources,
        tuple(bound.values()),
        tuple(_left_out(text, arguments, parameters, known)),
        missing,
        _series(candidates, bound),
    )


def _trace(candidate: BindingCandidate, bound: bool, observations: Sequence[str]) -> Source:
    if bound:
        return "request"
    if not candidate.contradicted and any(states_value(text, candidate.leaf) for text in observations):
        return "observation"
    return "nothing"


def _series(candidates: Sequence[BindingCandidate], bound: Mapping[int, TextSpan]) -> tuple[Series, ...]:
    """The values that are alike: the items of a list, the values of a column."""
    found: dict[tuple[str | int, ...], list[TextSpan]] = {}
    lists: set[tuple[str | int, ...]] = set()
    for index, candidate in enumerate(candidates):
        leaf = candidate.leaf
        if index not in bound or not isinstance(leaf.value, str):
            continue
        path = leaf.path[:-1] if isinstance(leaf.path[-1], int) else leaf.path
        found.setdefault(path, []).append(bound[index])
        if is_list(leaf):
            lists.add(path)
    return tuple(Series(tuple(spans), path in lists) for path, spans in found.items() if len(path) > 1 or path in lists)


def _labels(parts: Sequence[Leaf]) -> Iterator[str]:
    """The names that the parts of composed values go by; of `from` and `to` both, so that each rules out the other."""
    labels = {part.parameter for part in parts if not isinstance(part.value, bool)}
    yield from sorted(labels | ({"from", "to"} if labels & {"from", "to"} else set()))


def _trace_composed(
    request: Request,
    composed: Composed,
    candidates: Sequence[BindingCandidate],
    spans: Mapping[int, TextSpan],
    grounds: Grounds,
    parameters: Parameters,
) -> tuple[Source, str | None]:
    """The source of a composed value, and the part of it that has none; `spans` are the places of its parts."""
    if composed.missing is not None:
        return "nothing", composed.missing
    for place, candidate in enumerate(candidates):
        part = candidate.leaf
        if isinstance(part.value, bool):
            source = _trace_switch(request, part)
        else:
            source = "default" if part.value is None else _trace(candidate, place in spans, grounds.observations)
        if source == "nothing":
            return "nothing", str(part.value)
    if not keeps_order(composed, spans, request, parameters):
        return "nothing", "its order"
    return ("request" if spans or not grounds.observations else "observation"), None


def _trace_switch(request: Request, leaf: Leaf) -> Source:
    state = read_switch(request, leaf.parameter)
    if state is None:
        return "default" if is_default(leaf) else "nothing"
    return ("default" if is_default(leaf) else "request") if state == leaf.value else "nothing"


def _says_otherwise(request: Request, leaf: Leaf, parameters: Parameters) -> bool:
    """True if the request says of a parameter something else than the value that it has by default."""
    schema, name = leaf.schema, leaf.parameter
    if "enum" in schema:
        return isinstance(leaf.value, str) and find_choice(request, name, leaf.value, schema, parameters) is None
    named = [request.cased[span.start : span.end] for span in find_labelled_words(request, name, parameters)]
    if schema.get("type") == "string" and not all(isinstance(leaf.value, str) and word in leaf.value for word in named):
        return True
    if _takes_zone(schema) and _names_other_zone(request, leaf.value):
        return True
    return any(
        find_label(request, span, kind_at(request, span), parameters) == name
        and not request.is_negated(span)
        and not _is_stated_at(request, span, leaf)
        for span in find_mentions(request)
    )


def _takes_zone(schema: Mapping[str, Json]) -> bool:
    texts = [schema.get("default"), *(schema.get("examples") or ())]
    return any(isinstance(text, str) and "/" in text and text in list_zones() for text in texts)


def _names_other_zone(request: Request, zone: Json) -> bool:
    """True if a request names a time zone, or a city that represents one, and not the one that is given."""
    own = {str(zone), *(place_names(str(zone)))}
    spans = [TextSpan(*place) for place in find_zone_places(request.cased)]
    open_spans = [span for span in spans if not request.is_quoted(span)]
    return any(request.cased[span.start : span.end] not in own and not request.is_negated(span) for span in open_spans)


def find_mentions(request: Request) -> Iterator[TextSpan]:
    """Yields the places of the numbers, days and times of a request outside its quoted texts, and of these."""
    yield from (span for span in request.mentions if not request.is_quoted(span))
    yield from request.quotes


def _is_stated_at(request: Request, span: TextSpan, leaf: Leaf) -> bool:
    if isinstance(leaf.value, int | float):
        number = parse_number(repr(leaf.value))
        return any(n.start == span.start and states_number(n, number, leaf.schema) for n in request.numbers)
    return isinstance(leaf.value, str) and states_value(request.cased[span.start : span.end], leaf)


def _left_out(
    request: Request, arguments: Mapping[str, Json], schema: Mapping[str, Json], parameters: Parameters
) -> Iterator[str]:
    """The parameters that the call leaves out though the request says something of them."""
    properties = schema.get("properties")
    for name, part in properties.items() if isinstance(properties, Mapping) else ():
        if name in arguments or not isinstance(part, Mapping):
            continue
        own = resolve_alternatives(part)
        default = own.get("default")
        if own.get("type") == "boolean":
            state = read_switch(request, name)
            if state is not None and state != bool(default):
                yield name
        elif _says_otherwise(request, Leaf((name,), default, own), parameters) or (
            "enum" in own and default is None and _names_choice(request, name, own, parameters)
        ):
            yield name


def _names_choice(request: Request, name: str, schema: Mapping[str, Json], parameters: Parameters) -> bool:
    """True if the request names just one choice of a parameter that has no default."""
    choices = [choice for choice in schema["enum"] if isinstance(choice, str)]
    return sum(bool(find_choice(request, name, choice, schema, parameters)) for choice in choices) == 1
