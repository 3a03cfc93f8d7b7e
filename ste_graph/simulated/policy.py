"""The simulated model's replies: a pure function of the messages and the seed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from ste_graph.plausible_values import plausible_value, unusual_value
from ste_graph.simulated.conversation import write_json_reply
from ste_graph.simulated.extraction import extract_arguments
from ste_graph.simulated.judging import QUESTIONS, judge_trial
from ste_graph.simulated.mistakes import call_text, spoil_call
from ste_graph.simulated.notes import read_described_forms, write_documentation, write_notes
from ste_graph.simulated.paraphrasing import paraphrase, request_for_call, unrelated_request
from ste_graph.simulated.reading import (
    ShownExemplar,
    ShownTool,
    Turn,
    current_task,
    find_guidelines,
    find_stated_values,
    is_success,
    observed_text,
    read_exemplar_turns,
    read_exemplars,
    read_lessons,
    read_tools,
    trial_request,
    trial_start,
)
from ste_graph.simulated.repairing import read_call, repair_arguments
from ste_graph.simulated.wording import share_common, word_request, words_in

CANDIDATES = 6
NOVEL = 0.5
"""At most so many requests are imagined, until one shares less than this part of its words with every past request."""

PATIENCE = 4
"""After so many errors the model gives up on a request; where it called just what the request says, often sooner."""


def respond(
    turns: Sequence[Turn],
    *,
    seed: int,
    mistakes: float,
    schema: Mapping[str, Any] | None = None,
    offered: Sequence[ShownTool] = (),
) -> str:
    """The reply to a conversation. `mistakes` in [0, 1] is how often a first call goes wrong.

    `offered` are tools that come with the request rather than in the messages: then the reply is a call or an answer.
    """
    digest = hashlib.blake2b(repr((seed, [tuple(turn) for turn in turns])).encode(), digest_size=8).digest()
    random = Random(int.from_bytes(digest, "big"))
    tools = next((found for turn in reversed(turns) if (found := read_tools(turn.text))), ())
    if schema is not None and schema.get("properties", {}).keys() >= QUESTIONS:
        return json.dumps(judge_trial(turns[-1].text, tools))
    if schema is not None and schema.get("properties", {}).keys() == {"description", "parameters"} and tools:
        return json.dumps(write_documentation(turns[-1].text, tools[-1]), ensure_ascii=False)
    if schema is not None and _is_of_call(schema) and current_task(turns) in ("call", "observed") and tools:
        return write_json_reply(act(turns, tools, random, mistakes))
    if schema is not None:
        value = plausible_value(dict(schema), random)
        if isinstance(value, dict) and isinstance(arguments := value.get("arguments"), dict):
            arguments |= {
                name: random.choice(known) for name, known in find_stated_values(turns).items() if name in arguments
            }
        return json.dumps(value, ensure_ascii=False)
    if offered:
        return act(turns, offered, random, mistakes)
    match current_task(turns):
        case "imagine" if tools:
            return imagine(turns, tools[-1], random, mistakes / 2)
        case "call" | "observed" if tools:
            return act(turns, tools, random, mistakes)
        case "paraphrase" if tools:
            return paraphrase(turns, tools[-1], random, mistakes / 2)
        case "compose" | "missing_argument":
            return request_for_call(turns[-1].text, random)
        case "unrelated_request":
            return unrelated_request(random)
        case "notes":
            return write_notes(turns[-1].text)
        case "reflect":
            return reflect(turns)
    return "I have nothing to go by but these words."


def _is_of_call(schema: Mapping[str, Any]) -> bool:
    """True if a schema is that of a call, or of a call or an answer."""
    return any("action" in choice.get("properties", {}) for choice in schema.get("anyOf", [schema]))


def imagine(turns: Sequence[Turn], tool: ShownTool, random: Random, odd: float = 0.0) -> str:
    """A request that the tool can serve, as unlike those in the messages as may be.

    With a chance of `odd` it asks for something that the tool may well refuse.
    """
    known = find_stated_values(turns)
    past = [words_in(line) for line in "\n".join(turn.text for turn in turns).split("\n") if len(line) < 600]
    best, least = "", 2.0
    for _ in range(CANDIDATES):
        arguments = {
            name: random.choice(known[name]) if name in known else plausible_value(of, random, tool.schema)
            for name, of in tool.properties.items()
            if name in tool.required_names or random.random() < 0.4
        }
        if arguments and random.random() < odd:
            name = random.choice(list(arguments))
            arguments[name] = unusual_value(arguments[name], tool.properties[name], random)
        request = word_request(tool, arguments, random)
        words = words_in(request)
        similarity = max((share_common(words, other) for other in past), default=0.0)
        if similarity < least:
            best, least = request, similarity
        if similarity < NOVEL:
            break
    return best


def act(turns: Sequence[Turn], tools: Sequence[ShownTool], random: Random, mistakes: float) -> str:
    """The next call of the trial under way, or its final answer."""
    start = trial_start(turns)
    request = trial_request(turns, start)
    replies = [turn.text for turn in turns[start + 1 :] if turn.role == "assistant"]
    seen = [observed_text(turn.text) for turn in turns[start + 1 :] if turn.role == "user"]
    if seen and is_success(seen[-1]):
        return f"Thought: I have what I need.\nFinal Answer: The result is: {_gist(seen[-1])}"
    examples = [example for turn in turns if turn.role != "assistant" for example in read_exemplars(turn.text)]
    names = {tool.name for tool in tools}
    examples += [example for example in read_exemplar_turns(turns[:start]) if example.action in names]
    nearest = max(examples, key=lambda example: _overlap(request, example.query), default=None)
    tool = choose_tool(request, tools, nearest)
    arguments = {**fill_arguments(tool, nearest, random), **extract_arguments(request, tool)}
    as_asked = bool(replies) and read_call(replies[-1], tool) == arguments
    if len(seen) >= PATIENCE or (as_asked and random.random() < 0.5):
        return f"Thought: This does not work.\nFinal Answer: I could not do this: {_gist(seen[-1])}"
    if seen:
        arguments = repair_arguments(tool, arguments, replies, seen, random)
        thought, slip = "That did not work; I go by what the error says.", mistakes / 4
    else:
        thought, slip = f"I can use {tool.name} for this.", mistakes
    if random.random() >= slip:
        return call_text(thought, tool.name, arguments)
    warnings = [*read_lessons(turns), *find_guidelines(turns, tool.name), *read_described_forms(tool)]
    if nearest is not None and nearest.action == tool.name:
        warnings.append(f"JSON {nearest.action} {' '.join(nearest.arguments)}")
    return spoil_call(thought, tool, arguments, random, warnings)


def choose_tool(request: str, tools: Sequence[ShownTool], nearest: ShownExemplar | None) -> ShownTool:
    """The tool whose words the request shares most; an exemplar that is nearer still decides."""
    score, tool = 0.0, tools[-1]
    for shown in tools if len(tools) > 1 else ():
        similarity = _overlap(
            request, f"{shown.name.replace('_', ' ')} {shown.description} {' '.join(shown.properties)}"
        )
        if similarity > score:
            score, tool = similarity, shown
    if nearest is not None and _overlap(request, nearest.query) > score:
        return next((shown for shown in tools if shown.name == nearest.action), tool)
    return tool


def fill_arguments(tool: ShownTool, nearest: ShownExemplar | None, random: Random) -> dict[str, Any]:
    """Values for what the request may leave open: the exemplar's, the default, else a guess."""
    copied = nearest.arguments if nearest is not None and nearest.action == tool.name else {}
    return {
        name: copied[name]
        if name in copied
        else tool.properties[name].get("default", plausible_value(of, random, tool.schema))
        for name, of in tool.properties.items()
        if name in tool.required_names
    }


def reflect(turns: Sequence[Turn]) -> str:
    """Yes if the last trial, or that which the question tells, ended with an answer after a successful observation."""
    start = trial_start(turns[:-1]) if len(turns) > 1 else 0
    in_question = "\nObservation:" in turns[-1].text
    trial = "\n".join(turn.text for turn in (turns[-1:] if in_question else turns[start + 1 : -1] or turns))
    parts = re.split(r"^Observation:", trial, flags=re.MULTILINE)
    observed = parts[-1].split("\nThought:")[0] if len(parts) > 1 else ""
    answered = re.search(r"^\W*Final Answer: *\S", parts[-1], re.MULTILINE)
    return "Yes" if answered and observed.strip() and is_success(observed) else "No"


def _gist(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 240 else f"{line[:240]} …"


def _overlap(text: str, other: str) -> float:
    """The share of words that two texts have in common, in [0, 1]."""
    return share_common(words_in(text), words_in(other))
