"""Budgets of runs, units, passes and models: each stops what it is of, is recorded, and lets a larger one go on."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.diagnostics import DiagnosticsError
from ste_graph.run.context import Watcher
from ste_graph.run.control import Control, write_control
from ste_graph.run.costs import seconds_between, worked_s
from tests.servers.chat import Answer, ChatServer, Proceed, Request

NINE = 9
"""The calls of `tiny`, whole."""


def journal_of(out: Path, kind: str) -> list[dict]:
    lines = map(json.loads, (out / "journal.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if line["record"] == kind]


@pytest.fixture
def go(tiny: Path, tmp_path: Path) -> Callable:
    """Runs `tiny` with changes, in one folder, one request at a time."""

    def run(**changes: object):
        found = {name.replace("__", "."): value for name, value in changes.items()}
        return ste.load(tiny, set={"models.model.tokens": 10, **found}).run(out=tmp_path / "run", concurrency=1)

    return run


@pytest.mark.parametrize(
    ("limit", "small", "words"),
    [
        ("model_calls", 4, "4 model calls"),
        ("tokens", 35, "35 tokens"),
        ("money", 0.035, "0.0350 USD"),
    ],
)
def test_a_budget_of_the_run_records_what_was_not_done_and_a_larger_one_goes_on(
    go: Callable, tmp_path: Path, limit: str, small: float, words: str
) -> None:
    priced = {"models.model.prices": {"input": 1000, "output": 0}}
    stopped = go(**priced, **{f"budget.{limit}": small})
    assert (stopped.stopped_by, stopped.used.model_calls, stopped.done) == ("budget", 4, 1)
    assert stopped.reason == f"the budget of {words} is spent: raise `budget.{limit}` and run again"
    assert stopped.money == pytest.approx(0.04)
    assert {line["item"]: line["step"] for line in journal_of(tmp_path / "run", "budget")} == {
        "two": "think turn=1",
        "three": "think turn=0",
    }
    again = go(**priced, **{f"budget.{limit}": small})
    assert (again.stopped_by, again.used.model_calls) == ("budget", 4)
    whole = go(**priced, **{f"budget.{limit}": 1000})
    assert (whole.complete, whole.used.model_calls, whole.stopped) == (True, NINE, {})
    assert journal_of(tmp_path / "run", "budget") == []
    assert len(journal_of(tmp_path / "run", "trial")) == NINE


def test_a_budget_that_is_smaller_than_the_first_call_lets_one_call_through_and_none_where_it_is_zero(
    go: Callable, tmp_path: Path
) -> None:
    assert go(budget__tokens=0).used.model_calls == 0
    assert [line["step"] for line in journal_of(tmp_path / "run", "budget")] == ["think turn=0"] * 3
    assert go(budget__tokens=1).used.model_calls == 1


def test_of_several_limits_the_first_to_be_spent_stops_the_run_and_is_named(go: Callable) -> None:
    limits = {"budget.model_calls": 6, "budget.tokens": 25, "budget.time_s": 1e6}
    assert go(**limits).reason == "the budget of 25 tokens is spent: raise `budget.tokens` and run again"
    limits["budget.tokens"] = 1000
    assert go(**limits).reason == "the budget of 6 model calls is spent: raise `budget.model_calls` and run again"
    limits |= {"budget.model_calls": 100, "budget.time_s": 0}
    assert go(**limits).reason == "the budget of 0 seconds is spent: raise `budget.time_s` and run again"
    limits["budget.time_s"] = 1e6
    assert go(**limits).complete


def test_a_budget_per_unit_stops_that_unit_alone(go: Callable, tmp_path: Path) -> None:
    stopped = go(budget__per={"item": {"model_calls": 2}})
    assert (stopped.stopped_by, stopped.done, stopped.used.model_calls) == ("budget", 0, 6)
    reason = "the budget of 2 model calls of item `one` is spent: raise `budget.per.item.model_calls` and run again"
    assert stopped.reason == reason
    assert {line["item"]: line["why"] for line in journal_of(tmp_path / "run", "budget")}["one"] == reason
    again = go(budget__per={"item": {"model_calls": 2}})
    assert (again.stopped_by, again.used.model_calls) == ("budget", 6)
    whole = go(budget__per={"item": {"model_calls": 3}})
    assert (whole.complete, whole.used.model_calls) == (True, NINE)


EPISODES = """      - repeat: episode
        times: 2
        do:
          - repeat: turn
            times: params.turns
            do:
              - think
              - record: trial
                as: {query: think.text, steps: "[]", answer: think.text, solved: true}
