"""A FastAPI service behind a real server: what it describes (OpenAPI 3.1) is what can be called."""

import asyncio
import json
import threading
from typing import Annotated, Literal

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.toolbox import Toolbox, ToolPolicy

fastapi = pytest.importorskip("fastapi", reason="the service under test is written with FastAPI")
uvicorn = pytest.importorskip("uvicorn", reason="the service under test is served by uvicorn")
from pydantic import BaseModel, Field  # noqa: E402 - after the skips


class Author(BaseModel):
    name: str
    born: int | None = None


class Book(BaseModel):
    title: str = Field(min_length=1, examples=["Emma"])
    author: Author
    kind: Literal["novel", "essay"] = "novel"
    tags: list[str] = []


class Shelf(BaseModel):
    label: str
    inside: list["Shelf"] = []


def service() -> "fastapi.FastAPI":
    app = fastapi.FastAPI(title="Books", version="1")
    books: dict[int, Book] = {1: Book(title="Emma", author=Author(name="Jane Austen", born=1775))}

    @app.get("/books", summary="List the books", operation_id="list_books")
    def listing(
        kind: Annotated[list[Literal["novel", "essay"]] | None, fastapi.Query()] = None,
        limit: Annotated[int, fastapi.Query(ge=1, le=50)] = 10,
    ) -> dict:
        return {"kinds": kind, "limit": limit, "titles": [book.title for book in books.values()][:limit]}

    @app.get("/books/{book_id}", operation_id="get_book")
    def one(book_id: int) -> Book:
        """Give one book."""
        if book_id not in books:
            raise fastapi.HTTPException(404, f"there is no book {book_id}")
        return books[book_id]

    @app.post("/books", status_code=201, operation_id="add_book")
    def add(book: Book) -> dict[str, int]:
        books[len(books) + 1] = book
        return {"id": len(books)}

    @app.delete("/books/{book_id}", status_code=204, operation_id="remove_book")
    def remove(book_id: int) -> None:
        books.pop(book_id, None)

    @app.post("/shelves", operation_id="add_shelf")
    def shelve(shelf: Shelf) -> int:
        return 1 + sum(shelve(inner) for inner in shelf.inside)

    @app.get("/echo/{path_value}", operation_id="echo")
    def echo(
        path_value: str,
        x_trace: Annotated[str, fastapi.Header()],
        theme: Annotated[str | None, fastapi.Cookie()] = None,
    ) -> list[str | None]:
        return [path_value, x_trace, theme]

    @app.post("/login", operation_id="login")
    def login(user: Annotated[str, fastapi.Form()], note: Annotated[str, fastapi.Form()] = "") -> str:
        return f"{user}/{note}"

    @app.post("/files", operation_id="upload")
    async def upload(
        file: Annotated[fastapi.UploadFile, fastapi.File()], label: Annotated[str, fastapi.Form()]
    ) -> dict:
        return {"label": label, "name": file.filename, "text": (await file.read()).decode()}

    return app


@pytest.fixture(scope="module")
def address():
    server = uvicorn.Server(uvicorn.Config(service(), port=0, log_level="error", ws="none", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
async def box(address):
    source = OpenAPITools(spec=f"{address}/openapi.json")
    assert source.starts
    yield Toolbox(await source.open(), ToolPolicy(allow=("write", "destructive")))
    await source.close()


async def test_each_operation_is_a_tool_with_the_effect_of_its_method(box):
    assert {tool.name: tool.effect for tool in box.tools.values()} == {
        "list_books": "read",
        "add_book": "write",
        "get_book": "read",
        "remove_book": "destructive",
        "add_shelf": "write",
        "echo": "read",
        "login": "write",
        "upload": "write",
    }
    assert box.tools["list_books"].description == "List the books"
    assert box.tools["get_book"].description == "One\nGive one book."


async def test_the_members_of_a_body_are_arguments_like_the_parameters_with_their_rules(box):
    assert dict(box.tools["add_book"].parameters) == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "examples": ["Emma"]},
            "author": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "born": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                "required": ["name"],
            },
            "kind": {"type": "string", "enum": ["novel", "essay"], "default": "novel"},
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        "required": ["title", "author"],
        "additionalProperties": False,
    }


async def test_arguments_reach_path_query_header_cookie_and_body(box):
    assert (await box.call("list_books", {"kind": ["novel", "essay"], "limit": 3})).text == (
        '{"kinds":["novel","essay"],"limit":3,"titles":["Emma"]}'
    )
    echoed = await box.call("echo", {"path_value": "a b&c?ü%", "x-trace": "né", "theme": "dark"})
    assert json.loads(echoed.text)[0::2] == ["a b&c?ü%", "dark"]
    added = await box.call("add_book", {"title": "Walden", "author": {"name": "Thoreau"}, "kind": "essay"})
    assert (added.ok, added.text) == (True, '{"id":2}')
    assert json.loads((await box.call("get_book", {"book_id": 2})).text)["kind"] == "essay"
    removed = await box.call("remove_book", {"book_id": 2})
    assert (removed.ok, removed.text) == (True, "HTTP 204 No Content")


async def test_forms_and_files_are_sent_as_the_service_wants_them(box):
    assert (await box.call("login", {"user": "J & A", "note": "1+1"})).text == '"J & A/1+1"'
    uploaded = await box.call("upload", {"file": "two\nlines", "label": "x"})
    assert json.loads(uploaded.text) == {"label": "x", "name": "file", "text": "two\nlines"}


async def test_a_recursive_body_is_checked_and_sent_whole(box):
    assert set(box.tools["add_shelf"].parameters["$defs"]) == {"Shelf"}
    nested = {"label": "a", "inside": [{"label": "b", "inside": [{"label": "c"}]}, {"label": "d"}]}
    assert (await box.call("add_shelf", nested)).text == "4"
    wrong = await box.call("add_shelf", {"label": "a", "inside": [{"label": "b", "inside": [{"label": ["c"]}]}]})
    assert wrong.text == 'Invalid arguments for `add_shelf`:\n- `inside[0].inside[0].label`: expected string; got ["c"]'


async def test_an_answer_that_is_not_a_success_is_an_observation_with_its_status(box):
    missing = await box.call("get_book", {"book_id": 99})
    assert missing == Observation(
        ok=False, kind="tool_error", text='HTTP 404 Not Found\n{"detail":"there is no book 99"}', ms=missing.ms
    )


async def test_a_value_that_would_lead_to_another_path_is_not_sent(box):
    for value in ("..", "."):
        refused = await box.call("echo", {"path_value": value, "x-trace": "t"})
        assert (refused.kind, refused.text) == (
            "invalid_arguments",
            "Invalid arguments for `echo`:\n- `.` and `..` are not allowed in the path `/echo/{path_value}`",
        )
    empty = await box.call("echo", {"path_value": "", "x-trace": "t"})
    assert empty.text == "Invalid arguments for `echo`:\n- `path_value`: it is part of the path and must not be empty"
    broken = await box.call("echo", {"path_value": "x", "x-trace": "a\r\nX-Other: b"})
    assert broken.text.endswith("- `x-trace`: a header must not contain line breaks or other control characters")
