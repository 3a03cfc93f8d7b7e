"""A body is sent as its description says: members of forms by their `encoding`, and XML not as JSON."""

import json
from urllib.parse import unquote

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.tools.openapi.form import FORM, PARTS
from ste_graph.tools.openapi.request import build_request
from ste_graph.tools.openapi.source import OpenAPITools

TEXT, LIST, OBJECT = {"type": "string"}, {"type": "array", "items": {}}, {"type": "object"}


@pytest.fixture
def tools_of(tmp_path):
    """The source of a spec with one operation: a body of these media types, or Swagger's parameters."""

    def make(content=None, swagger=None):
        if swagger is None:
            spec = {"openapi": "3.0.3", "servers": [{"url": "http://localhost:9"}]}
            operation = {"requestBody": {"required": True, "content": content}}
        else:
            spec, operation = {"swagger": "2.0", "host": "localhost:9"}, swagger
        spec["paths"] = {"/x": {"post": {"operationId": "send", **operation}, "get": {"operationId": "look"}}}
        (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
        return OpenAPITools(spec=str(tmp_path / "spec.json"))

    return make


async def sent(source, **arguments):
    """The content type and the body that are sent; the escapes of a URL undone."""
    tool = next(tool for tool in await source.open() if tool.name == "send")
    request = build_request(tool.operation, arguments)
    return request.headers["Content-Type"], unquote(request.content.decode())


def form(encoding, **properties):
    return {"schema": {"type": "object", "properties": properties}, "encoding": encoding}


@pytest.mark.parametrize(
    ("encoding", "value", "body"),
    [
        ({}, ["a", "b"], "name=A&x=a&x=b"),
        ({}, {"k": 1}, "name=A&k=1"),
        ({"style": "deepObject"}, {"name": "B", "order": "7"}, "name=A&x[name]=B&x[order]=7"),
        ({"style": "deepObject", "explode": True}, {"a": {"b": [1, 2]}}, "name=A&x[a][b]=1&x[a][b]=2"),
        (
            {"style": "deepObject"},
            [{"price": "p", "n": 1}, {"price": "q"}],
            "name=A&x[0][price]=p&x[0][n]=1&x[1][price]=q",
        ),
        ({"explode": False}, ["a", "b"], "name=A&x=a,b"),
        ({"explode": False}, {"a": 1, "b": 2}, "name=A&x=a,1,b,2"),
        ({"style": "pipeDelimited"}, ["a", "b"], "name=A&x=a|b"),
        ({"style": "spaceDelimited", "explode": False}, ["a", "b"], "name=A&x=a b"),
        ({"contentType": "application/json"}, {"a": [1]}, 'name=A&x={"a":[1]}'),
        ({"contentType": "application/json", "style": "form"}, {"a": 1}, "name=A&a=1"),
        ({"style": "nonsense"}, ["a", "b"], "name=A&x=a&x=b"),
        (None, ["a", "b"], "name=A&x=a&x=b"),
    ],
)
async def test_members_of_a_form_are_written_by_their_encoding(tools_of, encoding, value, body):
    source = tools_of({FORM: form({"x": encoding}, name=TEXT, x={})})
    assert await sent(source, name="A", x=value) == (FORM, body)


async def test_reserved_characters_stay_where_the_encoding_allows_them(tools_of):
    source = tools_of({FORM: form({"x": {"allowReserved": True}}, x=TEXT, y=TEXT)})
    tool = (await source.open())[1]
    assert build_request(tool.operation, {"x": "a/b?c", "y": "a/b"}).content == b"x=a/b?c&y=a%2Fb"


@pytest.mark.parametrize(
    ("encoding", "schema", "value", "part"),
    [
        ({}, OBJECT, {"a": 1}, '\r\nContent-Type: application/json\r\n\r\n{"a": 1}\r\n'),
        (
            {"contentType": "application/json"},
            OBJECT,
            {"a": 1},
            '\r\nContent-Type: application/json\r\n\r\n{"a": 1}\r\n',
        ),
        (
            {"contentType": "application/vnd.x+json"},
            TEXT,
            "t",
            '\r\nContent-Type: application/vnd.x+json\r\n\r\n"t"\r\n',
        ),
        ({"contentType": "text/csv"}, TEXT, "a,b", '"x"\r\nContent-Type: text/csv\r\n\r\na,b\r\n'),
        ({}, TEXT, "t", '"x"\r\n\r\nt\r\n'),
        ({}, LIST, ["a", "b"], '"x"\r\n\r\na\r\n'),
        ({"explode": False, "style": "form"}, LIST, ["a", "b"], '"x"\r\n\r\na,b\r\n'),
        (
            {"contentType": "image/png, image/jpeg"},
            {"type": "string", "format": "binary"},
            "bytes",
            '; filename="x"\r\nContent-Type: image/png\r\n\r\nbytes\r\n',
        ),
        (
            {"contentType": "image/*"},
            {"type": "string", "format": "binary"},
            "bytes",
            '; filename="x"\r\nContent-Type: application/octet-stream\r\n\r\nbytes\r\n',
        ),
    ],
)
async def test_parts_have_the_content_type_of_their_encoding(tools_of, encoding, schema, value, part):
    media, body = await sent(tools_of({PARTS: form({"x": encoding}, x=schema)}), x=value)
    assert media.startswith(f"{PARTS}; boundary=")
    assert part in body


async def test_the_members_of_a_form_in_one_argument_are_written_the_same_way(tools_of):
    content = {FORM: form({"meta": {"style": "deepObject"}}, id=TEXT, meta=OBJECT)}
    source = tools_of(content)
    tool = (await source.open())[1]
    assert tool.operation.body.argument is None
    content[FORM]["schema"]["additionalProperties"] = True
    assert await sent(tools_of(content), body={"id": "1", "meta": {"id": "2"}}) == (FORM, "id=1&meta[id]=2")


@pytest.mark.parametrize(
    ("collection", "body"),
    [(None, "x=a,b"), ("csv", "x=a,b"), ("ssv", "x=a b"), ("pipes", "x=a|b"), ("multi", "x=a&x=b")],
)
async def test_lists_in_a_form_of_swagger_are_written_by_their_collection_format(tools_of, collection, body):
    field = {"name": "x", "in": "formData", "type": "array", "items": TEXT}
    if collection:
        field["collectionFormat"] = collection
    source = tools_of(swagger={"consumes": [FORM], "parameters": [field]})
    assert await sent(source, x=["a", "b"]) == (FORM, body)
    parts = tools_of(swagger={"consumes": [PARTS], "parameters": [field]})
    assert f"\r\n\r\n{body.partition('&')[0].removeprefix('x=')}\r\n" in (await sent(parts, x=["a", "b"]))[1]


@pytest.mark.parametrize("media", ["application/xml", "text/xml; charset=utf-8", "application/soap+xml"])
@pytest.mark.parametrize("schema", [{"type": "object", "properties": {"a": TEXT}}, LIST, {"anyOf": [TEXT, OBJECT]}])
async def test_an_operation_whose_body_is_xml_alone_is_left_out_and_named(tools_of, media, schema):
    source = tools_of({media: {"schema": schema}})
    assert [tool.name for tool in await source.open()] == ["look"]
    assert source.faults == (f"`send`: its body is `{media}`, which cannot be made of JSON arguments",)
    body = {"name": "it", "in": "body", "schema": schema}
    source = tools_of(swagger={"consumes": [media], "parameters": [body]})
    assert [tool.name for tool in await source.open()] == ["look"]


@pytest.mark.parametrize("schema", [{}, TEXT, {"type": "string", "nullable": True}])
async def test_xml_that_is_a_text_is_sent_as_it_is(tools_of, schema):
    assert await sent(tools_of({"application/xml": {"schema": schema}}), body="<a>1</a>") == (
        "application/xml",
        "<a>1</a>",
    )


async def test_json_is_sent_where_a_body_may_be_either(tools_of):
    either = {media: {"schema": form({}, a=TEXT)["schema"]} for media in ("application/xml", "application/json")}
    assert await sent(tools_of(either), a="x") == ("application/json", '{"a": "x"}')


async def test_a_spec_of_xml_alone_says_why_it_gives_no_tool(tmp_path):
    body = {"content": {"text/xml": {"schema": OBJECT}}}
    spec = {
        "openapi": "3.0.3",
        "servers": [{"url": "http://localhost:9"}],
        "paths": {"/x": {"put": {"requestBody": body}}},
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    with pytest.raises(WorkflowError, match="`put_x`: its body is `text/xml`"):
        await OpenAPITools(spec=str(tmp_path / "spec.json")).open()
