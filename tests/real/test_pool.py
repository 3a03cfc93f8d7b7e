"""Real replies of a small model, replayed through today's prompts, reader and graph (recorded by `--pool`)."""

from pathlib import Path

import ste_graph as ste
from ste_graph.contracts import ModelRequest
from ste_graph.protocols.next_step import Malformed
from ste_graph.protocols.reader import read_reply_text
from ste_graph.run.summary import Summary
from tests.real.pool import ANSWER, PooledModel, PooledReply, describe_report, read_pool
from tests.real.stages import NODES, POOL_TOOLS, Size, Stage, plan_stages

POOL = Path(__file__).with_name("pool.jsonl")
QUICK = Size("quick", 1, 4, 4)


def test_the_pool_is_small_and_has_replies_of_several_nodes():
    assert POOL.stat().st_size < 1_000_000
    assert {reply.node for reply in read_pool(POOL)} >= {"devise", "imagine", "call", "reflect", ANSWER}


def replay(stage: Stage, out: Path, report: Path) -> Summary:
    """Run a stage with the replies of the pool in place of a model."""
    pooled = {"use": "pool.PooledModel", "pool": str(POOL), "report": str(report)}
    changes = dict(stage.changes)
    if stage.variant != "simulated":
        changes["plugins"] = [str(POOL.with_name("pool.py"))]
    if stage.workflow == "distil" and stage.variant != "simulated":
        changes["models.writer"] = {**pooled, "node": "writer"}  # never asked: nothing is paraphrased
    for node in NODES.get(stage.workflow, ()) if stage.variant is None else ():
        changes |= {f"models.{node}": {**pooled, "node": node}, f"nodes.{node}.model": node}
    return ste.load(stage.workflow, variant=stage.variant, set=changes).run(out / stage.name)


def test_explore_distil_and_icl_take_whatever_a_real_model_wrote_and_say_which_prompts_differ(tmp_path):
    stages = plan_stages(("explore", "distil", "simulated"), QUICK, 0, tmp_path, "")
    report = tmp_path / "report.jsonl"
    done = {stage.name: replay(stage, tmp_path, report) for stage in stages}
    assert {name: summary.failed for name, summary in done.items() if summary.failed} == {}
    assert done["explore"].records["trial"] == QUICK.per_tool * len(POOL_TOOLS)
    assert done["simulated-icl"].records["reply"] == 2 * QUICK.cases * len(POOL_TOOLS)
    named = describe_report(report)
    assert "replies were given to another prompt" in named
    for place in ("call, add_days: ", "judge, to_roman: ", "answer, several tools: "):
        assert place in named
    print(named)


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
    read = [read_reply_text(reply.text, schemas) for reply in read_pool(POOL) if reply.node == ANSWER]
    assert sum(isinstance(step, Malformed) for step in read) <= len(read) // 4
