"""Specs of @readme/oas-examples, mocked by Prism, which checks what is sent against the spec.

In a folder outside the repository: npm i @stoplight/prism-cli @readme/oas-examples; its node_modules: STE_NODE_MODULES.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from ste_graph.contracts import Observation
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.toolbox import Toolbox, ToolPolicy

MODULES = Path(os.environ.get("STE_NODE_MODULES", "no-such-folder"))
PRISM = MODULES / ".bin" / "prism"
EXAMPLES = MODULES / "@readme" / "oas-examples"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not PRISM.exists(), reason="STE_NODE_MODULES names no folder with @stoplight/prism-cli"),
    pytest.mark.skipif(not EXAMPLES.exists(), reason="STE_NODE_MODULES names no folder with @readme/oas-examples"),
]


@pytest.fixture
def mocked():
    servers = []

    def start(name: str) -> tuple[str, str]:
        spec = EXAMPLES / name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [str(PRISM), "mock", "--errors", "-h", "127.0.0.1", "-p", str(port), str(spec)]
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        return str(spec), f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait(10)


async def opened(mocked, name, **settings) -> tuple[OpenAPITools, Toolbox]:
    spec, address = mocked(name)
    source = OpenAPITools(spec=spec, base_url=address, **settings)
    return source, Toolbox(await source.open(), ToolPolicy(allow=("write", "destructive")))


def wrong(answer: Observation) -> bool:
    """True if the request did not fit the spec; that a spec has no good answer to give is not the request's fault."""
    return answer.kind not in ("ok", "tool_error") or ("prism/errors" in answer.text and ACCEPTED not in answer.text)


ACCEPTED = "#NO_RESPONSE_RESPONSE_DEFINED"
PET = {"name": "Rex", "photoUrls": ["http://x/1.png"], "category": {"name": "dog"}, "status": "available"}


@pytest.mark.parametrize("name", ["2.0/json/petstore.json", "3.0/json/petstore.json", "3.1/yaml/petstore.yaml"])
async def test_prism_accepts_calls_of_the_petstore(mocked, name):
    key = {"name": "api_key", "in": "header", "value": "ijklmnop"}
    source, box = await opened(mocked, name, headers={"Authorization": "Bearer abcdefgh"}, auth={"api_key": key})
    assert source.faults == ()
    calls = {
        "findPetsByStatus": {"status": ["available", "sold"]},
        "getPetById": {"petId": 3},
        "addPet": PET,
        "deletePet": {"petId": 3},
        "updatePetWithForm": {"petId": 3, "name": "Rex & Co", "status": "sold"},
        "placeOrder": {"petId": 3, "quantity": 1, "shipDate": "2024-02-28T12:00:00Z"},
        "loginUser": {"username": "ada", "password": "engine 1"},
        "createUsersWithArrayInput": {"body": [{"username": "ada"}]},
    }
    answers = {tool: await box.call(tool, arguments) for tool, arguments in calls.items()}
    await source.close()
    assert {tool: answer.text for tool, answer in answers.items() if wrong(answer)} == {}
    assert answers["getPetById"].ok


@pytest.mark.parametrize("version", ["3.0", "3.1"])
async def test_prism_reads_each_style_of_parameter_as_it_was_meant(mocked, version):
    source, box = await opened(mocked, f"{version}/json/parameters-style.json")
    failed = {}
    for name, tool in box.tools.items():
        if not name.startswith(("query", "headers", "cookies")) or "Delimited" in name:
            continue  # Prism 5.14 dies of objects in a path and of delimited values, and its forms know no arrays
        arguments = {}
        for argument, schema in tool.parameters["properties"].items():
            kinds = {"array": ["blue", "black"], "object": {"R": 100, "G": 200}, "string": "blue", "integer": 3}
            schema = schema.get("oneOf", [schema])[0]
            arguments[argument] = kinds.get(schema.get("type"), "blue")
        answer = await box.call(name, arguments)
        if wrong(answer):
            failed[name] = f"{arguments} {answer.text}"
    await source.close()
    assert failed == {}


async def test_prism_finds_the_secrets_where_the_spec_wants_them(mocked):
    source, box = await opened(mocked, "3.0/json/security.json", auth={"bearer": "abcdefgh"})
    answers = {name: (await box.call(name, {})).ok for name in box.tools if "bearer" in name.lower()}
    await source.close()
    assert answers
    assert all(answers.values()), answers