"""


def test_a_budget_per_pass_of_a_loop_is_that_of_each_pass(tiny: Path, tmp_path: Path) -> None:
    text = tiny.read_text("utf-8")
    tiny.write_text(text[: text.index("      - repeat: turn")] + EPISODES, "utf-8")

    def run(calls: int):
        limits = {"budget.per": {"episode": {"model_calls": calls}}}
        return ste.load(tiny, set=limits).run(out=tmp_path / "run", concurrency=1)

    stopped = run(2)
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 6)
    of = "the budget of 2 model calls of episode 0 is spent: raise `budget.per.episode.model_calls` and run again"
    assert stopped.reason == of
    assert stopped.stopped["one"]["step"] == "think episode=0 turn=2"
    whole = run(3)  # each pass has three calls, and there are two passes: six would not do for all of them together
    assert (whole.complete, whole.used.model_calls) == (True, 18)


def test_an_unknown_loop_in_per_is_a_placed_error_with_the_legal_ones(tiny: Path) -> None:
    with pytest.raises(DiagnosticsError) as error:
        ste.load(tiny, set={"budget.per": {"turns": {"tokens": 5}}})
    assert "E251] unknown loop `turns` in `budget.per`" in str(error.value)
    assert "did you mean `turn`?" in str(error.value)


def test_money_needs_the_prices_of_all_models_that_are_asked(tiny: Path) -> None:
    with pytest.raises(DiagnosticsError) as error:
        ste.load(tiny, set={"budget.money": 5})
    assert "E253] `budget.money` counts the prices of all models that are asked, and `model` has none" in str(
        error.value
    )
    with pytest.raises(DiagnosticsError, match=r"E253\] `budget.per.item.money` counts the prices"):
        ste.load(tiny, set={"budget.per": {"item": {"money": 5}}})
    with pytest.raises(DiagnosticsError, match=r"E253\] `models.model.budget.money` counts the prices"):
        ste.load(tiny, set={"models.model.budget": {"money": 5}})
    assert ste.load(tiny, set={"budget.money": 5, "models.model.use": "simulated"}).workflow.budget == {"money": 5}


def test_all_prices_of_a_run_are_in_one_currency(tiny: Path) -> None:
    with pytest.raises(DiagnosticsError, match=r"E253\] the prices of the models are in several currencies: EUR"):
        ste.load(
            tiny,
            set={
                "models.model.prices": {"input": 1, "output": 1, "currency": "EUR"},
                "models.spare": {"like": "model", "prices": {"input": 1, "output": 1, "currency": "USD"}},
                "models.model.or": "spare",
            },
        )


def test_a_limit_may_come_from_the_environment(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = {"budget.tokens": {"env": "STE_TOKENS", "default": 7}}
    assert ste.load(tiny, set=limit).workflow.budget == {"tokens": 7}
    monkeypatch.setenv("STE_TOKENS", "12")
    assert ste.load(tiny, set=limit).workflow.budget == {"tokens": 12}
    monkeypatch.setenv("STE_TOKENS", "many")
    with pytest.raises(DiagnosticsError, match="the environment variable `STE_TOKENS` must be a number, but is 'many'"):
        ste.load(tiny, set=limit)


def test_prices_and_budgets_may_change_when_a_run_is_taken_up_and_the_new_prices_count_for_all(go: Callable) -> None:
    stopped = go(models__model__prices={"input": 1000, "output": 0}, budget__money=0.035)
    assert stopped.money == pytest.approx(0.04)
    whole = go(models__model__prices={"input": 100, "output": 0}, budget__money=1)
    assert (whole.complete, whole.money) == (True, pytest.approx(0.009))


def test_what_a_failed_step_has_used_counts_when_the_run_is_taken_up(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(TWICE, "utf-8")
    text = (
        tiny.read_text("utf-8")
        .replace(", outputs: {text: str}", "")
        .replace("[answering.py]", "[answering.py, twice.py]")
    )
    tiny.write_text(text.replace("use: chat", "use: twice.Twice"), "utf-8")
    changes = {"models.model.tokens": 10, "params.items": ["one"]}
    failed = ste.load(tiny, set=changes).run(out=tmp_path / "run", concurrency=1)
    assert (len(failed.failed), failed.used.model_calls, failed.used.prompt_tokens) == (1, 1, 10)
    (tmp_path / "mended").touch()
    whole = ste.load(tiny, set={**changes, "budget.tokens": 30}).run(out=tmp_path / "run", concurrency=1)
    assert (whole.stopped_by, whole.used.prompt_tokens) == ("budget", 30)  # ten of them by the step that failed


TWICE = '''
from pathlib import Path
import ste_graph as ste

class Twice(ste.Node):
    """Ask once, and then be out of order until it is mended."""
    model: ste.Model
    prompt: ste.Prompt

    class Outputs(ste.NodeOutputs):
        text: str

    async def __call__(self, inputs, ctx):
        reply = await ctx.ask(self.model, self.prompt)
        if not Path(__file__).with_name("mended").exists():
            raise ValueError("out of order")
        return self.Outputs(text=reply.text)
'''


def test_seconds_of_work_are_those_in_which_a_step_was_under_way(tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    times = [("00.000", "02.000"), ("01.000", "03.000"), ("10.000", "10.500"), ("02.000", "02.500")]
    lines = [
        {"key": f"a n={n}", "started": f"2026-11-28T10:00:{a}Z", "ended": f"2026-11-28T10:00:{b}Z"}
        for n, (a, b) in enumerate(times)
    ]
    (units / "one.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert worked_s(tmp_path) == pytest.approx(3.5)
    assert seconds_between("2026-11-28T23:59:59.500Z", "2026-11-29T00:00:01.000Z") == pytest.approx(1.5)


def test_a_budget_of_time_counts_the_work_of_earlier_processes(go: Callable) -> None:
    first = go(budget__model_calls=4)
    assert first.stopped_by == "budget"
    worked = worked_s(first.run)
    assert worked > 0
    stopped = go(budget__time_s=worked)
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 4)
    assert go(budget__time_s=1e6).complete


class Counting:
    """A behaviour that counts tokens and requests under way, and holds each until so many are in."""

    def __init__(self, together: int) -> None:
        self.lock = threading.Lock()
        self.barrier = threading.Barrier(together)
        self.inside = self.most = 0

    def __call__(self, request: Request, proceed: Proceed) -> Answer:
        if not request.is_chat:
            return proceed(request)
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            self.barrier.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            self.barrier.reset()
        answer = proceed(request)
        answer.body["usage"] = {"prompt_tokens": 90, "completion_tokens": 10}
        with self.lock:
            self.inside -= 1
        return answer


@pytest.mark.parametrize("concurrency", [64, 8])
def test_a_budget_is_never_exceeded_by_more_than_the_calls_in_flight(
    tiny: Path, tmp_path: Path, concurrency: int
) -> None:
    counting = Counting(concurrency)
    with ChatServer(counting) as server:
        changes = {
            "models.model": {"use": "openai", "base_url": server.url, "model": server.model},
            "params.items": [f"item {number}" for number in range(80)],
            "budget.tokens": 1_050,
        }
        summary = ste.load(tiny, set=changes).run(out=tmp_path / "run", concurrency=concurrency)
        asked = len(server.requests)
    assert summary.stopped_by == "budget"
    tokens = summary.used.prompt_tokens + summary.used.completion_tokens
    lost = summary.servers.retries.total()  # a connection that breaks on a busy machine
    assert 100 * (asked - lost) <= tokens <= 100 * asked
    assert counting.most <= concurrency
    # 11 calls spend the budget; when the eleventh comes back, fewer than `concurrency` others are under way. On a busy
    # machine the server sees fewer of them at once than there are.
    assert 1_100 <= tokens <= 1_050 + 100 * concurrency
    assert len(summary.stopped) == 80 - summary.done
    with ChatServer() as server:
        changes |= {"models.model.base_url": server.url, "budget.tokens": 10**9}
        whole = ste.load(tiny, set=changes).run(out=tmp_path / "run", concurrency=concurrency)
        lost = whole.servers.retries.total()
        assert (whole.failed, whole.reason, whole.used.model_calls) == ({}, None, 240)
        assert 240 <= asked + len(server.requests) <= 240 + lost


def test_tokens_that_a_server_does_not_count_are_estimated_where_a_budget_needs_them(
    tiny: Path, tmp_path: Path
) -> None:
    def mute(request: Request, proceed: Proceed) -> Answer:
        answer = proceed(request)
        if request.is_chat:
            del answer.body["usage"]
        return answer

    with ChatServer(mute) as server:
        model = {"models.model": {"use": "openai", "base_url": server.url, "model": server.model}}
        changes = {**model, "budget.tokens": 60}
        summary = ste.load(tiny, set=changes).run(out=tmp_path / "run", concurrency=1)
        assert summary.stopped_by == "budget"
        assert 1 <= len(server.requests) < NINE
        assert any("does not count tokens" in remark for remark in summary.servers.remarks)
        free = ste.load(tiny, set=model).run(out=tmp_path / "free", concurrency=1)
    assert (free.complete, free.used.prompt_tokens) == (True, 0)


def test_replies_that_were_asked_for_again_are_paid_for(tiny: Path, tmp_path: Path) -> None:
    def be_silent(request: Request, proceed: Proceed) -> Answer:
        answer = proceed(request)
        if request.is_chat:
            answer.body["usage"] = {"prompt_tokens": 10, "completion_tokens": 1}
            if request.number == 0:
                answer.message["content"] = ""
        return answer

    with ChatServer(be_silent) as server:
        changes = {
            "models.model": {"use": "openai", "base_url": server.url, "model": server.model},
            "params.items": ["one"],
            "params.turns": 1,
        }
        summary = ste.load(tiny, set=changes).run(out=tmp_path / "run")
    assert (len(server.requests), summary.used.model_calls, summary.used.prompt_tokens) == (2, 1, 20)


WHOLE = """
dsl: 2
name: whole
params: {turns: 2}
models: {model: {use: answering.Answering, tokens: 10, prices: {input: 1000, output: 0}}}
plugins: [answering.py]
graph:
  - {run: tiny.yaml, name: first, with: {params.turns: params.turns, models: models}}
  - {run: tiny.yaml, name: second, with: {params.turns: params.turns, models: models}}
