import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ste_graph.errors import WorkflowError
from ste_graph.tools.openapi.document import parse_document
from ste_graph.tools.openapi.request import build_request
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.openapi.spec import operation_names

HERE = {"servers": [{"url": "https://api.example.com/v1/"}]}


@pytest.fixture
def described(tmp_path):
    """Writes a spec and gives the source that reads it."""

    def write(spec, **settings) -> OpenAPITools:
        path = tmp_path / "spec.json"
        version = {} if "swagger" in spec else {"openapi": "3.1.0"}
        path.write_text(json.dumps({**version, **spec}), encoding="utf-8")
        return OpenAPITools(spec=str(path), **settings)

    return write


async def only_tool(source):
    (tool,) = await source.open()
    return tool


async def refused(source) -> str:
    with pytest.raises(WorkflowError) as caught:
        await source.open()
    return str(caught.value)


def sent(tool, **arguments):
    request = build_request(tool.operation, arguments)
    return f"{request.method} {request.url}", dict(request.headers), request.content


async def test_names_come_from_operation_ids_else_from_method_and_path_and_are_legal_and_unique(described):
    paths = {
        "/pets": {"get": {"operationId": "pets.list"}, "post": {"operationId": "pets_list"}},
        "/pets/{id}": {"get": {}, "delete": {"operationId": "straße löschen"}},
        "/": {"get": {}, "x-note": {}, "parameters": []},
        "x-other": {"get": {}},
    }
    tools = await described({**HERE, "paths": paths}).open()
    assert [tool.name for tool in tools] == ["pets_list_2", "pets_list", "get_pets_id", "stra_e_l_schen", "get"]


async def test_a_duplicate_operation_id_names_neither_of_its_operations(described):
    paths = {"/pets/{id}": {"delete": {"operationId": "pet"}, "get": {"operationId": "pet"}}}
    assert [tool.name for tool in await described({**HERE, "paths": paths}).open()] == [
        "get_pets_id",
        "delete_pets_id",
    ]
    assert "`effects` names `pet`, which" in await refused(described({**HERE, "paths": paths}, effects={"pet": "read"}))


async def test_settings_choose_tools_and_their_effects(described):
    paths = {
        "/a": {
            "get": {"operationId": "get_a", "tags": ["first"]},
            "post": {"operationId": "search_a", "tags": ["first"]},
        },
        "/b": {"get": {"operationId": "get_b"}, "delete": {"operationId": "wipe_b", "tags": ["first", "second"]}},
    }
    settings = {"effects": {"search_a": "read"}}
    source = described({**HERE, "paths": paths}, **settings)
    assert {tool.name: tool.effect for tool in await source.open()} == {
        "get_a": "read",
        "search_a": "read",
        "get_b": "read",
        "wipe_b": "destructive",
    }
    chosen = described({**HERE, "paths": paths}, include=["get_*", "w*"], exclude=["*_a"])
    assert [tool.name for tool in await chosen.open()] == ["get_b", "wipe_b"]
    tagged = described({**HERE, "paths": paths}, tags=["second"])
    assert (await only_tool(tagged)).name == "wipe_b"


