from collections.abc import Sequence

from ste_graph.contracts import Entry, Neighbour, Origin, SelectedLessons
from ste_graph.nodes.lessons import Lessons, LessonsOffered
from ste_graph.trials.lessons import draw_lessons, lesson_text, rank_lessons

TOOL = {"name": "add_days", "parameters": {}}


def trial(id: str, argument: str, *, record: str | None = None, lessons: list[str] | None = None) -> Neighbour:
    def step(value: str, kind: str) -> dict:
        seen = {"ok": kind == "ok", "kind": kind, "text": "2" if kind == "ok" else f"ValueError: {argument} is wrong"}
        return {"thought": None, "action": "add_days", "arguments": {argument: value}, "observation": seen}

    steps = [step("wrong", "tool_error"), step("right", "ok")]
    kept = {"id": record or id, "query": "What is right?", "steps": steps, "lessons": lessons or []}
    return Neighbour(similarity=1.0, entry=Entry(id=id, scope=("add_days",), text="When?", record=kept))


async def given(node: Lessons, context: type) -> dict:
    return (await node(Lessons.Inputs(tool=TOOL), context())).model_dump()


async def test_it_gives_the_lines_and_ids_of_the_best_founded_lessons_of_the_tool(recall, context) -> None:
    entries = [trial("1", "date"), trial("2", "days"), trial("3", "days"), trial("4", "zone"), trial("5", "mode")]
    known = rank_lessons(draw_lessons([item.entry.record for item in entries]), "add_days", 2)
    found = await given(Lessons(memory=recall(*entries), k=2), context)
    assert found == {"lines": [lesson_text(item) for item in known], "ids": [item.id for item in known]}
    assert "`days`" in found["lines"][0]


async def test_an_empty_memory_teaches_nothing(recall, context) -> None:
    assert await given(Lessons(memory=recall()), context) == {"lines": [], "ids": []}


async def test_trials_of_two_runs_with_equal_ids_are_two_trials(recall, context) -> None:
    taught = (await given(Lessons(memory=recall(trial("1", "date"))), context))["ids"]
    again = trial("run:1", "date", record="1", lessons=taught)
    assert await given(Lessons(memory=recall(trial("1", "date"), again)), context) == {"lines": [], "ids": []}


async def test_trials_of_an_older_definition_of_the_tool_teach_nothing(recall, context) -> None:
    old = trial("1", "date")
    old.entry.record["fingerprint"] = "old"
    node = Lessons(memory=recall(old))
    inputs, ctx = Lessons.Inputs(tool={**TOOL, "fingerprint": "new"}), context()
    assert (await node(inputs, ctx)).lines == []
    inputs, ctx = Lessons.Inputs(tool={**TOOL, "fingerprint": "old"}), context()
    assert len((await node(inputs, ctx)).lines) == 1


class Teaches:
    """A memory that teaches one lesson whatever it is asked, and keeps what that was."""

    async def nearest(self, lesson_text: str, k: int = 1) -> list[Neighbour]:
        raise AssertionError("the node asks for lessons")

    async def entries(self) -> list[Entry]:
        raise AssertionError("the node asks for lessons")

    async def select_lessons(self, query: str, *, tools: Sequence[str], per_tool: int, k: int) -> SelectedLessons:
        self.asked = (query, [*tools], per_tool, k)
        return SelectedLessons(lines=["Lesson: x"], ids=["1"], origin=Origin(run_id="7", run="runs/explore"))


async def test_lessons_of_the_offered_tools_are_asked_for_by_the_request_alone() -> None:
    memory = Teaches()
    node = LessonsOffered(memory=memory, per_tool=2, k=5)
    gives = await node(LessonsOffered.Inputs(query="When?", names=["add_days", "today"]), None)
    assert memory.asked == ("When?", ["add_days", "today"], 2, 5)
    assert gives.model_dump() == {
        "lines": ["Lesson: x"], "ids": ["1"], "origin": {"run_id": "7", "run": "runs/explore", "without": None},
    }  # fmt: skip
