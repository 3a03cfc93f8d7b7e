"""`or:`: a model that is asked in place of another one, which is refused, gone, or has spent its own budget."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import ste_graph as ste
from ste_graph.diagnostics import DiagnosticsError
from ste_graph.lab.methods.facts import facts_from_run
from ste_graph.lab.methods.settings import write_tables
from tests.servers.chat import Answer, ChatServer, Proceed, Request

NINE = 9


def steps_of(out: Path) -> list[dict]:
    """The use of models by each step of a run, unit by unit."""
    files = sorted((out / "units").iterdir())
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [line["used"]["models"] for line in lines if line.get("used", {}).get("models")]


def refuse_two(request: Request, proceed: Proceed) -> Answer:
    """Refuses, for good, whatever is about the unit `two`."""
    asks_two = request.is_chat and "two" in json.dumps(request.body["messages"])
    return Answer(400, {"error": {"message": "flagged by the content policy"}}) if asks_two else proceed(request)


def refuse_key(request: Request, proceed: Proceed) -> Answer:
    """Lists its models, and refuses the key of each chat request."""
    return Answer(401, {"error": {"message": "invalid key"}}) if request.is_chat else proceed(request)


@pytest.fixture
def go(tiny: Path, tmp_path: Path) -> Callable:
    """Runs `tiny` with `model` on one server and `spare` on another, one request at a time."""

    def run(main: str, spare: str, *, out: str = "run", **changes: object):
        models = {
            "models.model": {"use": "openai", "base_url": main, "model": "tiny", "or": "spare"},
            "models.spare": {"use": "openai", "base_url": spare, "model": "small"},
        }
        found = {name.replace("__", "."): value for name, value in changes.items()}
        return ste.load(tiny, set={**models, **found}).run(out=tmp_path / out, concurrency=1)

    return run


def test_what_a_server_refuses_for_good_is_asked_of_the_other_model_and_the_rest_of_the_first(
    go: Callable, tmp_path: Path
) -> None:
    with ChatServer(refuse_two) as main, ChatServer(model="small") as spare:
        summary = go(main.url, spare.url)
        assert (len(main.requests), len(spare.requests)) == (9, 3)
    assert summary.complete
    assert summary.fallbacks == {"spare for model": 3}
    told = [remark for remark in summary.servers.remarks if "in place of" in remark]
    assert len(told) == 1
    assert told[0].startswith("`spare` is asked in place of `model` for requests that it refuses: ")
    assert [[*step] for step in steps_of(tmp_path / "run")].count(["spare for model"]) == 3
    trials = ste.open_run(tmp_path / "run").trials()
    assert {(trial.tool, trial.line["model"]) for trial in trials} == {
        ("one", "tiny"),
        ("two", "small"),  # who replied, not who was named
        ("three", "tiny"),
    }


def test_a_model_that_refuses_every_request_is_left_after_the_first(go: Callable) -> None:
    with ChatServer(refuse_key) as main, ChatServer(model="small") as spare:
        summary = go(main.url, spare.url)
        assert (len(main.requests), len(spare.requests)) == (1, 9)
    assert (summary.complete, summary.fallbacks) == (True, {"spare for model": 9})


def test_a_model_that_is_gone_from_its_server_is_left(go: Callable) -> None:
    def forget(request: Request, proceed: Proceed) -> Answer:
        gone = request.is_chat and request.number >= 4
        return Answer(404, {"error": {"message": "model not found"}}) if gone else proceed(request)

    def list_another(request: Request, proceed: Proceed) -> Answer:
        return proceed(request) if request.is_chat else Answer(body={"object": "list", "data": [{"id": "other"}]})

    with ChatServer(forget, list_another) as main, ChatServer(model="small") as spare:
        summary = go(main.url, spare.url)
        assert (len(main.requests), len(spare.requests)) == (5, 5)
    assert (summary.complete, summary.fallbacks) == (True, {"spare for model": 5})


def test_a_server_that_is_not_there_at_the_start_is_left_at_once(go: Callable) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with ChatServer(model="small") as spare:
        summary = go(nowhere, spare.url)
    assert (summary.complete, summary.fallbacks) == (True, {"spare for model": 9})
    assert any(f"no model server answers at {nowhere}" in remark for remark in summary.servers.remarks)


def test_the_own_budget_of_a_model_hands_over_and_counts_when_the_run_is_taken_up(go: Callable) -> None:
    with ChatServer() as main, ChatServer(model="small") as spare:
        stopped = go(main.url, spare.url, models__model__budget={"model_calls": 4}, budget__model_calls=6)
        assert (len(main.requests), len(spare.requests), stopped.stopped_by) == (4, 2, "budget")
        whole = go(main.url, spare.url, models__model__budget={"model_calls": 4})
        assert (len(main.requests), len(spare.requests)) == (4, 5)
        assert whole.complete
        assert whole.used.models["model"][0] == 4
        assert whole.fallbacks == {"spare for model": 5}


def test_without_another_model_a_spent_budget_of_its_own_stops_the_run(go: Callable) -> None:
    with ChatServer() as main, ChatServer(model="small") as spare:
        changes = {"models.model.or": None, "models.model.budget": {"model_calls": 4}}
        stopped = go(main.url, spare.url, **changes)
    assert (stopped.stopped_by, stopped.used.model_calls) == ("budget", 4)
    assert "of model `model` is spent: raise `models.model.budget.model_calls`" in str(stopped.reason)


def test_the_last_model_of_a_chain_fails_as_any_model(go: Callable) -> None:
    with ChatServer(refuse_two) as main, ChatServer(refuse_two, model="small") as spare:
        summary = go(main.url, spare.url)
    assert [*summary.failed] == ["two"]
    assert "model `small` at" in summary.failed["two"]


def test_a_cassette_replays_exactly_who_replied(go: Callable, tmp_path: Path) -> None:
    with ChatServer(refuse_two) as main, ChatServer(model="small") as spare:
        cassette = {"path": str(tmp_path / "tape"), "mode": "record"}
        recorded = go(main.url, spare.url, cassette=cassette)
    cassette["mode"] = "replay"
    replayed = go(main.url, spare.url, out="again", cassette=cassette)
    assert replayed.complete
    assert replayed.used.models == recorded.used.models
    assert replayed.fallbacks == {"spare for model": 3}
    assert steps_of(tmp_path / "again") == steps_of(tmp_path / "run")
    texts = [[trial.query for trial in ste.open_run(tmp_path / out).trials()] for out in ("run", "again")]
    assert sorted(texts[0]) == sorted(texts[1])


def test_the_other_model_is_in_the_lock_and_in_the_methods(go: Callable, tmp_path: Path) -> None:
    with ChatServer() as main, ChatServer(model="small") as spare:
        go(
            main.url,
            spare.url,
            models__model__budget={"model_calls": 4},
            models__model__prices={"input": 1, "output": 2},
        )
    lock = ste.open_run(tmp_path / "run").lock
    assert lock["models"] == {"model": "tiny", "spare": "small"}
    assert lock["resolved"]["workflow"]["models"]["model"]["or"] == "spare"
    assert lock["resolved"]["workflow"]["models"]["spare"]["model"] == "small"
    assert not {"budget", "prices"} & lock["resolved"]["workflow"]["models"]["model"].keys()
    (table,) = write_tables(facts_from_run(tmp_path / "run"))
    rows = {str(name[0]): str(value[0]) for name, value in table.rows}
    assert any("models.model.or" in name and "spare" in value for name, value in rows.items())


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"models.model.or": "model"}, "E225] the `or` of model `model` is the model itself"),
        (
            {
                "models.model.or": "a",
                "models.a": {"like": "model", "or": "b"},
                "models.b": {"like": "model", "or": "model"},
            },
            "E225] the `or` of model `model` is `a`, whose `or` is `b`, whose `or` is `model`",
        ),
        (
            {"models.model.or": "a", "models.a": {"like": "model", "or": "b"}, "models.b": {"like": "model"}},
            "E225] the `or` of model `a` is `b`, whose `or` is `a`",
        ),
        ({"models.model.or": "modle"}, "E216] unknown model `modle` in `or`"),
        ({"models.model.or": 4}, "E203] `or`"),
    ],
)  # fmt: skip
def test_an_or_that_leads_nowhere_is_a_placed_error(tiny: Path, models: dict, message: str) -> None:
    with pytest.raises(DiagnosticsError) as error:
        ste.load(tiny, set=models)
    assert message in str(error.value)
    assert "--set models" in str(error.value)


def test_a_copy_has_the_or_the_prices_and_the_budget_of_what_it_copies(tiny: Path) -> None:
    changes = {
        "models.model.or": "spare",
        "models.model.prices": {"input": 1, "output": 2},
        "models.model.budget": {"tokens": 100},
        "models.spare": {"like": "model", "tokens": 4},
        "models.judge": {"like": "model", "tokens": 3},
    }
    terms = ste.load(tiny, set=changes).workflow.terms
    assert (terms["judge"].other, terms["judge"].owner, terms["judge"].prices) == (
        "spare",
        "model",
        terms["model"].prices,
    )
    assert (terms["spare"].other, terms["spare"].budget) == (None, None)  # it could never be asked otherwise
