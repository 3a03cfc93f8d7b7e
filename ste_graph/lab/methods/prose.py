"""The methods in sentences: each says what the lock file holds, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ste_graph.contracts import Json
from ste_graph.lab.methods.facts import ArmFacts, Subject, WorkflowFacts
from ste_graph.lab.methods.markup import Code, Words
from ste_graph.text import count_noun

SHOWN = 30
"""The most names that a sentence lists."""
LINKS = ("use", "model", "prompt", "transcript", "memory", "memories", "inputs", "outputs", "lives")
"""Keys of nodes that say how a node is wired; the others are settings of its own."""
MODEL_WORDS = {
    "temperature": "temperature {}", "max_tokens": "at most {} tokens per reply", "top_p": "top-p {}",
    "timeout_s": "a time limit of {} s", "quantization": "quantization {}",
}  # fmt: skip


def write_paragraphs(subject: Subject) -> list[list[Words]]:
    """A paragraph on the whole, and one on each workflow of the first arm."""
    arm = subject.arms[0]
    paragraphs = [[*_head(subject), *_units(arm), *_history(arm)]]
    for part in arm.parts():
        sentences = [
            *_models(part),
            *_tools(part),
            *_data(part),
            *_graph(part),
            *_memories(part),
            *_settings(part),
            *(_seed(part) if part.name or len(arm.seeds) < 2 else ()),
        ]
        if sentences:
            head: list[Words] = [["Part ", Code(part.name), ":"]] if part.name else []
            paragraphs.append([*head, *sentences])
    return paragraphs


def listing(names: Iterable[str]) -> list[str | Code]:
    """Names as in `a, b and c`, at most `SHOWN` of them."""
    found = list(names)
    shown, more = found[:SHOWN], len(found) - SHOWN
    last: list[str | Code] = [f"{more} more"] if more > 0 else [Code(shown.pop())] if shown else []
    if not shown:
        return last
    words: list[str | Code] = [word for name in shown for word in (Code(name), ", ")]
    return [*words[:-1], " and ", *last]


def value_text(value: Json) -> str:
    """A value as a file has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _head(subject: Subject) -> Iterator[Words]:
    arm, versions = subject.arms[0], dict(subject.versions)
    own = versions.pop("ste-graph", None)
    with_own = f" with ste-graph {own}" if own else ""
    others = ", ".join(f"{name} {version}" for name, version in versions.items())
    name: list[str | Code] = ["The workflow ", Code(subject.name), " (file ", Code(subject.file), ")"]
    if len(subject.arms) == 1 and arm.name != "base":
        name += [", variant ", Code(arm.name), ","]
    if subject.run_at is None:
        yield [*name, f" was checked{with_own}; it was not run."]
    else:
        began = f" was run{with_own}{f' ({others})' if others else ''}; the run began on {subject.run_at}."
        yield [*name, began]
    if len(subject.arms) > 1:
        yield [f"It has {len(subject.arms)} arms: ", *listing(arm.name for arm in subject.arms), "."]
        yield ["What follows describes ", Code(arm.name), "; a table lists what the others change."]
    if len(arm.seeds) > 1:
        yield [f"Each arm was run with the seeds {', '.join(map(str, sorted(arm.seeds)))}."]
    if arm.is_simulated:
        yield [
            "All models are simulated: what they give shows that the plumbing works, and nothing about a real model."
        ]
    elif arm.simulated_models:
        yield ["Simulated, and so without a bearing on real models, are ", *listing(arm.simulated_models), "."]
    if own:
        yield [f"Settings that are not named have the defaults of ste-graph {own}."]


def _units(arm: ArmFacts) -> Iterator[Words]:
    """The tools or items that the run was over; only a lock file knows them."""
    lock = arm.lock
    if lock is None:
        return
    over = _unit_map(arm.resolved["workflow"])
    units = list(lock["units"])
    if over is not None and over.get("over") == "tools":
        yield [f"It went over {count_noun(len(units), 'tool')}: ", *listing(units), "."]
    elif over is not None:
        what = f" of {over.get('over')}"
        yield [f"It went over {count_noun(len(units), 'item')}", what, ": ", *listing(units), "."]
    if skipped := lock.get("skipped"):
        verb = "was" if len(skipped) == 1 else "were"
        yield [*listing(skipped), f" {verb} left out, because the run may not call what they do."]
    if lock.get("dry_run"):
        yield ["It was a dry run: no tool was called."]