async def test_an_effect_is_stated_by_the_operations_id_or_by_the_name_that_is_shown(described):
    paths = {"/a": {"delete": {"operationId": "files/drop"}, "post": {"operationId": "files_drop"}}}

    async def effects(**stated):
        return {
            tool.operation.method: tool.effect for tool in await described({**HERE, "paths": paths}, **stated).open()
        }

    assert await effects(effects={"files_drop": "read"}) == {"DELETE": "destructive", "POST": "read"}
    assert await effects(effects={"files/drop": "read"}) == {"DELETE": "read", "POST": "write"}
    assert await effects(effects={"files_drop_2": "read"}) == {"DELETE": "read", "POST": "write"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"effects": {"get_b": "read"}},
            "`effects` names `get_b`, which `SPEC` does not have; did you mean `get_a`? it has: get_a",
        ),
        ({"include": ["b*"]}, "`include` names `b*`, which `SPEC` does not have; it has: get_a"),
        ({"tags": ["x"]}, "`tags` names `x`, which `SPEC` does not have; it has: none"),
        (
            {"exclude": ["*"]},
            "`SPEC` gives no tool: `include`, `exclude` and `tags` leave none of its operations; it has: get_a",
        ),
    ],
)
async def test_settings_that_name_what_is_not_there_are_refused(described, settings, says):
    source = described({**HERE, "paths": {"/a": {"get": {}}}}, **settings)
    assert (await refused(source)).replace(source.spec, "SPEC") == f"tools: {says}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<!doctype html>", "is a web page, not an OpenAPI spec; expected OpenAPI 3.0 or 3.1"),
        (
            b'{"openapi": "3.1.0",}',
            "is not an OpenAPI spec: Expecting property name enclosed in double quotes: line 1 column 21",
        ),
        (b"openapi: [3", "is not an OpenAPI spec: did not find expected ',' or ']' (line 2); expected"),
        (b"\xff\xfe\0", "is not an OpenAPI spec: it is not UTF-8 text (byte 0); expected"),
        (b"", "is not an OpenAPI spec: it has neither `openapi` nor `swagger` at its top; expected"),
        (b"[1]", "is not an OpenAPI spec: it has neither `openapi` nor `swagger` at its top; expected"),
        (b"swagger: '1.2'", "is of version 1.2; expected OpenAPI 3.0 or 3.1, or Swagger 2.0, as JSON or YAML"),
        (b"openapi: 3.1.0", "gives no tool: it describes no operations"),
        (b"openapi: 3.1.0\npaths: {/a: {get: 3}, /b: []}", "gives no tool: it describes no operations"),
    ],
)
async def test_anything_but_a_spec_is_refused_in_one_line(tmp_path, content, says):
    path = tmp_path / "spec"
    path.write_bytes(content)
    message = await refused(OpenAPITools(spec=str(path)))
    assert message.startswith(f"tools: `{path}` {says}")
    assert "\n" not in message


async def test_a_spec_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "a b.json"
    assert await refused(OpenAPITools(spec=str(path))) == (
        f"tools: `{path}`: file not found; expected an OpenAPI spec, as JSON or YAML"
    )
    source = OpenAPITools(spec="http://127.0.0.1:9/openapi.json")
    assert await refused(source) == (
        "tools: `http://127.0.0.1:9/openapi.json` cannot be downloaded: "
        "ConnectError: All connection attempts failed; is the service running?"
    )


async def test_an_operation_that_needs_something_broken_is_left_out_and_named(described, caplog):
    caplog.set_level(logging.WARNING)
    broken = {"$ref": "#/components/schemas/Gone"}
    paths = {
        "/good": {"get": {"responses": {"200": {"content": {"application/json": {"schema": broken}}}}}},
        "/bad": {"get": {"parameters": [{"name": "x", "in": "query", "schema": {"items": broken}}]}},
        "/worse": {"get": {"parameters": [broken]}, "post": {"parameters": 3}},
        "/away": {"$ref": "paths.json#/away"},
    }
    source = described({**HERE, "paths": paths})
    assert [tool.name for tool in await source.open()] == ["get_good"]
    assert source.faults == (
        "`/away`: `$ref: paths.json#/away` leads nowhere",
        "`get_bad`: `$ref: #/components/schemas/Gone` leads nowhere",
        "`get_worse`: `$ref: #/components/schemas/Gone` leads nowhere",
        "`post_worse`: its description is malformed (TypeError: 'int' object is not iterable)",
    )
    assert [record.getMessage() for record in caplog.records] == [
        f"tools: left out of `{source.spec}`: {fault}" for fault in source.faults
    ]
    del paths["/good"]
    source = described({**HERE, "paths": paths})
    message = await refused(source)
    assert message.splitlines()[:2] == [
        f"tools: no operation of `{source.spec}` can be used:",
        "- `/away`: `$ref: paths.json#/away` leads nowhere",
    ]


