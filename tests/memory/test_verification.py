import json

import pytest

import ste_graph as ste
from ste_graph.contracts import Observation
from ste_graph.memory.exemplars.jsonl import export_jsonl, import_jsonl
from ste_graph.memory.exemplars.verification import mark_changed, verify_exemplars
from ste_graph.records import StepObservation
from ste_graph.tools.fingerprint import fingerprint


class Weather:
    """A tool whose definition and behaviour can be changed; counts its calls."""

    name = "weather"

    def __init__(self, description="Tell the weather.", *, effect="read", gives="It rains.", wants="string"):
        self.description, self.effect, self.gives = description, effect, gives
        self.parameters = {"type": "object", "properties": {"text": {"type": wants}}, "required": ["text"]}
        self.calls = []

    async def call(self, arguments):
        self.calls.append(arguments)
        ok = arguments["text"] != "wind at sea"
        return Observation(ok=ok, kind="ok" if ok else "tool_error", text=self.gives if ok else "no sea")


@pytest.fixture
def of_weather(open_store, exemplar):
    def make(tool):
        store = open_store()
        texts = ["rain in Paris", "wind at sea"]
        store.add(exemplar(text, fingerprint=fingerprint(tool)) for text in texts)
        store.add([exemplar("3 miles in km", "units", fingerprint="0" * 16)])
        return store

    return make


def state(store):
    return {item.query: (item.stale, item.fingerprint) for item in store.exemplars()}


async def test_nothing_is_called_while_the_definition_is_the_same(of_weather):
    tool = Weather()
    store = of_weather(tool)
    became = await verify_exemplars(store, [tool])
    assert (became.unchanged, became.gone, tool.calls) == (2, ["units 3 miles in km"], [])


async def test_exemplars_of_a_changed_tool_are_stale_until_they_are_tried_again_and_hold(of_weather):
    store = of_weather(Weather())
    tool = Weather("Tell the weather of a place.")
    marked = mark_changed(store, [tool])
    assert (marked.unchanged, marked.marked, marked.explore) == (
        1, ["weather rain in Paris", "weather wind at sea"], ["weather"],
    )  # fmt: skip
    assert mark_changed(store, [tool]).marked == []
    assert store.search("rain in Paris", tools=["weather"]) == []
    assert store.search("3 miles in km", 1)[0].exemplar.tool == "units"
    became = await verify_exemplars(store, [tool])
    assert (became.revived, became.broken, became.explore) == (
        ["weather rain in Paris"], ["weather wind at sea"], ["weather"],
    )  # fmt: skip
    assert tool.calls == [{"text": "rain in Paris"}, {"text": "wind at sea"}]
    (found,) = store.search("rain in Paris", tools=["weather"])
    assert (found.exemplar.fingerprint, found.exemplar.answer) == (fingerprint(tool), "Take a coat.")


async def test_a_revived_exemplar_shows_what_the_tool_gives_now_and_no_answer_made_of_something_else(of_weather):
    store = of_weather(Weather())
    await verify_exemplars(store, [Weather("New.", gives="Sun.")])
    (found,) = store.search("rain in Paris", tools=["weather"])
    assert (found.exemplar.observation, found.exemplar.answer) == (
        StepObservation(ok=True, kind="ok", text="Sun."),
        None,
    )


async def test_arguments_that_the_new_schema_refuses_break_an_exemplar_without_a_call(of_weather):
    store = of_weather(Weather())
    tool = Weather(wants="integer")
    assert (await verify_exemplars(store, [tool])).broken == ["weather rain in Paris", "weather wind at sea"]
    assert tool.calls == []


@pytest.mark.parametrize("effect", ["write", "destructive"])
async def test_a_tool_that_does_more_than_read_is_never_called_and_a_definition_that_came_back_revives(
    of_weather, effect
):
    before, changed = Weather(effect=effect), Weather("New.", effect=effect)
    store = of_weather(before)
    became = await verify_exemplars(store, [changed])
    assert (became.untried, changed.calls) == (["weather rain in Paris", "weather wind at sea"], [])
    assert store.search("rain in Paris", tools=["weather"]) == []
    assert len((await verify_exemplars(store, [before])).revived) == 2
    assert before.calls == []


def test_out_and_in_again_gives_the_same(open_store, store, exemplar, tmp_path):
    store.add([exemplar("häßlich 日本 “x”\n\t", stale=True, run="r", trial_id="t", episode=3, trial=0, model="m")])
    lines = list(export_jsonl(store))
    file = tmp_path / "out.jsonl"
    file.write_text("\n".join([*lines, "{}"]), encoding="utf-8")
    other = open_store(tmp_path / "other")
    added, damaged = import_jsonl(other, file)
    assert (added, damaged) == (7, [f"{file}:8: this line is left out: not an exemplar (id: Field required)"])
    assert list(export_jsonl(other)) == lines
    assert import_jsonl(other, file)[0] == 0


def test_a_run_gives_its_trials_as_exemplars_and_does_not_bring_back_what_was_forgotten(
    open_store, tmp_path, word_hashes
):
    wf = ste.load("workflows/quickstart.yaml", set={"params.episodes": 1, "params.trials": 2})
    run = tmp_path / "run"
    wf.run(out=run)
    trials = ste.open_run(run).trials()
    store = open_store(run)
    exemplars = store.exemplars()
    assert {item.trial_id for item in exemplars} <= {kept.id for kept in trials}
    for item in exemplars:
        (kept,) = trials.where(lambda kept, item=item: kept.id == item.trial_id)
        assert (item.query, item.tool, item.calls) == (kept.query, kept.tool, kept.steps)
        assert item.answer == (kept.answer if kept.steps[-1].observation.ok else None)
        assert ("execution" in item.verified) == kept.steps[-1].observation.ok
    gone = store.forget(tool=exemplars[0].tool)
    assert gone >= 1
    assert len(open_store(run)) == len(exemplars) - gone
    assert store.forget(run=run) == len(exemplars) - gone
    store.close()
    assert exemplars[0].query not in (run / "memory/exemplars/exemplars.jsonl").read_text("utf-8")
    with ste_store(run, word_hashes) as again:
        assert len(again) == 0
    files = (file for file in run.rglob("*") if file.is_file())
    written = json.dumps(exemplars[0].query, ensure_ascii=False)[1:-1].encode()
    holding = {str(file.relative_to(run)) for file in files if written in file.read_bytes()}
    assert holding == {"journal.jsonl", f"units/{exemplars[0].tool}.jsonl"}
    assert wf.run(out=run).records["trial"] == len(trials)


def test_the_memories_of_a_run_in_progress_are_not_removed_under_it(open_store, tmp_path, caplog):
    from ste_graph.run.folder import RunFolder

    wf = ste.load("workflows/quickstart.yaml", set={"params.episodes": 1, "params.trials": 1})
    wf.run(out=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    folder.acquire()
    assert open_store(tmp_path / "run").forget(run=tmp_path / "run") > 0
    folder.release()
    assert (tmp_path / "run/memory/long_term/chroma.sqlite3").exists()
    assert "the indexes of the run's own memories still hold what was forgotten" in caplog.text


def ste_store(run, embedder):
    from ste_graph.memory.exemplars.store import ExemplarStore

    return ExemplarStore.rebuild(run, embedder=embedder)
