"""Facts of the trials of a run, kept in the cache where there are many."""

import json
from pathlib import Path

import pytest

from ste_graph.distil import run_facts
from ste_graph.distil.facts import read_run_facts
from ste_graph.distil.run_facts import RunFacts

LOCK = {
    "schemas": {"double": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    "descriptions": {"double": "Double a number."},
}


def trial(number: int, *, ok: bool = True, said: int | None = None) -> dict:
    seen = {"ok": ok, "kind": "ok" if ok else "tool_error", "text": str(2 * number), "notes": [], "doubt": None}
    step = {"action": "double", "arguments": {"n": number}, "observation": seen, "thought": None}
    query = f"What is twice {number if said is None else said}?"
    return {"id": f"t{number}", "ended": "2026", "query": query, "steps": [step], "answer": "done", "solved": True}


TRIALS = [trial(3), trial(4, ok=False), trial(5, said=77)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STE_CACHE", str(tmp_path))
    monkeypatch.setattr(run_facts, "KEPT_FROM", 3)
    return tmp_path / "facts" / "r.json"


def test_facts_from_the_cache_are_those_that_the_records_show(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = RunFacts("r", LOCK)
    found = [first.of(line) for line in TRIALS]
    first.keep()
    assert found == [read_run_facts(line, LOCK) for line in TRIALS]
    assert len({fact.text for fact in found}) == 3
    monkeypatch.setattr(run_facts, "read_run_facts", None)  # nothing is computed again
    again = RunFacts("r", LOCK)
    assert [again.of(line) for line in TRIALS] == found


def test_few_facts_are_not_kept(cache: Path) -> None:
    few = RunFacts("r", LOCK)
    few.of(TRIALS[0])
    few.keep()
    assert not cache.exists()


def test_other_definitions_or_a_record_made_anew_or_a_damaged_cache_are_read_from_the_records(cache: Path) -> None:
    first = RunFacts("r", LOCK)
    for line in TRIALS:
        first.of(line)
    first.keep()
    other = {**LOCK, "descriptions": {"double": "Something else."}}
    changed = [*TRIALS[:2], {**trial(5), "ended": "2027"}]
    for lock in (LOCK, other):
        reader = RunFacts("r", lock)
        assert [reader.of(line) for line in changed] == [read_run_facts(line, lock) for line in changed]
    for damaged in ("", "[]", json.dumps({"mark": 1})):
        cache.write_text(damaged, "utf-8")
        assert RunFacts("r", LOCK).of(TRIALS[0]) == read_run_facts(TRIALS[0], LOCK)