async def test_references_to_other_files_are_followed(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "spec.yaml").write_text(
        "openapi: 3.0.3\nservers: [{url: 'http://h'}]\npaths: {/a: {$ref: 'parts/paths.yaml#/a'}}\n", encoding="utf-8"
    )
    (tmp_path / "parts" / "paths.yaml").write_text(
        "a: {post: {requestBody: {content: {application/json: {schema: {$ref: '../types.json#/Pet'}}}}}}\n",
        encoding="utf-8",
    )
    pet = {"type": "object", "properties": {"name": {"type": "string"}, "friend": {"$ref": "#/Pet"}}}
    (tmp_path / "types.json").write_text(json.dumps({"Pet": pet}), encoding="utf-8")
    tool = await only_tool(OpenAPITools(spec=str(tmp_path / "spec.yaml")))
    assert tool.parameters["properties"] == {"name": {"type": "string"}, "friend": {"$ref": "#/$defs/Pet"}}


async def test_parameters_of_a_path_hold_for_its_operations_unless_they_say_otherwise(described):
    shared = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "q", "in": "query", "schema": {"type": "string"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
    ]
    own = [{"name": "q", "in": "query", "required": True, "description": "What for.", "schema": {"type": "boolean"}}]
    tool = await only_tool(
        described({**HERE, "paths": {"/a/{id}/{part}": {"parameters": shared, "get": {"parameters": own}}}})
    )
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "q": {"type": "boolean", "description": "What for."},
            "part": {"type": "string"},
        },
        "required": ["id", "q", "part"],
        "additionalProperties": False,
    }
    assert sent(tool, id=3, part="x/y", q=True)[0] == "GET https://api.example.com/v1/a/3/x%2Fy?q=true"


def posting(schema, *parameters, required=True, media="application/json"):
    body = {"required": required, "content": {media: {"schema": schema}}}
    return {**HERE, "paths": {"/a": {"post": {"parameters": list(parameters), "requestBody": body}}}}


async def test_a_body_whose_names_collide_or_that_is_not_a_plain_object_is_one_argument(described):
    named = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    query = {"name": "id", "in": "query", "schema": {"type": "string"}}
    header = {"name": "id", "in": "header", "schema": {"type": "string"}}
    tool = await only_tool(described(posting(named, query, header)))
    assert tool.parameters["properties"].keys() == {"id", "header_id", "body"}
    assert sent(tool, id="a", header_id="b", body={"id": 1}) == (
        "POST https://api.example.com/v1/a?id=a",
        {"id": "b", "Content-Type": "application/json"},
        b'{"id": 1}',
    )
    for whole in (
        {"type": "array", "items": named},
        {"oneOf": [named, {"type": "string"}]},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {**named, "minProperties": 1},
        {"type": ["object", "null"], **{k: named[k] for k in ("properties",)}},
        {},
    ):
        tool = await only_tool(described(posting(whole)))
        assert tool.parameters["properties"].keys() == {"body"}
        assert tool.parameters["required"] == ["body"]
    assert sent(tool, body=[1, None])[2] == b"[1, null]"


async def test_the_parts_of_an_all_of_are_merged_into_the_arguments(described):
    spec = posting({"allOf": [{"$ref": "#/components/schemas/New"}, {"properties": {"tag": {"type": "string"}}}]})
    spec["components"] = {
        "schemas": {"New": {"type": "object", "properties": {"name": {}}, "required": ["name", "id"]}}
    }
    tool = await only_tool(described(spec))
    assert (list(tool.parameters["properties"]), tool.parameters["required"]) == (["name", "tag"], ["name"])
    assert sent(tool, name="x")[2] == b'{"name": "x"}'


async def test_an_optional_body_is_left_out_or_complete(described):
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a"]}
    tool = await only_tool(described(posting(schema, required=False)))
    assert "required" not in tool.parameters
    assert tool.parameters["dependentRequired"] == {"b": ["a"]}
    assert sent(tool) == ("POST https://api.example.com/v1/a", {}, None)
    assert sent(tool, a=1)[2] == b'{"a": 1}'


