"""Describe: rewritten descriptions of a tool and its parameters, tested before they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ste_graph.contracts import Context, Json, Model, RecordView, Reply
from ste_graph.distil.example import Definition
from ste_graph.distil.reading.normalisation import words
from ste_graph.forms.claims import find_unsupported
from ste_graph.forms.contradictions import find_text_contradiction
from ste_graph.forms.description import (
    ToolWording,
    apply_wording,
    proposal_schema,
    read_proposal,
    read_tool_wording,
    wording_texts,
)
from ste_graph.forms.evidence import NumberedTrial, definition_text
from ste_graph.forms.foreign import find_foreign
from ste_graph.forms.gepa_search import find_missing_package, search_with_gepa
from ste_graph.forms.search import (
    BEFORE,
    Ledger,
    MissingProposalError,
    MissingTestError,
    Proposal,
    SearchCase,
    SearchMethod,
    SearchState,
    case_key,
    proposal_arm,
    search_own,
)
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.packs.leaks import LeakFinder
from ste_graph.prompts.prompt import Prompt
from ste_graph.protocols.json_object import NotAnObjectError, first_object
from ste_graph.scoring.reply import CaseReply
from ste_graph.scoring.validation import find_confused, find_failures, read_case_results
from ste_graph.text import approximate_tokens

TOLD = 3
"""At most so many refused proposals are told to the next one, the last ones."""


class Describe(Node):
    """Ask the model for better descriptions of a tool and its parameters, from the trials: most of all the failed ones.

    Names, types and all else of the schema stay. A proposal is refused if it says what was said before, names a
    parameter or a value that neither the trials nor the definition have, is too long, or holds what does not belong
    into a prompt: an address, an instruction or a secret from a tool's output, a value of a held-out request.

    Differs: in the paper the descriptions stay; rewriting them follows GEPA (2025), by propose, test, keep or drop.
    """

    model: Model
    prompt: Prompt
    tokens: Annotated[int, Field(ge=1)] = 160
    """The most tokens, about, by which the descriptions of a tool may grow."""

    class Inputs(NodeInputs):
        """The tool, the trials that the prompt shows, see `evidence`, and what `describe.keep` tells of the search."""

        tool: dict[str, Any]
        trials: list[dict[str, Any]]
        confused: list[dict[str, Any]] | None = None
        replies: list[dict[str, Any]] | None = None
        state: SearchState | None = None

    class Outputs(NodeOutputs):
        """`proposal` has `description` and `parameters`; `fault` is None if it may be tested."""

        proposal: dict[str, Any] | None
        fault: str | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        reply = await ctx.ask(self.model, self.prompt, schema=proposal_schema(inputs.tool))
        wording = read_proposal(_data(reply), inputs.tool)
        if wording is None:
            broken = "the reply was not a JSON object with `description` and `parameters`"
            return self.Outputs(proposal=None, fault=broken)
        trials = [NumberedTrial.model_validate(trial) for trial in inputs.trials]
        others = [f"{other['name']}\n{other['description']}" for other in inputs.confused or ()]
        others += ["\n".join(map(str, shown.values())) for shown in inputs.replies or ()]
        fault = self._fault(wording, inputs.tool, trials, others)
        if fault is None and inputs.state and _says_the_same(wording, inputs.state.proposals):
            fault = "it says the same as a proposal before it"
        return self.Outputs(proposal=wording.model_dump(), fault=fault)

    def _fault(
        self, wording: ToolWording, tool: dict[str, Any], trials: list[NumberedTrial], others: list[str]
    ) -> str | None:
        """The reason why a proposal is refused; None if it may be tested."""
        now, definition = read_tool_wording(tool), definition_text(tool)
        try:
            apply_wording(tool, wording)
        except ValueError as error:
            return str(error)
        if _says_the_same(wording, [now]):
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
            if wrong := find_text_contradiction(text, trials):
                return str(wrong)
        return None


class DescribeArm(Node):
    """Name the arm in which descriptions are tested, for `show`: as they are, or as proposed."""

    class Inputs(NodeInputs):
        """The tool, the proposal of this round, if there is one, and the arm that is tested otherwise."""

        tool: dict[str, Any]
        state: SearchState
        proposal: dict[str, Any] | None = None
        tested: str = BEFORE

    class Outputs(NodeOutputs):
        """The name of the arm; `arm` and `descriptions` as `show` reads them."""

        name: str
        arm: dict[str, Any]
        descriptions: list[dict[str, Any]]

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        tool, proposals = inputs.tool, inputs.state.proposals
        wordings = {proposal_arm(n): each.wording.model_dump() for n, each in enumerate(proposals, start=1)}
        name = inputs.tested
        if inputs.proposal is not None:
            name = proposal_arm(len(proposals) + 1)
            wordings[name] = inputs.proposal
        if name == BEFORE:
            return self.Outputs(name=BEFORE, arm={"name": BEFORE}, descriptions=[])
        origin = {"run_id": tool["run_id"], "run": tool["run"], "without": tool["run_id"]}
        described = {"tool": tool["name"], **wordings[name], "kept": True, "fingerprint": tool["fingerprint"]}
        arm = {"name": name, "descriptions": True}
        return self.Outputs(name=name, arm=arm, descriptions=[{**described, "origin": origin}])


class DescribeKeep(Node):
    """Say what to propose or to test next, and keep the descriptions with which most requests are served rightly.

    The requests that decide are those that were set aside, which nothing was proposed from: descriptions are kept if
    more are served rightly with them than with those before. It is done where the search is, and at once where there
    is nothing to test on, or nothing to gain.

    `search: own` tests one proposal after the other until one is better. `search: gepa` also tells proposals which
    requests of trials were served wrongly, and goes on from the best proposals; it needs the package `gepa`.
    """

    own_inputs: ClassVar[frozenset[str]] = frozenset({"state"})

    memory: RecordView
    """The replies of this tool so far."""
    search: SearchMethod = "own"
    """The method of search: how proposals follow one another."""

    class Inputs(NodeInputs):
        """The tool, what was proposed in this round or why not, and the sizes of the tests.

        `cases` is the most requests set aside that are used, `batch` the most that one round tests.
        """

        tool: dict[str, Any]
        proposal: dict[str, Any] | None = None
        fault: str | None = None
        cases: int = 8
        batch: int = 8
        state: SearchState | None = None

    class Outputs(NodeOutputs):
        """The fields of a `description`, and what comes next unless `done`.

        `propose`: whether the round begins with a proposal, for the tool as in `base`, which failed in `replies` (each
        with `query`, `called` and `right`). `confused` are the tools that were called in this one's place before, the
        most frequent first, and `told` the last refused proposals. `tested` is the arm that is tested otherwise, and
        `cases` are those of the test. `state` is what the search remembers.
        """

        description: str
        parameters: dict[str, str]
        previous: dict[str, Any]
        kept: bool
        reason: str
        validation: dict[str, Any] | None
        refused: list[dict[str, Any]]
        confused: list[dict[str, Any]]
        told: list[dict[str, Any]]
        replies: list[dict[str, Any]]
        base: Definition
        propose: bool
        tested: str
        cases: list[dict[str, Any]]
        state: SearchState
        done: bool

    @classmethod
    def find_missing_package(cls, settings: Mapping[str, Any]) -> str | None:
        return find_missing_package() if settings.get("search") == "gepa" else None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        tool, now = inputs.tool, read_tool_wording(inputs.tool)
        state = _advance(inputs, ctx.seed)
        replies = [CaseReply.from_line(entry.record) for entry in await self.memory.entries()]
        ledger = Ledger(
            now,
            validation=tool["validation"][: inputs.cases],
            training=tool["cases"],
            proposals=state.proposals,
            results=read_case_results(replies),
        )
        tested, cases, done, proposes = BEFORE, list[SearchCase](), False, False
        try:
            self._search(ledger, state.seed, inputs.batch)
            done = True
        except MissingTestError as missing:
            tested, cases = missing.arm, [*missing.cases]
        except MissingProposalError as missing:
            proposes, cases = True, [*(missing.cases or ledger.validation)]
            shown = tuple(map(case_key, missing.cases))
            state = state.model_copy(update={"parent": missing.parent, "cases": shown})
        best, refusals = ledger.find_best(), ledger.refusals()
        wording = ledger.wordings[best[0]] if best else now
        test = best[1] if best else ledger.find_last_test()
        parent = state.parent if proposes else BEFORE
        return self.Outputs(
            description=wording.description,
            parameters=wording.parameters,
            previous=now.model_dump(),
            kept=best is not None,
            reason=ledger.explain_choice(),
            validation=test.model_dump() if test else None,
            refused=[each.model_dump() for each in refusals.values()],
            confused=find_confused(tool, replies),
            told=[each.model_dump() for arm, each in refusals.items() if arm != parent][-TOLD:],
            replies=find_failures(replies, parent, state.cases) if proposes else [],
            base=_base(tool, ledger.wordings[parent]),
            propose=proposes,
            tested=tested,
            cases=[dict(case) for case in cases[: inputs.batch]],
            state=state,
            done=done,
        )

    def _search(self, ledger: Ledger, seed: int, batch: int) -> None:
        if self.search == "gepa":
            search_with_gepa(ledger, seed=seed, batch=batch)
        else:
            search_own(ledger)


def _advance(inputs: DescribeKeep.Inputs, seed: int) -> SearchState:
    """The state of the search after this round; its seed is that of the first."""
    state = inputs.state or SearchState(seed=seed)
    if inputs.proposal is None and inputs.fault is None:
        return state
    content = {**(inputs.proposal or {}), "fault": inputs.fault, "parent": state.parent, "cases": state.cases}
    proposals = (*state.proposals, Proposal.model_validate(content))
    return state.model_copy(update={"proposals": proposals})


def _base(tool: Mapping[str, Any], wording: ToolWording) -> Definition:
    """The tool's definition, in other words."""
    changed = apply_wording(tool, wording)
    return Definition(name=changed["name"], description=changed["description"], parameters=changed["parameters"])


def _says_the_same(wording: ToolWording, others: Iterable[ToolWording | Proposal]) -> bool:
    """True if another wording has the same words."""
    own = _content(wording)
    return any(_content(other) == own for other in others)


def _content(wording: ToolWording | Proposal) -> list[str]:
    parameters = [f"{name}: {text}" for name, text in sorted(wording.parameters.items()) if text]
    return [*map(words, [wording.description, *parameters])]


def _data(reply: Reply) -> Json:
    if reply.data is not None:
        return reply.data
    try:
        return dict(first_object(reply.text).value)
    except NotAnObjectError:
        return None
