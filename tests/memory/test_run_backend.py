"""The exemplars of a run: read from its journal, without writing into it."""

import os
import subprocess
import sys

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.records import StepObservation, TrialStep
from tests.memory.run_folder import write_run

REQUESTS = ("rain in Paris", "wind at sea", "hail")


def trial(number, query):
    step = TrialStep(
        thought=None,
        action="weather",
        arguments={"q": query},
        observation=StepObservation(ok=True, kind="ok", text="x"),
    )
    return {
        "id": f"t{number}", "record": "trial", "tool": "weather", "episode": 0, "trial": number, "query": query,
        "answer": "y", "solved": True, "steps": [step.model_dump(mode="json")], "fingerprint": "f", "model": "m",
        "started": "s", "ended": "2026-11-27T00:00:00Z",
    }  # fmt: skip


@pytest.fixture
def make_run(tmp_path):
    """Makes the folder of a run of some requests."""

    def make(name="run", requests=REQUESTS):
        return write_run(tmp_path / name, journal=[trial(number, query) for number, query in enumerate(requests)])

    return make


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def content(folder):
    """Every file and folder below a folder, with its content and the time of its last change."""
    return {
        path.relative_to(folder): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else None)
        for path in [folder, *folder.rglob("*")]
    }


def use(store):
    """Uses a store as its readers do."""
    assert [match.exemplar.query for match in store.search("rain in Paris", 1)] == ["rain in Paris"]
    assert store.render("wind at sea").count("User Query:") == 3
    assert (len(store), store.tools, store.lessons("weather"), store.check()) == (3, ["weather"], [], [])
    store.freeze(store.ids)
    assert len(store.exemplars()) == 3


def test_reading_a_run_changes_nothing_in_it(make_run, cache, word_hashes):
    run = make_run()
    before = content(run)
    with ExemplarStore.open(run, embedder=word_hashes) as store:
        use(store)
    assert ExemplarStore.compare(run) == (3, [])
    ExemplarStore.rebuild(run, embedder=word_hashes).close()
    assert content(run) == before


