"""Show: what of all that was looked up does one arm of a test see?"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from ste_graph.contracts import Context, Frozen, Origin
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.scoring.subject import OfBoth, OfExemplars, OfLessons


class Arm(Frozen):
    """One way to put the requests of a test: what is shown beside them."""

    name: str
    exemplars: Literal["nearest", "shuffled"] | None = None
    """The exemplars nearest to the request, or a placebo of the same number and length; unset: none."""
    lessons: bool = False


_Subject: TypeAlias = OfExemplars | OfLessons | OfBoth


class Show(Node):
    """Give what an arm shows, and what would be adopted if it does better than the others.

    A placebo is never adopted, and neither is an arm that shows nothing. What comes from elsewhere than the training
    side of the run that holds the requests out must have been taken `without` that run, or the arm is refused: it might
    show what it is tested on.
    """

    class Inputs(NodeInputs):
        """The arm, see `Arm`; and what was looked up for the request, for all arms alike.

        `tool` is a tool of a test, see `ste_graph.data.cases.Cases`.
        """

        arm: dict[str, Any]
        tool: dict[str, Any] | None = None
        examples: str | None = None
        ids: list[str] | None = None
        placebo: str | None = None
        placebo_ids: list[str] | None = None
        lent_by: dict[str, Any] | None = None
        lines: list[str] | None = None
        lesson_ids: list[str] | None = None
        taught_by: dict[str, Any] | None = None

    class Outputs(NodeOutputs):
        """`examples` and `lines` are for the prompt; `exemplars` and `lessons` are their ids."""

        examples: str
        lines: list[str]
        exemplars: list[str]
        lessons: list[str]
        subject: dict[str, Any] | None

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        try:
            arm = Arm.model_validate(inputs.arm)
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise ValueError(
                f"the arm {inputs.arm.get('name', inputs.arm)!r} is none ({said}); expected `name` and, if it shows any, "
                "`exemplars: nearest` or `exemplars: shuffled`, `lessons: true`"
            ) from None
        tested = (inputs.tool or {}).get("run_id")
        lent = _origin(arm, "exemplars", inputs.lent_by, tested) if arm.exemplars else None
        taught = _origin(arm, "lessons", inputs.taught_by, tested) if arm.lessons else None
        nearest, shuffled = arm.exemplars == "nearest", arm.exemplars == "shuffled"
        subject = None if shuffled else _subject(lent, taught)
        return self.Outputs(
            examples=(inputs.examples if nearest else inputs.placebo if shuffled else None) or "",
            lines=(inputs.lines if arm.lessons else None) or [],
            exemplars=(inputs.ids if nearest else inputs.placebo_ids if shuffled else None) or [],
            lessons=(inputs.lesson_ids if arm.lessons else None) or [],
            subject=subject.model_dump(mode="json") if subject else None,
        )


def _origin(arm: Arm, what: str, given: dict[str, Any] | None, tested: str | None) -> Origin:
    if given is None:
        raise ValueError(
            f"the arm {arm.name!r} shows {what}, but no memory gives any: turn the memory and the node on, or leave "
            "the arm out of `params.arms`"
        )
    origin = Origin.model_validate(given)
    if tested not in (None, origin.run_id, origin.without):
        raise ValueError(
            f"the {what} of {origin.run} might show what is tested: let `without` of their memory name the run that "
            "the requests come from"
        )
    return origin


def _subject(lent: Origin | None, taught: Origin | None) -> _Subject | None:
    if lent and taught:
        return OfBoth(run_id=lent.run_id, run=lent.run, lessons_run_id=taught.run_id, lessons_run=taught.run)
    if lent:
        return OfExemplars(run_id=lent.run_id, run=lent.run)
    return OfLessons(run_id=taught.run_id, run=taught.run) if taught else None
