import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.tools.openapi.document import UnusableError, gather_documents
from ste_graph.tools.openapi.source import OpenAPITools

ROOT = "https://api.example.com/v1/openapi.json"


async def test_a_downloaded_spec_may_refer_to_its_own_host_and_nowhere_else():
    refs = ["parts.json#/A", "https://other.example/x.json", "file:///etc/hostname", "gone.json", "http://[bad"]
    pages = {
        ROOT: {"openapi": "3.1.0", "x": [{"$ref": ref} for ref in refs]},
        "https://api.example.com/v1/parts.json": {"A": {"$ref": "deeper/b.json#/B"}},
        "https://api.example.com/v1/deeper/b.json": {"B": {"type": "integer"}},
    }
    asked = []

    async def load(address):
        asked.append(address)
        if address not in pages:
            raise WorkflowError("not there")
        return address, json.dumps(pages[address]).encode()

    documents = await gather_documents(ROOT, load)
    assert sorted(asked) == sorted([*pages, "https://api.example.com/v1/gone.json"])
    found = documents.resolve({"$ref": "parts.json#/A"}, ROOT)
    assert found == ({"type": "integer"}, "https://api.example.com/v1/deeper/b.json")
    for ref, why in zip(refs[1:], ["another host", "another host", "nowhere", "nowhere"], strict=True):
        with pytest.raises(UnusableError, match=rf"leads to {why}|leads {why}"):
            documents.resolve({"$ref": ref}, ROOT)


@pytest.mark.parametrize("levels", [3, 9])
async def test_yaml_whose_aliases_stand_for_billions_of_values_is_refused(levels):
    lines = ["openapi: 3.0.0", "x0: &x0 [a]"]
    lines += [f"x{at}: &x{at} [{', '.join([f'*x{at - 1}'] * 10)}]" for at in range(1, levels + 1)]

    async def load(address):
        return address, "\n".join(lines).encode()

    if levels == 3:
        assert len((await gather_documents(ROOT, load)).spec["x3"]) == 10
        return
    with pytest.raises(WorkflowError, match="its aliases stand for more than 5,000,000 values"):
        await gather_documents(ROOT, load)


@pytest.fixture
def folder(tmp_path):
    """A folder for a spec, with files beside and below it; `secret.yaml` must not be read."""
    (tmp_path / "api" / "parts").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text("description: hunter2\nkeys: [hunter2]\n", encoding="utf-8")
    (tmp_path / "api" / "parts" / "text.yaml").write_text("root:hunter2:0:0", encoding="utf-8")
    (tmp_path / "api" / "parts" / "good.yaml").write_text("type: integer\n", encoding="utf-8")
    (tmp_path / "api" / "parts" / "up.yaml").write_text("$ref: ../../secret.yaml\n", encoding="utf-8")
    (tmp_path / "api" / "parts" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "api" / "out").symlink_to(tmp_path)
    (tmp_path / "api" / "parts" / "loop.yaml").symlink_to(tmp_path / "api" / "parts" / "loop.yaml")
    return tmp_path / "api"


def operation(ref):
    return {"get": {"parameters": [{"name": "x", "in": "query", "schema": {"$ref": ref}}]}}


async def opened(folder, *refs, name="spec.json"):
    """The tools and the faults of a spec with an operation for each reference."""
    paths = {f"/{at}": operation(ref) for at, ref in enumerate(refs)} | {"/good": operation("parts/good.yaml")}
    spec = {"openapi": "3.1.0", "servers": [{"url": "http://localhost:9"}], "paths": paths}
    (folder / name).write_text(json.dumps(spec), encoding="utf-8")
    source = OpenAPITools(spec=str(folder / name))
    return await source.open(), source.faults


OUTSIDE = ["../secret.yaml", "parts/../../secret.yaml", "parts/link.yaml", "out/secret.yaml", "..%2Fsecret.yaml"]


@pytest.mark.parametrize(
    "ref", [*OUTSIDE, "parts/up.yaml", "file:///etc/passwd", "/etc/passwd", "http://localhost:9/x"]
)
async def test_a_spec_in_a_file_reads_nothing_outside_of_its_folder(folder, ref):
    tools, faults = await opened(folder, ref)
    assert [tool.name for tool in tools] == ["get_good"]
    assert tools[0].parameters["properties"]["x"] == {"type": "integer"}
    assert "leads out of the folder of the spec" in faults[0]
    assert "hunter2" not in repr((tools, faults))


@pytest.mark.parametrize(
    "ref", ["parts/text.yaml", "parts/gone.yaml", "parts/loop.yaml", "%00", "parts/good.yaml#/type"]
)
async def test_a_file_that_is_no_schema_is_named_but_not_shown(folder, ref):
    tools, faults = await opened(folder, ref)
    assert [tool.name for tool in tools] == ["get_good"]
    assert len(faults) == 1
    assert "hunter2" not in faults[0]


async def test_an_operation_may_stand_in_a_file_of_its_own(folder):
    shared = {"name": "y", "in": "query", "schema": {"$ref": "parts/good.yaml"}}
    there = {"operationId": "look", "parameters": [{"name": "x", "in": "query", "schema": {"$ref": "good.yaml"}}]}
    (folder / "parts" / "operation.json").write_text(json.dumps(there), encoding="utf-8")
    path = {"parameters": [shared], "get": {"$ref": "parts/operation.json"}, "put": {"$ref": "parts/gone.json"}}
    spec = {"openapi": "3.1.0", "servers": [{"url": "http://localhost:9"}], "paths": {"/a": path}}
    (folder / "spec.json").write_text(json.dumps(spec), encoding="utf-8")
    source = OpenAPITools(spec=str(folder / "spec.json"))
    (tool,) = await source.open()
    assert tool.name == "look"
    assert tool.parameters["properties"] == {"y": {"type": "integer"}, "x": {"type": "integer"}}
    assert source.faults == ("`put /a`: `$ref: parts/gone.json` leads nowhere",)


async def test_a_spec_that_is_a_link_reads_below_the_folder_where_the_link_stands(folder, tmp_path):
    await opened(folder, name="real.json")
    (tmp_path / "elsewhere").mkdir()
    (folder / "real.json").rename(tmp_path / "elsewhere" / "real.json")
    (folder / "spec.json").symlink_to(tmp_path / "elsewhere" / "real.json")
    assert [tool.name for tool in await OpenAPITools(spec=str(folder / "spec.json")).open()] == ["get_good"]


async def test_references_of_a_download_are_relative_to_the_address_after_redirects():
    async def load(address):
        return "https://mirror.example/specs/openapi.json", b"openapi: 3.0.0"

    documents = await gather_documents(ROOT, load)
    assert documents.root == "https://mirror.example/specs/openapi.json"


async def test_yaml_that_contains_itself_can_be_gathered():
    async def load(address):
        return address, b"openapi: 3.0.0\nx: &x {again: *x, more: [*x]}\n"

    assert (await gather_documents(ROOT, load)).spec["openapi"] == "3.0.0"