"""


@pytest.fixture
def whole(tiny: Path, tmp_path: Path) -> Callable:
    """Runs a workflow of two parts with six calls each."""
    file = tmp_path / "whole.yaml"
    file.write_text(WHOLE, "utf-8")

    def run(**changes: object):
        found = {name.replace("__", "."): value for name, value in changes.items()}
        return ste.load(file, set=found).run(out=tmp_path / "run", concurrency=1)

    return run


def test_money_of_the_whole_holds_for_its_parts(whole: Callable, tmp_path: Path) -> None:
    stopped = whole(budget__money=0.075)
    assert (stopped.stopped_by, stopped.used.model_calls, stopped.money) == ("budget", 8, pytest.approx(0.08))
    assert stopped.reason == "the budget of 0.0750 USD is spent: raise `budget.money` and run again"
    assert journal_of(tmp_path / "run", "budget")[0]["step"] == "second"
    assert [line["item"] for line in journal_of(tmp_path / "run" / "runs" / "second", "budget")] == ["two", "three"]
    done = whole(budget__money=1)
    assert (done.complete, done.used.model_calls, done.money) == (True, 12, pytest.approx(0.12))
    assert journal_of(tmp_path / "run" / "runs" / "second", "budget") == []


def test_the_budget_of_a_part_stops_that_part_and_names_it(whole: Callable) -> None:
    graph = "graph.second.with"
    stopped = whole(**{f"{graph}": {"params.turns": "params.turns", "models": "models", "budget.model_calls": 4}})
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 10)
    assert stopped.reason == (
        "the budget of 4 model calls is spent: raise `budget.model_calls` of `second` and run again"
    )
    again = whole(**{f"{graph}": {"params.turns": "params.turns", "models": "models", "budget.model_calls": 40}})
    assert again.complete


def test_the_one_unit_of_a_whole_counts_what_its_parts_use(whole: Callable) -> None:
    stopped = whole(budget__per={"run": {"model_calls": 8}})
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 8)
    assert "of run `run` is spent: raise `budget.per.run.model_calls`" in str(stopped.reason)
    assert whole(budget__per={"run": {"model_calls": 12}}).complete


def test_the_budget_of_a_model_holds_for_all_parts_together(whole: Callable) -> None:
    stopped = whole(models__model__budget={"tokens": 75})
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 8)
    assert "the budget of 75 tokens of model `model` is spent: raise `models.model.budget.tokens`" in str(
        stopped.reason
    )
    again = whole(models__model__budget={"tokens": 75})
    assert again.used.model_calls == 8
    assert whole(models__model__budget={"tokens": 1000}).complete


def test_parts_need_prices_for_a_budget_of_money_too(tiny: Path, tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    file.write_text(WHOLE.replace(", prices: {input: 1000, output: 0}", ""), "utf-8")
    with pytest.raises(DiagnosticsError, match=r"`first\.model`, `second\.model` have none"):
        ste.load(file, set={"budget.money": 1})


def test_a_lower_limit_of_requests_lowers_what_may_exceed_a_budget(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ste_graph.run.control.LOOK_S", 0.01)
    out, counting, limited = tmp_path / "run", Counting(1), threading.Event()
    most: list[int] = []

    def look(request: Request, proceed: Proceed) -> Answer:
        if request.is_chat and limited.is_set():
            most.append(counting.inside)
        return proceed(request)

    class Limiting(Watcher):
        def unit_end(self, unit: str, log: object) -> None:
            write_control(out, Control(concurrency=2))

        def message(self, text: str) -> None:
            if text.startswith("at most 2 requests at once"):
                limited.set()

    with ChatServer(counting, look) as server:
        changes = {
            "models.model": {"use": "openai", "base_url": server.url, "model": server.model},
            "params.items": [f"item {number}" for number in range(200)],
            "budget.tokens": 30_000,
        }
        summary = ste.load(tiny, set=changes).run(out=out, concurrency=16, watcher=Limiting())
        asked = len(server.requests)
    assert (summary.stopped_by, limited.is_set()) == ("budget", True)
    assert max(most[20:]) <= 2
    assert 30_000 <= 100 * asked <= 30_000 + 100 * 2
