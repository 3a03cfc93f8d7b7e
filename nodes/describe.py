"""Describe: rewritten descriptions of a tool and its parameters, tested before they are kept."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ste_graph.contracts import Context, Json, Model, RecordView, Reply
from ste_graph.distil.normalisation import words
from ste_graph.forms.claims import find_unsupported
from ste_graph.forms.description import (
    RefusedWording,
    ToolWording,
    WordingTest,
    apply_wording,
    proposal_schema,
    read_proposal,
    read_wording,
    wording_texts,
)
from ste_graph.forms.evidence import NumberedTrial, definition_text
from ste_graph.forms.foreign import find_foreign
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.packs.leaks import LeakFinder
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.json_object import NotAnObjectError, first_object
from ste_graph.scoring.reply import CaseReply
from ste_graph.text import approximate_tokens, count_noun

BEFORE = "before"
"""The arm with the descriptions as they are."""

CONFUSED = 2
"""At most so many tools are told that were called in the place of the one that is described."""


class Describe(Node):
    """Ask the model for better descriptions of a tool and its parameters, from the trials: most of all the failed ones.

    Names, types and all else of the schema stay. A proposal is refused if it says the same as before, names a parameter
    or a value that neither the trials nor the definition have, is too long, or holds what does not belong into a
    prompt: an address, an instruction or a secret from a tool's output, a value of a held-out request.

    Differs: in the paper the descriptions stay; rewriting them follows GEPA (2025), by propose, test, keep or drop.
    """

    model: Model
    prompt: Prompt
    tokens: Annotated[int, Field(ge=1)] = 160
    """The most tokens, about, by which the descriptions of a tool may grow."""

    class Inputs(NodeInputs):
        """The tool, the trials that the prompt shows, see `evidence`, and the tools that were called in its place."""

        tool: dict[str, Any]
        trials: list[dict[str, Any]]
        confused: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """`proposal` has `description` and `parameters`; `fault` is None if it may be tested."""

        proposal: dict[str, Any] | None
        fault: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, schema=proposal_schema(inputs.tool))
        wording = read_proposal(_data(reply), inputs.tool)
        if wording is None:
            return self.Outputs(proposal=None, fault="the reply was no JSON object with `description` and `parameters`")
        trials = [NumberedTrial.model_validate(trial) for trial in inputs.trials]
        others = [f"{other['name']}\n{other['description']}" for other in inputs.confused or ()]
        fault = self._fault(wording, inputs.tool, trials, others)
        return self.Outputs(proposal=wording.model_dump(), fault=fault)

    def _fault(
        self, wording: ToolWording, tool: dict[str, Any], trials: list[NumberedTrial], others: list[str]
    ) -> str | None:
        """The reason why a proposal is refused; None if it may be tested."""
        now, definition = read_wording(tool), definition_text(tool)
        try:
            apply_wording(tool, wording)
        except ValueError as error:
            return str(error)
        if [*map(words, wording_texts(wording))] == [*map(words, wording_texts(now))]:
            return "it says the same as before"
        grown = approximate_tokens(" ".join(wording_texts(wording))) - approximate_tokens(" ".join(wording_texts(now)))
        if grown > self.tokens:
            return f"it is {grown} tokens longer than before; at most {self.tokens} are allowed"
        observations = [call.observation for trial in trials for call in trial.calls]
        for text in wording_texts(wording):
            foreign = find_foreign(text, definition=definition, observations=observations, held_out=tool["held_out"])
            foreign += [leak.shown for leak in LeakFinder().find(text) if leak.kind == "secret"]
            if foreign:
                return f"it holds {foreign[0]}"
            if lost := find_unsupported(text, [definition, *others, *(trial.source for trial in trials)]):
                return f"neither a trial nor the tool's definition has {', '.join(f'`{name}`' for name in lost[:3])}"
        return None


class DescribeArm(Node):
    """Name the arm in which descriptions are tested, for `show`: as they are, or as proposed."""

    class Inputs(NodeInputs):
        """The tool, the proposal, if there is one, and how many were tested or refused before."""

        tool: dict[str, Any]
        proposal: dict[str, Any] | None = None
        refused: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """The name of the arm; `arm` and `descriptions` as `show` reads them."""

        name: str
        arm: dict[str, Any]
        descriptions: list[dict[str, Any]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        if inputs.proposal is None:
            return self.Outputs(name=BEFORE, arm={"name": BEFORE}, descriptions=[])
        tool = inputs.tool
        origin = {"run_id": tool["run_id"], "run": tool["run"], "without": tool["run_id"]}
        proposed = {"tool": tool["name"], **inputs.proposal, "kept": True, "fingerprint": tool["fingerprint"]}
        name = f"proposal {len(inputs.refused or ()) + 1}"
        described = [{**proposed, "origin": origin}]
        return self.Outputs(name=name, arm={"name": name, "descriptions": True}, descriptions=described)


class DescribeKeep(Node):
    """Compare the replies with proposed descriptions with those before, and keep the proposal if more are right.

    The requests are those that were set aside, which nothing was proposed from. It is done where a proposal is kept,
    and at once where there is nothing to test on, or nothing to gain.
    """

    own_inputs: ClassVar[frozenset[str]] = frozenset({"refused"})

    memory: RecordView
    """The replies of this tool so far."""

    class Inputs(NodeInputs):
        """The tool, the arm that was tested last, the proposal, and why it was refused before a test."""

        tool: dict[str, Any]
        arm: dict[str, Any] | None = None
        proposal: dict[str, Any] | None = None
        fault: str | None = None
        refused: list[dict[str, Any]] | None = None

    class Outputs(NodeOutputs):
        """The fields of a `description`, `done`, and as `confused` the tools that were called in this one's place.

        Those are with the descriptions as they were, the most frequent first, each with `name` and `description`.
        """

        description: str
        parameters: dict[str, str]
        previous: dict[str, Any]
        kept: bool
        reason: str
        validation: dict[str, Any] | None
        refused: list[dict[str, Any]]
        confused: list[dict[str, Any]]
        done: bool

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        replies = [CaseReply.from_line(entry.record) for entry in await self.memory.entries()]
        right = {arm: sum(reply.arm == arm and reply.is_correct is True for reply in replies) for arm in _arms(replies)}
        cases = sum(reply.arm == BEFORE for reply in replies)
        before, refused = right.get(BEFORE, 0), list(inputs.refused or ())
        now, confused = read_wording(inputs.tool), _find_confused(inputs.tool, replies)
        if inputs.proposal is None and inputs.fault is None:
            return self._keep_as_is(now, cases, before, confused)
        proposed = ToolWording.model_validate(inputs.proposal) if inputs.proposal else None
        after = right.get(str(inputs.arm["name"]), 0) if inputs.arm and inputs.fault is None else None
        tested = None if after is None else WordingTest(cases=cases, before=before, after=after)
        counted = count_noun(cases, "request")
        if proposed is not None and tested is not None and tested.after > before:
            reason = f"{tested.after} of {counted} set aside came out right, {before} before"
            return self._outputs(proposed, now, True, reason, tested, refused, confused, done=True)
        reason = inputs.fault or f"{after} of {counted} set aside came out right, and {before} before"
        refused.append(RefusedWording(description=proposed.description if proposed else "", reason=reason).model_dump())
        reason = f"the last proposal was not kept: {reason}"
        return self._outputs(now, now, False, reason, tested, refused, confused, done=False)

    def _keep_as_is(self, now: ToolWording, cases: int, right: int, confused: list[dict[str, Any]]) -> Outputs:
        """The outputs before anything was proposed."""
        if not cases:
            reason = "no request was set aside to test a proposal on"
        elif right == cases:
            reason = f"all {count_noun(cases, 'request')} that were set aside are served rightly as it is"
        else:
            reason = "nothing was proposed"
        return self._outputs(now, now, False, reason, None, [], confused, done=not cases or right == cases)

    def _outputs(
        self,
        wording: ToolWording,
        previous: ToolWording,
        kept: bool,
        reason: str,
        tested: WordingTest | None,
        refused: list[dict[str, Any]],
        confused: list[dict[str, Any]],
        *,
        done: bool,
    ) -> Outputs:
        return self.Outputs(
            description=wording.description,
            parameters=wording.parameters,
            previous=previous.model_dump(),
            kept=kept,
            reason=reason,
            validation=tested.model_dump() if tested else None,
            refused=refused,
            confused=confused,
            done=done,
        )


def _find_confused(tool: dict[str, Any], replies: list[CaseReply]) -> list[dict[str, Any]]:
    """The tools that were called where this one is right, without a proposal; the most frequent first."""
    called = Counter(reply.called for reply in replies if reply.arm == BEFORE and reply.called != tool["name"])
    known = {str(other["name"]): other for other in tool["pool"]}
    names = [name for name, _ in called.most_common() if name in known][:CONFUSED]
    return [{"name": name, "description": known[name]["description"]} for name in names]


def _arms(replies: list[CaseReply]) -> list[str]:
    return list(dict.fromkeys(reply.arm for reply in replies))


def _data(reply: Reply) -> Json:
    if reply.data is not None:
        return reply.data
    try:
        return dict(first_object(reply.text).value)
    except NotAnObjectError:
        return None
