import json
from itertools import pairwise

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory.experience.other_tool import OtherToolSource
from ste_graph.run.folder import RunFolder
from tests.memory.run_folder import write_run


def line(unit, number, kind="trial"):
    return {"id": f"{unit}-{number}", "record": kind, "tool": unit, "query": f"{unit} request {number}"}


@pytest.fixture
def run(tmp_path):
    """A finished run of three tools with three trials each, as far as a reader looks at it."""
    return finished(tmp_path / "earlier", ["dates", "roman", "units"])


def finished(folder, units):
    write_run(folder, units=units)
    for unit in units:
        steps = [{"key": f"record={n}", "started": "", "ended": "", "record": line(unit, n)} for n in range(3)]
        log = RunFolder(folder).step_log(unit)
        log.write_text("".join(json.dumps(step) + "\n" for step in steps), "utf-8")
    return folder


def tools(records):
    return {record["tool"] for record in records}


def test_it_gives_as_many_records_in_order_of_one_tool_that_is_not_the_own(run):
    for own in (("dates",), ("roman",), ("units",), ("dates", "episode=3")):
        found = OtherToolSource(run).records(own, "trial", 2)
        (tool,) = tools(found)
        assert tool != own[0]
        assert found == [line(tool, 0), line(tool, 1)]


def test_a_growing_memory_keeps_to_the_tool_and_goes_on_with_the_next_one(run):
    shown = [OtherToolSource(run).records(("roman",), "trial", count) for count in range(9)]
    for fewer, more in pairwise(shown):
        assert more[: len(fewer)] == fewer
    assert tools(shown[3]) < tools(shown[6]) == {"dates", "units"}
    assert shown[8] == [*shown[6], *shown[2]]


def test_a_tool_whose_name_begins_with_anothers_name_is_another_tool(tmp_path):
    run = finished(tmp_path / "run", ["add", "add days"])
    assert tools(OtherToolSource(run).records(("add days",), "trial", 2)) == {"add"}
    assert tools(OtherToolSource(run).records(("add days", "episode=3"), "trial", 2)) == {"add"}
    assert tools(OtherToolSource(run).records(("add",), "trial", 2)) == {"add days"}


def test_a_run_without_records_of_another_tool_is_refused_with_the_way_out(run):
    with pytest.raises(WorkflowError) as error:
        OtherToolSource(run).records(("dates",), "verdict", 1)
    assert str(error.value) == (
        f"{run}: `other_tool` needs a run with records of type `verdict` of another tool than `dates`; "
        "it has none. Name a run that explored several tools."
    )


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(WorkflowError, match=r"is not the folder of a run"):
        OtherToolSource(tmp_path)
