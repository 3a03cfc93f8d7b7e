"""Show: what one arm of a test is shown of the things that were learnt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ValidationError

from ste_graph.contracts import Context, Frozen, Origin
from ste_graph.forms.arms import (
    added_tokens,
    fit_first,
    fit_last,
    is_of_same_tool,
    offer_described,
    rank_tools,
    shuffle_guidelines,
)
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.scoring.subject import Form, FormSource, FormsSubject, ModelSubject, Subject, model_digest
from ste_graph.settings import RelativePath
from ste_graph.text import approximate_tokens

_Item = TypeVar("_Item")


class ArmSettings(Frozen):
    """One entry of `params.arms`: the arm's name, and what is shown with each request."""

    name: str
    exemplars: Literal["nearest", "shuffled"] | None = None
    """The exemplars nearest to the request, or a placebo of the same number and length; unset: no exemplars."""
    lessons: bool = False
    guideline: bool | Literal["shuffled"] = False
    """The guidelines of the tools on offer, or a placebo: those of other tools under their names."""
    descriptions: bool = False
    """The tools with their rewritten descriptions, where these were kept."""

    @property
    def is_placebo(self) -> bool:
        """True if something in it is of no use by design."""
        return "shuffled" in (self.exemplars, self.guideline)


class Show(Node):
    """Select what an arm shows, and name what would be adopted if the arm does better than the baseline.

    A placebo is never adopted, and neither is an arm that shows nothing. What does not come from the training side of
    the run with the held-out requests must have been selected or written `without` that run; otherwise the arm is
    refused, since it might show what it is tested on.

    With `room`, each form takes at most about so many tokens: of exemplars the nearest are shown; guidelines and
    rewritten descriptions of the tools of the nearest exemplars come first. Descriptions count by what they add.

    With `trained`, the folder of a model that was trained, the arms show nothing: to adopt one is to adopt the model.
    """

    arm_settings: ClassVar[type[ArmSettings]] = ArmSettings
    """The settings that an arm may have, so that a mistake in one is found before a run begins."""

    trained: RelativePath | None = None
    """The folder of the model that replies."""

    class Inputs(NodeInputs):
        """The arm, see `ArmSettings`, and what was looked up for the request, the same for all arms.

        `tool` is a tool of a test, see `ste_graph.inputs.cases.Cases`; `tools` are those on offer. `guidelines` and
        `descriptions` are those of runs, see `ste_graph.inputs.forms`. `nearest` are the exemplars of the request, the
        most similar last. `room` is in tokens, see `approximate_tokens`; None: no bound.
        """

        arm: dict[str, Any]
        tool: dict[str, Any] | None = None
        tools: list[dict[str, Any]] | None = None
        examples: str | None = None
        calls: list[dict[str, Any]] | None = None
        ids: list[str] | None = None
        nearest: list[dict[str, Any]] | None = None
        placebo: str | None = None
        placebo_calls: list[dict[str, Any]] | None = None
        placebo_ids: list[str] | None = None
        exemplar_origin: Origin | None = None
        lines: list[str] | None = None
        lesson_ids: list[str] | None = None
        lesson_origin: Origin | None = None
        guidelines: list[dict[str, Any]] | None = None
        descriptions: list[dict[str, Any]] | None = None
        room: int | None = None

    class Outputs(NodeOutputs):
        """The content that a prompt shows, the ids of the exemplars and lessons, and the approximate number of tokens.

        `tools` are those on offer, as the arm describes them. `guidelines` have `tool` and `text`. `examples` (or
        `calls`, for turns of a chat) and `lines` are for the prompt as they are.
        """

        tools: list[dict[str, Any]]
        guidelines: list[dict[str, str]]
        examples: str
        calls: list[dict[str, Any]]
        lines: list[str]
        exemplars: list[str]
        lessons: list[str]
        shown_tokens: int
        subject: Subject | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        arm = _parse(inputs.arm)
        tested = (inputs.tool or {}).get("run_id")
        origins: dict[Form, Origin] = {}
        examples, calls, ids = "", list[dict[str, Any]](), list[str]()
        if arm.exemplars:
            origins["exemplars"] = _memory_origin(arm, "exemplars", inputs.exemplar_origin, tested)
            examples, calls, ids = self._exemplars(inputs, shuffled=arm.exemplars == "shuffled")
        lines, lessons = list[str](), list[str]()
        if arm.lessons:
            origins["lessons"] = _memory_origin(arm, "lessons", inputs.lesson_origin, tested)
            count = fit_first(inputs.lines or [], inputs.room)
            lines, lessons = (inputs.lines or [])[:count], (inputs.lesson_ids or [])[:count]
        tools, guidelines = list(inputs.tools or ()), list[dict[str, str]]()
        if arm.guideline:
            origin = _run_origin(arm, "guideline", inputs.guidelines, tested)
            guidelines = self._guidelines(inputs, shuffled=arm.guideline == "shuffled")
            origins |= (
                {"guideline": origin} if inputs.guidelines and any(each["text"] for each in inputs.guidelines) else {}
            )
        if arm.descriptions:
            origin = _run_origin(arm, "descriptions", inputs.descriptions, tested)
            nearest = [str(exemplar["tool"]) for exemplar in inputs.nearest or ()]
            tools = offer_described(tools, inputs.descriptions or [], nearest=nearest, room=inputs.room)
            origins |= {"descriptions": origin} if any(each["kept"] for each in inputs.descriptions or ()) else {}
        if self.trained is not None and (origins or arm.is_placebo):
            raise ValueError(
                f"the arm {arm.name!r} shows {', '.join(origins) or 'a placebo'} to a trained model, so that nobody "
                "could tell what helped: with `trained`, an arm has a `name` alone"
            )
        sources = {form: FormSource(run_id=origin.run_id, run=origin.run) for form, origin in origins.items()}
        shown = [
            *map(_call_text, calls),
            *([] if calls else [examples]),
            *lines,
            *(each["text"] for each in guidelines),
        ]
        return self.Outputs(
            tools=tools,
            guidelines=guidelines,
            examples=examples,
            calls=calls,
            lines=lines,
            exemplars=ids,
            lessons=lessons,
            shown_tokens=sum(map(approximate_tokens, shown)) + added_tokens(inputs.tools or [], tools),
            subject=await self._find_subject({} if arm.is_placebo else sources),
        )

    async def _find_subject(self, sources: dict[Form, FormSource]) -> Subject | None:
        if self.trained is not None:
            return await asyncio.to_thread(_model_subject, self.trained)
        return FormsSubject(forms=sources) if sources else None

    @staticmethod
    def _exemplars(inputs: Inputs, *, shuffled: bool) -> tuple[str, list[dict[str, Any]], list[str]]:
        """The exemplars or the placebo, as text and as calls, and their ids; calls are cut to the room."""
        text = inputs.placebo if shuffled else inputs.examples
        calls = (inputs.placebo_calls if shuffled else inputs.calls) or []
        ids = (inputs.placebo_ids if shuffled else inputs.ids) or []
        if not calls:
            return text or "", [], ids
        count = fit_last([*map(_call_text, calls)], inputs.room)
        return text or "", _last(calls, count), _last(ids, count) if len(ids) == len(calls) else ids

    @staticmethod
    def _guidelines(inputs: Inputs, *, shuffled: bool) -> list[dict[str, str]]:
        """The guidelines to show, in the order of the tools on offer."""
        tools = {str(tool["name"]): tool for tool in inputs.tools or ()}
        names = list(tools)
        current = [each for each in inputs.guidelines or () if is_of_same_tool(each, tools.get(str(each["tool"]), {}))]
        texts = {str(each["tool"]): str(each["text"]) for each in current if each["text"]}
        if shuffled:
            texts = shuffle_guidelines(texts)
        order = rank_tools(names, [str(exemplar["tool"]) for exemplar in inputs.nearest or ()])
        order = [name for name in order if name in texts]
        chosen = set(order[: fit_first([texts[name] for name in order], inputs.room)])
        return [{"tool": name, "text": texts[name]} for name in names if name in chosen]


