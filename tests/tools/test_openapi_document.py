import json

import pytest

from ste_graph.errors import WorkflowError
from ste_graph.tools.openapi.document import UnusableError, gather_documents

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
    for ref in refs[1:]:
        with pytest.raises(UnusableError, match=r"leads nowhere$"):
            documents.resolve({"$ref": ref}, ROOT)


async def test_references_of_a_download_are_relative_to_the_address_after_redirects():
    async def load(address):
        return "https://mirror.example/specs/openapi.json", b"openapi: 3.0.0"

    documents = await gather_documents(ROOT, load)
    assert documents.root == "https://mirror.example/specs/openapi.json"


async def test_yaml_that_contains_itself_can_be_gathered():
    async def load(address):
        return address, b"openapi: 3.0.0\nx: &x {again: *x, more: [*x]}\n"

    assert (await gather_documents(ROOT, load)).spec["openapi"] == "3.0.0"