def _history(arm: ArmFacts) -> Iterator[Words]:
    """The history of the run, if it did not run from beginning to end under one state of the code."""
    lock = arm.lock
    if lock is None:
        return
    if (git := lock.get("git")) and git.get("commit"):
        dirty = ", with changes that are not in it" if git.get("dirty") else ""
        yield ["The workflow's folder was at commit ", Code(str(git["commit"])[:12]), f"{dirty}."]
    if accepted := lock.get("accepted"):
        times = "once" if len(accepted) == 1 else f"{len(accepted)} times"
        yield [f"It went on {times} under changed code, prompts or tools; the lock file says from which step on."]
    if fork := lock.get("forked_from"):
        variant: list[str | Code] = [" of the variant ", Code(str(fork["variant"]))] if fork.get("variant") else []
        steps = sum(unit["steps"] for unit in fork["units"].values())
        yield [
            "It is a fork of the run ", Code(str(fork["run"])), *variant, " at ", Code(str(fork["at"])),
            f": {count_noun(steps, 'step')} before that point are the other run's.",
        ]  # fmt: skip


def _models(part: WorkflowFacts) -> Iterator[Words]:
    settings = part.section("models")
    for name, label in part.labels.items():
        askers = [node for node, entry in part.section("nodes").items() if _asks(entry, name)]
        own = settings.get(name)
        given = own if isinstance(own, Mapping) else {}
        facts = [words.format(given[key]) for key, words in MODEL_WORDS.items() if key in given]
        with_facts = f", with {', '.join(facts)}" if facts else ""
        verb = " asks " if len(askers) == 1 else " ask "
        subject = [*listing(askers), verb] if askers else ["A node asks "]
        yield [*subject, Code(name), " (", Code(label), f"){with_facts}."]


def _asks(node: Json, model: str) -> bool:
    return isinstance(node, Mapping) and model in [value for key, value in node.items() if key not in ("use", "prompt")]


def _is_model(value: Json, part: WorkflowFacts) -> bool:
    return isinstance(value, str) and value in part.labels


def _tools(part: WorkflowFacts) -> Iterator[Words]:
    sources = part.workflow.get("tools") or []
    named = [_source_name(source) for source in sources if isinstance(source, Mapping)]
    if named:
        yield [f"Its tools come from {count_noun(len(named), 'source')}: ", *listing(named), "."]
    if allow := part.workflow.get("allow"):
        yield ["Besides tools that only read it may call ", Code(value_text(allow)), "."]
    if reset := part.workflow.get("reset"):
        yield ["The tools are reset before each pass of ", Code(str(reset.get("before"))), "."]
    if (limits := part.workflow.get("limits")) and isinstance(limits, Mapping):
        yield [f"Limits of calls: {', '.join(f'{name} {value_text(value)}' for name, value in limits.items())}."]


def _source_name(source: Mapping[str, Json]) -> str:
    where = next((source[key] for key in ("module", "spec", "command", "name") if key in source), None)
    return f"{source.get('use')} {value_text(where)}" if where is not None else str(source.get("use"))


def _data(part: WorkflowFacts) -> Iterator[Words]:
    for name, source in part.section("data").items():
        if isinstance(source, Mapping):
            given = {key: value for key, value in source.items() if key not in ("use", "run") and value is not None}
            rest = ", ".join(f"{key} {value_text(value)}" for key, value in given.items())
            yield [
                "The data ",
                Code(name),
                " are read by ",
                Code(str(source.get("use"))),
                f" ({rest})." if rest else ".",
            ]


def _unit_map(workflow: Mapping[str, Json]) -> Mapping[str, Json] | None:
    graph = workflow.get("graph")
    first = graph[0] if isinstance(graph, list) and len(graph) == 1 else None
    return first if isinstance(first, Mapping) and "map" in first else None


