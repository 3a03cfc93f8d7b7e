"""Packs made from runs: the exemplars and lessons that were adopted, along with everything else that a pack needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from ste_graph.contracts import VERIFIED, Json
from ste_graph.distil.example import Definition
from ste_graph.errors import WorkflowError
from ste_graph.forms.description import DescriptionRecord
from ste_graph.forms.reading import read_descriptions, read_guidelines
from ste_graph.json_values import canonical_json
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.memory.exemplars.held_out import find_held_out
from ste_graph.memory.exemplars.lessons import lessons_from_exemplars, read_kept_lessons
from ste_graph.memory.exemplars.rendering import exemplars_text
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.packs.check import find_file_leaks
from ste_graph.packs.content import LeftOut, drop_leaks, pack_files
from ste_graph.packs.leaks import LeakFinder
from ste_graph.packs.manifest import FORMAT, Manifest
from ste_graph.packs.pack import Pack, ToolDefinition, ToolDescription, open_adopted_pack
from ste_graph.packs.pseudonyms import Pseudonyms
from ste_graph.packs.since import find_current
from ste_graph.packs.skill import skill_name
from ste_graph.packs.sources import PackSource, short_label
from ste_graph.packs.texts import require_clean_texts
from ste_graph.packs.values import PackData
from ste_graph.tools.arguments import ArgumentChecker

_Form = TypeVar("_Form")

SHOWN = 3
"""Exemplars of a tool that a SKILL.md may show."""


@dataclass(frozen=True)
class NewPack:
    """A pack that is not written yet: its manifest, its files, and what a person should know before it goes out."""

    manifest: Manifest
    files: Mapping[str, bytes]
    data: PackData
    left_out: LeftOut
    pseudonyms: Pseudonyms | None


def build_pack(
    source: PackSource,
    name: str,
    *,
    pseudonyms: bool = False,
    keeps: Sequence[str] = (),
    finder: LeakFinder | None = None,
) -> NewPack:
    """Builds the pack of a decision. With `pseudonyms`, other values replace those of the tools.

    Raises `WorkflowError` if something it needs is no longer there, or a tool's definition holds what no pack may.
    """
    finder = finder or LeakFinder(named=source.secret_variables)
    data, left_out = drop_leaks(collect_data(source), finder, keeps)
    require_clean_texts(source, data)
    drawn = Pseudonyms.of(data) if pseudonyms else None
    if drawn is not None:
        data = _keep_grounded(drawn.apply(data), left_out)
        _require_replaced(data, drawn)
    if not (data.exemplars or data.lessons or data.guideline or data.descriptions):
        raise WorkflowError(
            "\n  ".join(
                [f"{source.run}: nothing is left that a pack could carry; nothing was written:", *left_out.lines]
            )
        )
    manifest = Manifest(
        format=FORMAT,
        name=skill_name(name),
        made=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        version=version("ste-graph"),
        adopted=source.is_adopted,
        simulated=source.evaluation.simulated,
        arm=source.arm,
        model=source.model,
        forms=tuple(source.subject.forms),
        tools=source.tools,
        keeps=tuple(keeps),
        pseudonyms=pseudonyms,
        files={},
    )
    notes = [*left_out.lines, *(["Pseudonyms stand for values of the tools."] if pseudonyms else [])]
    files = pack_files(manifest, data, source.evidence(), _examples(data), notes)
    if problems := find_file_leaks(files, finder, keeps):
        raise WorkflowError("\n  ".join([f"{source.run}: this must not go out; nothing was written:", *problems]))
    return NewPack(manifest, files, data, left_out, drawn)


def collect_data(source: PackSource) -> PackData:
    """The data of the adopted forms, for the tools that they were adopted for."""
    data = PackData(definitions=source.definitions, cases=[case.model_dump(mode="json") for case in source.cases])
    tools = frozenset(source.tools)
    for form, run in source.runs.items():
        match form:
            case "exemplars":
                exemplars = [each for each in _read_exemplars(run.path) if _is_offered(each, tools, source.definitions)]
                recall = source.settings["nodes"].get("recall") or {}
                data.exemplars = [_to_plain(each, whole=bool(recall.get("observations"))) for each in exemplars]
            case "lessons":
                trials = _read_exemplars(run.path)
                held_out = find_held_out(source.distilled.path, trials)
                found = lessons_from_exemplars(trial for trial in trials if trial.id not in held_out)
                found += read_kept_lessons(run.path, source.since).lessons if source.since else []
                data.lessons = [
                    each.model_dump(mode="json") for each in found if each.tool in tools and not each.is_retired
                ]
            case "guideline":
                earlier = open_adopted_pack(source.since) if source.since else None
                texts = _current(earlier, earlier.guideline, source) if earlier else {}
                texts |= {each.tool: each.text for each in read_guidelines(run) if each.text}
                data.guideline = {tool: texts[tool] for tool in source.tools if texts.get(tool)}
            case "descriptions":
                kept = {each.tool: each for each in read_descriptions(run) if each.kept}
                earlier = open_adopted_pack(source.since) if source.since else None
                rewritten = _current(earlier, earlier.descriptions, source) if earlier else {}
                rewritten |= {tool: _read_rewriting(record) for tool, record in kept.items()}
                data.descriptions = {tool: rewritten[tool] for tool in source.tools if tool in rewritten}
    return data


def _current(pack: Pack, found: Mapping[str, _Form], source: PackSource) -> dict[str, _Form]:
    """The entries of an earlier pack for tools that have not changed."""
    return {tool: own for tool, own in found.items() if tool in find_current(pack, source.definitions)}


def _to_plain(exemplar: Exemplar, *, whole: bool) -> dict[str, Json]:
    """An exemplar as a pack has it: unless the test showed it `whole`, without what no rule has checked.

    That is what the model thought and answered, since only its calls are grounded: 659 days may be "a leap year" to it.
    """
    own = exemplar.model_copy(update={"model": exemplar.model and short_label(exemplar.model)})
    if not whole:
        calls = [call.model_copy(update={"thought": None, "reply": None}) for call in own.calls]
        own = own.model_copy(update={"calls": calls, "answer": None})
    return own.model_dump(mode="json")


def _read_rewriting(found: DescriptionRecord) -> ToolDescription:
    """The rewritten description of a tool, with the parameters whose description is another one than before."""
    before = found.previous.parameters
    changed = {name: text for name, text in found.parameters.items() if text != before.get(name)}
    return ToolDescription(description=found.description, parameters=changed)


def _read_exemplars(run: Path) -> list[Exemplar]:
    with closing(ExemplarStore.open(run)) as store:
        return store.exemplars()


def _is_offered(exemplar: Exemplar, tools: frozenset[str], definitions: Mapping[str, ToolDefinition]) -> bool:
    """True if an exemplar may be shown: verified, of adopted tools, as the test had them."""
    known = definitions.get(exemplar.tool)
    return exemplar.is_verified and exemplar.tools <= tools and known is not None and (
        known.fingerprint in ("", exemplar.fingerprint)
    )  # fmt: skip


def _keep_grounded(data: PackData, left_out: LeftOut) -> PackData:
    """The data of a pack, less the exemplars and cases that pseudonyms have made wrong."""
    exemplars = []
    for plain in data.exemplars:
        exemplar = Exemplar.model_validate(plain)
        if _still_holds(exemplar, data.definitions):
            exemplars.append(plain)
        else:
            left_out.add("exemplar", "with pseudonyms, the call no longer does what the request says")
    cases = []
    for case in data.cases:
        gold = case["gold"]
        if case["kind"] != "call" or _is_valid(gold["tool"], gold["arguments"], data.definitions):
            cases.append(case)
        else:
            left_out.add("case", "with pseudonyms, the tool would refuse the call")
    return PackData(exemplars, data.lessons, cases, data.guideline, data.descriptions, data.definitions)


def _still_holds(exemplar: Exemplar, definitions: Mapping[str, ToolDefinition]) -> bool:
    for call in exemplar.calls:
        if call.action and call.succeeded and not _is_valid(call.action, call.arguments or {}, definitions):
            return False
    tool = definitions[exemplar.calls[-1].action or exemplar.tool]
    definition = Definition(name=tool.name, description=tool.description, parameters=tool.parameters)
    return {*VERIFIED} <= {*exemplar.check_calls(exemplar.query, exemplar.calls, definition)[0]}


def _is_valid(tool: str, arguments: Mapping[str, Json], definitions: Mapping[str, ToolDefinition]) -> bool:
    return tool not in definitions or not ArgumentChecker(tool, definitions[tool].parameters).check(arguments).problem


def _require_replaced(data: PackData, drawn: Pseudonyms) -> None:
    everything: list[Any] = [data.exemplars, data.lessons, data.cases, data.guideline]
    everything += [own.model_dump() for own in data.descriptions.values()]
    if left := drawn.remains(everything):
        raise WorkflowError(
            f"{len(left)} values were not replaced by a pseudonym; nothing was written. Report this fault"
        )


def _examples(data: PackData) -> dict[str, list[str]]:
    """Exemplars as text by tool: those that show new arguments first, and of these the shortest."""
    by_tool: dict[str, list[Exemplar]] = {}
    for plain in data.exemplars:
        exemplar = Exemplar.model_validate(plain)
        by_tool.setdefault(exemplar.tool, []).append(exemplar)
    return {tool: [exemplars_text([each]) for each in _choose_telling(own)] for tool, own in by_tool.items()}


def _choose_telling(exemplars: Sequence[Exemplar]) -> list[Exemplar]:
    """At most `SHOWN` exemplars that together show the most arguments, in short texts."""
    left = sorted(exemplars, key=lambda each: (len(exemplars_text([each])), each.id))
    chosen: list[Exemplar] = []
    seen: set[tuple[str, str]] = set()
    while left and len(chosen) < SHOWN:
        best = max(left, key=lambda each: len(_shown_arguments(each) - seen))  # of equals the first, the shortest
        left.remove(best)
        chosen.append(best)
        seen |= _shown_arguments(best)
    return chosen


def _shown_arguments(exemplar: Exemplar) -> set[tuple[str, str]]:
    """The arguments of an exemplar's calls: their names, and their names with values."""
    pairs = [(name, canonical_json(value)) for call in exemplar.calls for name, value in (call.arguments or {}).items()]
    return {*pairs, *((name, "") for name, _ in pairs)}
