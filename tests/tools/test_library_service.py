"""The bundled service and its spec, called by way of `use: openapi`, as workflows/openapi.yaml does."""

import importlib.util
import json
import threading
from pathlib import Path

import pytest

from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.toolbox import Toolbox, ToolPolicy

WORKFLOWS = Path(__file__).parents[2] / "workflows"
EMMA, BEAGLE, ORIGIN = "9780000001009", "9780000001047", "9780000001054"


@pytest.fixture
def address():
    spec = importlib.util.spec_from_file_location("library_service", WORKFLOWS / "tools" / "library_service.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.server(0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def library(address):
    source = OpenAPITools(spec=str(WORKFLOWS / "tools" / "library.openapi.json"), base_url=address)
    yield Toolbox(await source.open(), ToolPolicy(allow=("write", "destructive")))
    await source.close()


async def test_operations_that_only_read_may_be_explored(library):
    assert [name for name, tool in library.tools.items() if tool.effect == "read"] == [
        "search_books",
        "get_book",
        "opening_hours",
        "list_loans",
    ]


async def test_every_operation_of_the_spec_is_answered_by_the_service(library):
    found = await library.call("search_books", {"author": "darwin", "subject": "science"})
    assert found.data == [{"isbn": ORIGIN, "title": "On the Origin of Species", "author": "Charles Darwin"}]
    assert (await library.call("get_book", {"isbn": EMMA})).data["available"] == 2
    hours = await library.call("opening_hours", {"branch": "hill", "date": "2024-02-28"})
    assert hours.text == (
        '{"branch":"hill","date":"2024-02-28","weekday":"Wednesday","open":true,"from":"12:00","to":"17:00"}'
    )
    assert (await library.call("opening_hours", {"branch": "hill", "date": "2024-03-03"})).data["open"] is False
    lent = await library.call("lend_book", {"isbn": BEAGLE, "member": "M-1002"})
    assert lent.data == {"loan": 1, "isbn": BEAGLE, "member": "M-1002", "weeks": 3}
    assert (await library.call("list_loans", {"member": "M-1002"})).data == [lent.data]
    again = await library.call("lend_book", {"isbn": BEAGLE, "member": "M-1001"})
    assert again.text == 'HTTP 409 Conflict\n{"error":"every copy of The Voyage of the Beagle is lent"}'
    assert (await library.call("return_book", {"loan": 1})).text == "HTTP 204 No Content"
    assert (await library.call("get_book", {"isbn": BEAGLE})).data["available"] == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "says"),
    [
        ("search_books", {}, 400, "give at least one of title, author and subject"),
        (
            "get_book",
            {"isbn": "123"},
            422,
            f"'123' is not an ISBN: it needs 13 digits, such as {EMMA}",
        ),
        ("list_loans", {"member": "M-9999"}, 404, "there is no member 'M-9999'; numbers look like M-1001"),
        ("return_book", {"loan": 7}, 404, "there is no loan 7"),
    ],
)
async def test_an_error_says_how_to_repair_the_call(library, tool, arguments, status, says):
    answer = await library.call(tool, arguments)
    line, _, body = answer.text.partition("\n")
    assert line.startswith(f"HTTP {status} ")
    assert json.loads(body) == {"error": says}


async def test_the_workflow_explores_the_tools_that_only_read(address, tmp_path, monkeypatch):
    import ste_graph as ste

    monkeypatch.setenv("LIBRARY_URL", address)
    small = {"params": {"episodes": 1, "trials": 2, "turns": 3}, "memory.long_term": "off"}
    experiment = ste.load(str(WORKFLOWS / "openapi.yaml"), set={**small, "graph.try.at_most": 1})
    summary = await experiment.arun(out=tmp_path / "run")
    assert summary.failed == {}
    assert {trial.tool for trial in ste.open_run(tmp_path / "run").trials()} == {
        "search_books",
        "get_book",
        "opening_hours",
        "list_loans",
    }
