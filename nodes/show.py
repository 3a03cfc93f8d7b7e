"""Show: the exemplars and lessons that one arm of a test is shown."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError

from ste_graph.contracts import Context, Frozen, Origin
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.scoring.subject import Form, FormSource, FormsSubject


class ArmSettings(Frozen):
    """One entry of `params.arms`: the arm's name, and what is shown with each request."""

    name: str
    exemplars: Literal["nearest", "shuffled"] | None = None
    """The exemplars nearest to the request, or a placebo of the same number and length; unset: no exemplars."""
    lessons: bool = False


class Show(Node):
    """Select what an arm shows, and name what would be adopted if the arm does better than the baseline.

    A placebo is never adopted, and neither is an arm that shows nothing. Exemplars and lessons that do
    not come from the training side of the run with the held-out requests must have been selected `without` that run;
    otherwise the arm is refused, since it might show what it is tested on.
    """

    class Inputs(NodeInputs):
        """The arm, see `ArmSettings`, and what was looked up for the request, the same for all arms.

        `tool` is a tool of a test, see `ste_graph.inputs.cases.Cases`.
        """

        arm: dict[str, Any]
        tool: dict[str, Any] | None = None
        examples: str | None = None
        calls: list[dict[str, Any]] | None = None
        ids: list[str] | None = None
        placebo: str | None = None
        placebo_calls: list[dict[str, Any]] | None = None
        placebo_ids: list[str] | None = None
        exemplar_origin: Origin | None = None
        lines: list[str] | None = None
        lesson_ids: list[str] | None = None
        lesson_origin: Origin | None = None

    class Outputs(NodeOutputs):
        """`examples` (or `calls`, for turns of a chat) and `lines` are for the prompt; the others are their ids."""

        examples: str
        calls: list[dict[str, Any]]
        lines: list[str]
        exemplars: list[str]
        lessons: list[str]
        subject: FormsSubject | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        try:
            arm = ArmSettings.model_validate(inputs.arm)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise ValueError(
                f"invalid arm {inputs.arm.get('name', inputs.arm)!r} ({faults}); expected `name` and, if it shows any, "
                "`exemplars: nearest` or `exemplars: shuffled`, `lessons: true`"
            ) from None
        tested = (inputs.tool or {}).get("run_id")
        exemplars = _origin(arm, "exemplars", inputs.exemplar_origin, tested) if arm.exemplars else None
        lessons = _origin(arm, "lessons", inputs.lesson_origin, tested) if arm.lessons else None
        nearest, shuffled = arm.exemplars == "nearest", arm.exemplars == "shuffled"
        origins: list[tuple[Form, Origin | None]] = [("exemplars", exemplars), ("lessons", lessons)]
        forms = {form: FormSource(run_id=origin.run_id, run=origin.run) for form, origin in origins if origin}
        return self.Outputs(
            examples=(inputs.examples if nearest else inputs.placebo if shuffled else None) or "",
            calls=(inputs.calls if nearest else inputs.placebo_calls if shuffled else None) or [],
            lines=(inputs.lines if arm.lessons else None) or [],
            exemplars=(inputs.ids if nearest else inputs.placebo_ids if shuffled else None) or [],
            lessons=(inputs.lesson_ids if arm.lessons else None) or [],
            subject=FormsSubject(forms=forms) if forms and not shuffled else None,
        )


def _origin(arm: ArmSettings, what: str, origin: Origin | None, tested: str | None) -> Origin:
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