async def test_examples_of_a_body_go_to_its_members(described):
    spec = posting({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"example": 2}}})
    content = spec["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]
    content["examples"] = {"one": {"value": {"a": 1, "b": 3}}, "two": {"value": {"a": 5}}}
    tool = await only_tool(described(spec))
    assert tool.parameters["properties"] == {"a": {"type": "integer", "examples": [1, 5]}, "b": {"examples": [2]}}


@pytest.mark.parametrize(
    ("media", "body", "content"),
    [
        ("application/x-www-form-urlencoded", {"a": "x y", "b": [1, 2]}, b"a=x%20y&b=1&b=2"),
        ("application/vnd.api+json", {"a": "ü"}, b'{"a": "\\u00fc"}'),
        ("*/*", {"a": None}, b'{"a": null}'),
    ],
)
async def test_bodies_are_written_in_the_kind_that_the_spec_names(described, media, body, content):
    tool = await only_tool(described(posting({"type": "object", "properties": {"a": {}, "b": {}}}, media=media)))
    assert sent(tool, **body)[1:] == ({"Content-Type": media.replace("*/*", "application/json")}, content)


async def test_a_text_body_is_sent_unchanged(described):
    tool = await only_tool(described(posting({"type": "string"}, media="text/plain; charset=utf-8")))
    assert sent(tool, body="zwei\nZeilen")[2] == b"zwei\nZeilen"


@pytest.mark.parametrize(
    ("servers", "url"),
    [
        (
            {"servers": [{"url": "http://{h}.x/{v}", "variables": {"h": {"default": "a"}, "v": {"default": "2"}}}]},
            "http://a.x/2/p",
        ),
        ({"servers": [{"url": "http://a"}, {"url": "http://b"}]}, "http://a/p"),
        ({"swagger": "2.0", "host": "h:8", "basePath": "/v1/", "schemes": ["http", "https"]}, "https://h:8/v1/p"),
        ({"swagger": "2.0", "host": "h", "schemes": ["ws", "http"]}, "http://h/p"),
        ({"swagger": "2.0", "host": "h"}, "https://h/p"),
        ({"swagger": "2.0", "host": "h", "schemes": True}, "https://h/p"),
    ],
)
async def test_the_server_is_the_first_that_the_spec_names(described, servers, url):
    spec = {**servers, "paths": {"/p": {"get": {}}}}
    assert sent(await only_tool(described(spec)))[0] == f"GET {url}"
    assert (
        sent(await only_tool(described(spec, base_url="http://127.0.0.1:1/base/")))[0]
        == "GET http://127.0.0.1:1/base/p"
    )


@pytest.mark.parametrize("servers", [{}, {"servers": [{"url": "/v1"}]}, {"servers": [{"url": "http://{x}/"}]}])
async def test_a_file_that_names_no_server_needs_a_base_url(described, servers):
    source = described({**servers, "paths": {"/p": {"get": {}}}})
    assert (await refused(source)).endswith("- `get_p`: the spec names no server that can be reached; give `base_url`")


async def test_a_path_or_an_operation_may_have_a_server_of_its_own(described):
    paths = {
        "/p": {"servers": [{"url": "http://b"}], "get": {}, "put": {"servers": [{"url": "http://c"}]}},
        "/q": {"get": {}},
    }
    tools = await described({**HERE, "paths": paths}).open()
    assert [tool.operation.server for tool in tools] == ["http://b", "http://c", "https://api.example.com/v1"]


async def test_swagger_parameters_are_read_like_those_of_openapi(described):
    parameters = [
        {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}, "collectionFormat": "pipes"},
        {"name": "tag", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"},
        {"name": "since", "in": "query", "type": "string", "format": "date", "x-example": "2024-02-28", "default": "x"},
        {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}},
    ]
    spec = {
        "swagger": "2.0",
        "host": "h",
        "paths": {"/p": {"post": {"parameters": parameters}}},
        "definitions": {"Pet": {"properties": {"name": {"type": "string", "x-nullable": True}}, "required": ["name"]}},
    }
    tool = await only_tool(described(spec))
    assert tool.parameters["properties"] == {
        "ids": {"type": "array", "items": {"type": "integer"}},
        "tag": {"type": "array", "items": {"type": "string"}},
        "since": {"type": "string", "format": "date", "default": "x", "examples": ["2024-02-28"]},
        "name": {"type": ["string", "null"]},
    }
    assert tool.parameters["required"] == ["name"]
    assert sent(tool, ids=[1, 2], tag=["a", "b"], name=None) == (
        "POST https://h/p?ids=1%7C2&tag=a&tag=b",
        {"Content-Type": "application/json"},
        b'{"name": null}',
    )


