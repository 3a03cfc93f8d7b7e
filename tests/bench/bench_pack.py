"""A pack of 50 tools with 20 exemplars each: written, opened as a store, and verified by fingerprints alone.

The embedder is not started, as nothing is searched. Expected: at most 2 s each.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ste_graph.memory.exemplars.packs.pack_verification import verify_tools
from ste_graph.memory.exemplars.store import ExemplarStore
from ste_graph.packs.check import check_pack
from ste_graph.packs.content import pack_files
from ste_graph.packs.manifest import FORMAT, Manifest, write_pack
from ste_graph.packs.outcome import PackOutcome
from ste_graph.packs.pack import PackCase, ToolDefinition, open_pack
from ste_graph.packs.pseudonyms import Pseudonyms
from ste_graph.packs.values import PackData
from ste_graph.scoring.case import GoldCall
from tests.packs.conftest import EVIDENCE, FakeTool, exemplar

TOOLS, EACH, CASES = 50, 20, 5
_Result = TypeVar("_Result")


def main() -> None:
    """Print every figure."""
    tools = [FakeTool(f"tool_{number}", {f"p{n}": {"type": "string"} for n in range(4)}) for number in range(TOOLS)]
    data = make_data(tools)
    manifest = Manifest(
        format=FORMAT, name="bench", made="2026-11-28T10:00:00Z", version="0.1.0", adopted=True, simulated=True,
        arm="exemplars", model="simulated", forms=("exemplars",), tools=tuple(data.definitions), files={},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "bench"
        timed("write", lambda: write_pack(place, manifest, pack_files(manifest, data, EVIDENCE, {})))
        store = timed("open as a store", lambda: ExemplarStore.open(place))
        assert len(store) == TOOLS * EACH
        outcome = PackOutcome("bench")
        pack = timed("open", lambda: open_pack(place))
        timed("verify by fingerprints", lambda: asyncio.run(verify_tools(pack, tools, None, outcome, calls=False)))
        assert (outcome.status, len(outcome.findings)) == ("holds", TOOLS)
        assert timed("check, leaks included", lambda: check_pack(place)).problems == ()
        timed("draw pseudonyms", lambda: Pseudonyms.of(data).apply(data))


def make_data(tools: list[FakeTool]) -> PackData:
    """Exemplars and cases of each tool, no two alike."""
    definitions = {tool.name: ToolDefinition.of(tool) for tool in tools}
    data = PackData(definitions=definitions)
    for name, tool in definitions.items():
        for number in range(EACH + CASES):
            arguments = {f"p{n}": f"value {name} {number} {n}" for n in range(4)}
            query = f"Use {name} with {', '.join(arguments.values())}."
            if number < EACH:
                data.exemplars.append(exemplar(name, query, arguments, f"{number} done " * 20, tool.fingerprint))
            else:
                case = PackCase(query=query, gold=GoldCall(tool=name, arguments=arguments), reference="done")
                data.cases.append(case.model_dump(mode="json"))
    return data


def timed(what: str, do: Callable[[], _Result]) -> _Result:
    """The result of a call; prints its wall time and its CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = do()
    print(f"  {what}: {time.perf_counter() - wall:.2f} s, {time.process_time() - cpu:.2f} s of CPU", flush=True)
    return result