READER = """
import os, sys
from pathlib import Path

run = Path(sys.argv[1])
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def refuse(event, arguments):
    if event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate", "os.chmod"):
        paths, writes = arguments[:2], True
    elif event == "open":
        paths, writes = arguments[:1], bool((arguments[2] or 0) & writing)
    else:
        return
    for path in paths:
        if writes and isinstance(path, (str, bytes, os.PathLike)) and run in Path(os.fsdecode(path)).absolute().parents:
            raise PermissionError(13, "Permission denied", os.fsdecode(path))


sys.addaudithook(refuse)
sys.path.insert(0, sys.argv[2])
from tests.memory.served import WordHashes
from ste_graph.memory import ExemplarStore

with ExemplarStore.open(run, embedder=WordHashes()) as store:
    print(store.search("rain in Paris", 1)[0].exemplar.query)
    try:
        store.forget(tool="weather")
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_a_run_of_another_user_can_be_read_and_not_be_changed(make_run, cache):
    run = make_run()
    for path in (run, run / "units"):
        path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", READER, str(run), os.getcwd()], capture_output=True, text=True, check=False
    )
    for path in (run, run / "units"):
        path.chmod(0o755)
    assert done.stderr == ""
    found, refused = done.stdout.splitlines()
    assert found == "rain in Paris"
    assert refused.startswith(f"RunError {run}/memory")
    assert refused.endswith(
        ": cannot be written (Permission denied); nothing acknowledged is lost. "
        "Make the folder writable, then do it again, or choose another folder"
    )


def test_nothing_is_embedded_twice_and_the_cache_holds_no_text(make_run, cache, word_hashes):
    run = make_run()
    for _ in range(2):
        with ExemplarStore.open(run, embedder=word_hashes) as store:
            store.search("wind at sea", 1)
    assert sorted(word_hashes.asked) == sorted([*REQUESTS, "wind at sea", "wind at sea"])
    (file,) = [file for file in cache.rglob("*") if file.is_file()]
    assert b"Paris" not in file.read_bytes()


def test_nothing_is_embedded_before_somebody_searches(make_run, cache, word_hashes):
    with ExemplarStore.open(make_run(), embedder=word_hashes) as store:
        store.freeze(store.ids)
        assert len(store.exemplars()) == 3
    assert word_hashes.asked == []
    assert not cache.exists()


def test_without_a_cache_a_run_is_read_all_the_same(make_run, tmp_path, monkeypatch, word_hashes, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("STE_CACHE", str(tmp_path / "file"))
    with ExemplarStore.open(make_run(), embedder=word_hashes) as store:
        use(store)
    assert [message for message in caplog.messages if "vectors cannot be cached here" in message]


def test_embedders_are_not_mixed(make_run, cache, word_hashes):
    run = make_run()
    other = type(word_hashes)("other")
    for embedder in (word_hashes, other):
        with ExemplarStore.open(run, embedder=embedder) as store:
            store.search("hail", 1)
    assert sorted(other.asked) == sorted([*REQUESTS, "hail"])


def test_a_rebuilt_run_is_embedded_again(make_run, cache, word_hashes):
    run = make_run()
    with ExemplarStore.open(run, embedder=word_hashes) as store:
        store.search("hail", 1)
    word_hashes.asked.clear()
    ExemplarStore.rebuild(run, embedder=word_hashes).close()
    assert sorted(word_hashes.asked) == sorted(REQUESTS)


def test_what_is_changed_added_and_forgotten_is_kept_in_the_run_and_the_journal_stays(
    make_run, cache, open_store, exemplar, word_hashes
):
    run = make_run()
    journal = (run / "journal.jsonl").read_bytes()
    store, reader = open_store(run), open_store(run)
    (hail,) = [item.id for item in store.exemplars() if item.query == "hail"]
    (wind,) = [item.id for item in store.exemplars() if item.query == "wind at sea"]
    assert store.mark_stale([hail]) == 1
    assert store.add([exemplar("3 miles in km", "units")]) == 1
    assert store.forget(ids=[wind]) == 1
    for seen in (store, reader, open_store(run)):
        assert {item.query: item.stale for item in seen.exemplars()} == {
            "rain in Paris": False, "hail": True, "3 miles in km": False,
        }  # fmt: skip
        assert [match.exemplar.query for match in seen.search("3 miles in km", 1)] == ["3 miles in km"]
        assert "wind at sea" not in [match.exemplar.query for match in seen.search("wind at sea", 9, gates=None)]
    assert (run / "journal.jsonl").read_bytes() == journal
    assert sorted(path.name for path in (run / "memory" / "exemplars").iterdir()) == [
        ".writer", "exemplars.jsonl", "forgotten.json",
    ]  # fmt: skip


def test_a_run_of_parts_is_read_at_its_only_part_with_trials(make_run, cache, word_hashes):
    whole = make_run("gain", ())
    make_run("gain/runs/explore")
    make_run("gain/runs/evaluate", ())
    with ExemplarStore.open(whole, embedder=word_hashes) as store:
        assert store.search("hail", 1)[0].exemplar.query == "hail"


def test_a_run_with_several_parts_says_where_to_look(make_run, cache, word_hashes):
    whole = make_run("gain", ())
    parts = [make_run("gain/runs/explore"), make_run("gain/runs/again")]
    with pytest.raises(WorkflowError) as error:
        ExemplarStore.open(whole, embedder=word_hashes)
    assert str(error.value) == (
        f"{whole}: has no trials of its own, but these parts of the run have; name one of them:\n"
        + "\n".join(f"  {part}" for part in sorted(parts))
    )


def test_a_run_without_trials_is_an_empty_store(make_run, cache, word_hashes):
    with ExemplarStore.open(make_run("run", ()), embedder=word_hashes) as store:
        assert (len(store), store.search("hail"), store.render("hail")) == (0, [], "")