@cache
def _model_subject(folder: str) -> ModelSubject:
    """The subject of a model, read once: it may be large."""
    return ModelSubject(path=folder, digest=model_digest(Path(folder)))


def _parse(arm: Mapping[str, Any]) -> ArmSettings:
    try:
        return ArmSettings.model_validate(arm)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError(
            f"invalid arm {arm.get('name', arm)!r} ({faults}); expected `name` and, if it shows any, "
            "`exemplars: nearest` or `exemplars: shuffled`, `lessons: true`, `guideline: true` or "
            "`guideline: shuffled`, `descriptions: true`"
        ) from None


def _memory_origin(arm: ArmSettings, what: str, origin: Origin | None, tested: str | None) -> Origin:
    if origin is None:
        raise ValueError(
            f"the arm {arm.name!r} shows {what}, but no memory provides any: turn the memory and the node on, or "
            "remove the arm from `params.arms`"
        )
    if tested not in (None, origin.run_id, origin.without):
        raise ValueError(
            f"the {what} of {origin.run} might show what is tested: set `without` of their memory to the run that "
            "the requests come from"
        )
    return origin


def _run_origin(arm: ArmSettings, what: str, found: Sequence[Mapping[str, Any]] | None, tested: str | None) -> Origin:
    data = "guidelines" if what == "guideline" else what  # several guidelines make up the form
    if not found:
        raise ValueError(
            f"the arm {arm.name!r} shows {data}, but there are none: name the run that wrote them in `data.{data}.run`"
            ", or remove the arm from `params.arms`"
        )
    origin = Origin.model_validate(found[0]["origin"])
    if tested not in (None, origin.without):
        raise ValueError(
            f"the {data} of {origin.run} might show what is tested: they were not written from the training side of "
            "the run that the requests come from"
        )
    return origin


def _call_text(call: Mapping[str, Any]) -> str:
    return f"{call['query']} {call['action']} {call['arguments']}"


def _last(items: Sequence[_Item], count: int) -> list[_Item]:
    return list(items[len(items) - count :])