def _seed(part: WorkflowFacts) -> Iterator[Words]:
    if "seed" in part.workflow:
        yield [f"The seed is {value_text(part.workflow['seed'])}."]


def _graph(part: WorkflowFacts) -> Iterator[Words]:
    blocks = part.workflow.get("graph") or []
    yield from _loops(blocks, part.params, "")
    kept = [str(block["record"]) for block in _walk(blocks) if isinstance(block, Mapping) and "record" in block]
    if kept:
        yield ["It makes records of the types ", *listing(dict.fromkeys(kept)), "."]


def _walk(blocks: Sequence[Json]) -> Iterator[Json]:
    for block in blocks:
        yield block
        if isinstance(block, Mapping):
            for key in ("do", "else"):
                yield from _walk(block.get(key) or [])


def _loops(blocks: Sequence[Json], params: Mapping[str, Json], around: str) -> Iterator[Words]:
    for block in blocks:
        if not isinstance(block, Mapping):
            continue
        inside = around
        where: list[str | Code] = ["in each pass of ", Code(around), ", "] if around else []
        if "map" in block:
            inside = str(block["map"])
            bound = f", at most {_bound(block['at_most'], params)} of them" if "at_most" in block else ""
            width = _bound(block.get("parallel", 1), params)
            bound += f", {width} side by side" if width != "1" else ""
            yield _capital([*where, Code(inside), " goes over ", Code(str(block.get("over"))), f"{bound}."])
        elif "repeat" in block:
            inside = str(block["repeat"])
            yield _capital([*where, *_repeat(block, inside, params)])
        for key in ("do", "else"):
            yield from _loops(block.get(key) or [], params, inside)


def _repeat(block: Mapping[str, Json], name: str, params: Mapping[str, Json]) -> Words:
    if "times" in block:
        width = _bound(block.get("parallel", 1), params)
        words = f" is repeated {_times(block['times'], params)}"
        if width != "1":
            words += f", {width} passes side by side, which read memories as they were when their wave began"
        return [Code(name), f"{words}."]
    test = "until" if "until" in block else "while"
    most = f", at most {_times(block.get('at_most'), params)}."
    return [Code(name), f" is repeated {test} ", Code(str(block.get(test))), most]


def _times(bound: Json, params: Mapping[str, Json]) -> str:
    text = _bound(bound, params)
    return f"{text} time" if text == "1" else f"{text} times"


def _bound(bound: Json, params: Mapping[str, Json]) -> str:
    name = str(bound).removeprefix("params.")
    return value_text(params[name]) if str(bound).startswith("params.") and name in params else value_text(bound)


def _capital(words: list[str | Code]) -> Words:
    return [words[0].capitalize(), *words[1:]] if isinstance(words[0], str) else words


def _memories(part: WorkflowFacts) -> Iterator[Words]:
    for name, memory in part.section("memory").items():
        if not isinstance(memory, Mapping):
            yield ["The memory ", Code(name), f" is {value_text(memory)}."]
            continue
        of = memory.get("of")
        held = f"{of} records" if of else {"transcript": "messages", "values": "values"}.get(str(memory.get("use")))
        holds = f" holds {held}" if held else " is read from an earlier run"
        lives: list[str | Code] = [" and lives for one ", Code(str(memory["lives"]))] if "lives" in memory else []
        recall: list[str | Code] = ["; it gives ", Code(value_text(memory["recall"]))] if "recall" in memory else []
        yield ["The memory ", Code(name), " (", Code(str(memory.get("use"))), ")", holds, *lives, *recall, "."]


def _settings(part: WorkflowFacts) -> Iterator[Words]:
    """The settings of nodes, among them the gates of trials and the statistics of an evaluation."""
    for name, node in part.section("nodes").items():
        if not isinstance(node, Mapping):
            yield ["The node ", Code(name), f" is {value_text(node)}."]
            continue
        own = {key: value for key, value in node.items() if key not in LINKS and not _is_model(value, part)}
        if own:
            words = [word for key, value in own.items() for word in (Code(f"{key}: {value_text(value)}"), ", ")]
            yield ["The node ", Code(name), " (", Code(str(node.get("use"))), ") has ", *words[:-1], "."]