async def test_swagger_forms_are_urlencoded_unless_they_hold_a_file(described):
    form = [{"name": "a", "in": "formData", "type": "string", "required": True}]
    spec = {"swagger": "2.0", "host": "h", "paths": {"/p": {"post": {"parameters": form}}}}
    assert sent(await only_tool(described(spec)), a="1&2")[1:] == (
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"a=1%262",
    )
    form.append({"name": "f", "in": "formData", "type": "file"})
    _, headers, content = sent(await only_tool(described(spec)), a="1&2", f="text")
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'name="a"\r\n\r\n1&2\r\n' in content
    assert b'name="f"; filename="f"\r\n' in content


async def test_deprecated_operations_say_so_and_an_empty_description_is_method_and_path(described):
    paths = {"/p": {"get": {"deprecated": True, "summary": "Look.", "description": "Look. It is old."}, "put": {}}}
    tools = await described({**HERE, "paths": paths}).open()
    assert [tool.description for tool in tools] == ["Deprecated. Look. It is old.", "PUT /p"]


def test_exactly_one_kind_of_auth_is_accepted():
    for auth in ({}, {"bearer": "x", "basic": {"user": "a", "password": "b"}}):
        with pytest.raises(ValueError, match=r"expected one of `api_key`, `basic` and `bearer`"):
            OpenAPITools(spec="x", auth=auth)


def test_yaml_is_read_as_json_data():
    text = b"""
a: 2024-01-01
b: [yes, on, 010, 1_0, 1:30, ~, true, 3, 2.5, 1e3, .inf]
200: {x: &k {y: 1}}
m: {<<: *k, z: 2}
"""
    assert parse_document(text) == {
        "a": "2024-01-01",
        "b": ["yes", "on", "010", "1_0", "1:30", None, True, 3, 2.5, 1000.0, ".inf"],
        "200": {"x": {"y": 1}},
        "m": {"y": 1, "z": 2},
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)
    )
)
def test_json_is_read_as_itself(value):
    assert parse_document(json.dumps({"value": value}).encode()) == {"value": value}


@given(st.lists(st.sampled_from(["a", "a_2", "a.2", "", "x" * 64, "x" * 70, "get/x/{y}"]) | st.text()))
def test_names_are_legal_unique_and_as_many_as_before(names):
    found = operation_names(names)
    assert len(set(found)) == len(found) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in found)


KEYS = [
    *("$ref", "name", "in", "schema", "type", "items", "properties", "required", "nullable", "enum", "examples"),
    *("content", "parameters", "requestBody", "style", "explode", "collectionFormat", "consumes", "operationId"),
    *("servers", "url", "variables", "host", "schemes", "tags", "get", "post"),
]
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.sampled_from(["", "query", "array", "#/components", "/p", "http://[", "{x}"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JUNK, JUNK, st.sampled_from([{"openapi": "3.1.0"}, {"swagger": "2.0"}]))
async def test_a_malformed_spec_gives_tools_or_one_error(tmp_path_factory, operation, junk, version):
    path = tmp_path_factory.mktemp("junk") / "spec.json"
    more = junk if isinstance(junk, dict) else {"components": junk}
    paths = {"/good": {"get": {}}, "/p/{x}": {"post": operation, "parameters": junk}, "/q": operation}
    path.write_text(json.dumps({**more, **version, "paths": paths}), encoding="utf-8")
    tools = await OpenAPITools(spec=str(path), base_url="http://h").open()
    assert "get_good" in {tool.name for tool in tools}
    json.dumps([tool.parameters for tool in tools])


@pytest.mark.parametrize("setting", ["include", "tags"])
async def test_an_empty_list_takes_no_tool_and_downloads_nothing(setting):
    assert await OpenAPITools(spec="http://127.0.0.1:9/spec.json", **{setting: []}).open() == []
