"""Real replies of a small model, replayed through today's prompts, reader and graph (recorded by `--pool`)."""

from pathlib import Path

import ste_graph as ste
from ste_graph.contracts import ModelRequest
from ste_graph.protocols.next_step import Malformed
from ste_graph.protocols.reader import read_text
from tests.real.pool import ANSWER, PooledModel, PooledReply, describe_report, read_pool
from tests.real.stages import NODES, POOL_TOOLS, Size, plan_stages

POOL = Path(__file__).with_name("pool.jsonl")


def test_the_pool_is_small_and_has_replies_of_several_nodes():
    assert POOL.stat().st_size < 1_000_000
    assert {reply.node for reply in read_pool(POOL)} >= {"devise", "imagine", "call", "reflect", ANSWER}


def test_an_exploration_takes_whatever_a_real_model_wrote_and_says_which_prompts_differ(tmp_path):
    tools = sorted({reply.tool for reply in read_pool(POOL) if reply.node == "call"} & set(POOL_TOOLS))
    (stage,) = plan_stages(("explore",), Size("quick", 1, 4, 0), 0, tmp_path, "")
    changes = {**stage.changes, "tools": [{**stage.changes["tools"][0], "include": tools}]}
    changes["plugins"] = [str(POOL.with_name("pool.py"))]
    for node in NODES[stage.workflow]:
        kind = {"use": "pool.PooledModel", "pool": str(POOL), "node": node, "report": str(tmp_path / "report.jsonl")}
        changes |= {f"models.{node}": kind, f"nodes.{node}.model": node}
    summary = ste.load(stage.workflow, set=changes).run(tmp_path / "run")
    assert (summary.failed, summary.records["trial"]) == ({}, 4 * len(tools))
    report = describe_report(tmp_path / "report.jsonl")
    assert "call, add_days: " in report
    assert "replies were given to another prompt" in report
    print(report)


async def test_requests_that_the_pool_does_not_know_take_turns_of_their_own(tmp_path):
    lines = [PooledReply(node=ANSWER, tool="", prompt="", request=name, text=f"for {name}") for name in ("A", "B")]
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(f"{line.model_dump_json()}\n" for line in lines))
    client = PooledModel(pool=str(pool), node=ANSWER, report=str(tmp_path / "report.jsonl")).open_client()
    asked = ["unknown", "A", "unknown", "A", "B"]
    requests = [ModelRequest(messages=[{"role": "user", "content": name}], seed=0) for name in asked]
    assert [(await client.ask(request)).text for request in requests] == ["for A", "for A", "for B", "for A", "for B"]


def test_the_reader_reads_the_replies_to_held_out_requests():
    schemas = {name: {"type": "object"} for name in POOL_TOOLS}
    read = [read_text(reply.text, schemas) for reply in read_pool(POOL) if reply.node == ANSWER]
    assert sum(isinstance(step, Malformed) for step in read) <= len(read) // 4
