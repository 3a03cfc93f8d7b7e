"""The short form of the fault suite (`python -m tests.faults`): real client, real HTTP, eight kinds of faults."""

from pathlib import Path

from tests.faults import KINDS, Faults, compare_counts, run
from tests.servers.chat import ChatServer

UNITS = 40


def test_a_run_against_a_server_with_eight_kinds_of_faults_loses_and_doubles_nothing(tmp_path: Path) -> None:
    faults = Faults()
    with ChatServer(faults) as server:
        found = run(tmp_path, server.url, UNITS, timeout_s=0.25)
    assert found.problems == []
    assert list(compare_counts(faults.made, found.summary)) == []
    assert all(faults.made[kind] for kind in KINDS)
    assert max(found.sampler.tasks) < UNITS + 40  # a unit, a request and a timer each at most, and those are ended
    with ChatServer() as server:
        again = run(tmp_path, server.url, UNITS, timeout_s=0.25)
        repeated = len(server.requests)
    assert (again.problems, again.summary.complete) == ([], True)
    assert repeated <= 2 * len(found.summary.failed)
