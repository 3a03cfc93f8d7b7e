"""The whole chain, small: quickstart.yaml, distil.yaml, then finetune.yaml or continual.yaml."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ste_graph as ste
from ste_graph.errors import WorkflowError
from ste_graph.finished import open_run
from ste_graph.report.content import gather_content
from ste_graph.run.context import Watcher
from ste_graph.scoring.reply import CaseReply
from ste_graph.training.rows.files import TrainingFiles, write_rows
from ste_graph.training.rows.row import TrainingRow, read_rows

TOOLS = ["add_days", "make_password", "number_in_words", "to_roman"]
TINY = {"hidden": 64, "layers": 2, "heads": 2, "inner": 32}


def lines(run: Path, record: str) -> list[dict[str, Any]]:
    journal = (run / "journal.jsonl").read_text("utf-8").splitlines()
    return [line for line in map(json.loads, journal) if line["record"] == record]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    small = {"params.episodes": 2, "params.trials": 4, "tools.0.include": TOOLS}
    ste.load("quickstart", set=small).run(folder / "explored")
    few = {
        "params.paraphrases": 2,
        "nodes.split.apart": "value",
        "nodes.split.heldout": 0.3,
        "nodes.split.examples": 20,
    }
    ste.load("distil", variant="simulated", set={"data.explored.run": str(folder / "explored"), **few}).run(
        folder / "distilled"
    )
    return folder


@pytest.fixture(scope="module")
def files(runs: Path) -> TrainingFiles:
    return write_rows(runs / "distilled", runs / "rows", 2)


def rows(paths: list[str]) -> Iterator[TrainingRow]:
    return (row for path in paths for row in read_rows([path]))


def test_every_training_row_comes_from_a_trial_in_the_journal_of_the_exploration_and_calls_what_it_called(
    runs: Path, files: TrainingFiles
) -> None:
    trials = {line["id"]: line for line in lines(runs / "explored", "trial")}
    learnt = list(rows(files.train_files))
    assert len(learnt) >= 40
    for row in learnt:
        provenance: dict[str, Any] = row.model_dump()["provenance"]
        trial = trials[provenance["trial"]]
        assert row.call is not None
        called = [step["arguments"] for step in trial["steps"] if step["observation"] and step["observation"]["ok"]]
        assert row.call.arguments == called[-1]
        assert row.query == trial["query"] or provenance["paraphrase_of"] == trial["query"]


def test_no_value_of_a_held_out_request_that_counts_as_new_occurs_in_training(files: TrainingFiles) -> None:
    known = {value for row in rows(files.train_files) for value in row.value_keys}
    new = [row for row in rows(files.heldout_files) if row.is_unseen(known)]
    assert len(new) >= 4
    texts = [row.completion for row in rows(files.train_files)]
    for row in new:
        assert row.call is not None
        for name, value in row.call.arguments.items():
            if json.dumps(value) in row.free_value_keys:
                argument = re.compile(re.escape(f'"{name}": {json.dumps(value)}') + r"[,}\]]")
                assert not any(argument.search(text) for text in texts)


def test_batches_hold_their_own_tools_and_together_all(files: TrainingFiles) -> None:
    assert files.batches == [["add_days", "number_in_words"], ["make_password", "to_roman"]]
    for side in (files.train_files, files.heldout_files):
        assert [sorted({row.tool for row in read_rows([file])}) for file in side] == files.batches
    assert files.untested == []


def test_batches_can_be_named(runs: Path, tmp_path: Path) -> None:
    found = write_rows(runs / "distilled", tmp_path, (("to_roman",), ("add_days", "number_in_words")))
    assert found.batches == [["to_roman"], ["add_days", "number_in_words"]]


@pytest.mark.parametrize(
    ("batches", "fault"),
    [
        (5, "has examples of 4 tools; that is too few for 5 batches"),
        ((("to_roman",), ("to_greek",)), f"has no example of to_greek; it has examples of: {', '.join(TOOLS)}"),
        ((("to_roman",), ("to_roman",)), "to_roman: is in more than one of `batches`"),
    ],
)
def test_batches_that_cannot_be_are_refused(runs: Path, tmp_path: Path, batches: Any, fault: str) -> None:
    with pytest.raises(WorkflowError) as raised:
        write_rows(runs / "distilled", tmp_path, batches)
    assert str(raised.value).endswith(fault)


def test_a_run_that_was_not_distilled_is_refused_with_what_to_do(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"is a run that explored; distil it first: ste run distil --set"):
        write_rows(runs / "explored", tmp_path)


def test_a_tool_without_a_held_out_case_is_named_and_a_batch_of_such_refused(runs: Path, tmp_path: Path) -> None:
    few = {"data.explored.run": str(runs / "explored"), "params.paraphrases": 0}
    alone = {"data.explored.include": ["add_days"], "nodes.split.heldout": 0}
    ste.load("distil", variant="simulated", set=few | alone).run(tmp_path / "all-train")
    with pytest.raises(WorkflowError, match=r"it has no held-out case; explore more, or set another share `heldout`"):
        write_rows(tmp_path / "all-train", tmp_path / "rows")
    # A tool whose requests all belong together is on one side.
    together = {"data.explored.include": ["add_days", "to_roman"], "nodes.split.alike": 0.0}
    mixed = tmp_path / "mixed"
    ste.load("distil", variant="simulated", set=few | together).run(mixed)
    with pytest.raises(WorkflowError, match="has no held-out case"):
        write_rows(mixed, tmp_path / "rows")


def test_finetuning_takes_a_run_of_distil_and_keeps_every_reply_before_and_after(runs: Path, tmp_path: Path) -> None:
    reports: list[str] = []

    class Listener(Watcher):
        def node_progress(self, unit: str, what: str) -> None:
            reports.append(f"{unit}: {what}")

    few = {"nodes.train.settings": {"steps": 20, "batch_size": 4}, "nodes.model.shape": TINY}
    finetune = ste.load("finetune", set={"nodes.rows.run": str(runs / "distilled"), **few})
    summary = finetune.run(tmp_path / "run", watcher=Listener())
    assert summary.failed == {}
    assert "0: step 1 of at most 20" in reports
    replies = [CaseReply.from_line(line) for line in lines(tmp_path / "run", "reply")]
    (training,) = lines(tmp_path / "run", "training")
    before = [reply for reply in replies if reply.arm == "before"]
    after = [reply for reply in replies if reply.arm == "after"]
    assert [(reply.query, reply.gold) for reply in before] == [(reply.query, reply.gold) for reply in after]
    assert len(after) == sum(1 for line in lines(runs / "distilled", "example") if line["split"] == "heldout")
    assert {reply.subject for reply in before} == {None}
    assert {reply.subject.path for reply in after if reply.subject and reply.subject.kind == "model"} == {
        training["model"]
    }
    assert training["before"] == 0.0
    assert {reply.model for reply in after} == {"simulated examples, after training"}
    assert training["simulated"]
    content = gather_content(open_run(tmp_path / "run"))
    assert content.simulated is not None
    (section,) = [section for section in content.parts[0].sections if section.id == "training"]
    table = next(block for block in section.blocks if block.kind == "table")
    shown = dict(zip(table.head, table.rows[0], strict=True))
    assert (shown["rows"], shown["steps"]) == (training["rows"], training["steps"])
    assert shown["exact before, %"] == 0.0
    assert shown["exact after, %"] == round(100 * training["after"], 1)
    assert {entry["arm"] for entry in content.entries} == {"before", "after"}


@pytest.mark.slow
def test_students_of_two_seeds_are_separate_arms_and_one_of_them_may_be_adopted(runs: Path, tmp_path: Path) -> None:
    few = {"nodes.train.settings": {"steps": 20, "batch_size": 4}, "nodes.model.shape": TINY, "params.seeds": [0, 1]}
    ste.load("finetune", set={"nodes.rows.run": str(runs / "distilled"), **few}).run(tmp_path / "run")
    content = gather_content(open_run(tmp_path / "run"))
    (section,) = [section for section in content.parts[0].sections if section.id == "training"]
    table = next(block for block in section.blocks if block.kind == "table")
    assert [row[0] for row in table.rows] == ["seed 0", "seed 1"]
    ste.load("evaluate", set={"data.replies.runs": [str(tmp_path / "run")]}).run(tmp_path / "evaluation")
    (evaluation,) = lines(tmp_path / "evaluation", "evaluation")
    assert list(evaluation["arms"]) == ["before", "after 0", "after 1"]


@pytest.mark.slow
def test_continual_learning_takes_a_run_of_distil_and_ends_with_a_matrix_for_each_arm(
    runs: Path, tmp_path: Path
) -> None:
    few = {
        "nodes.rows.run": str(runs / "distilled"),
        "nodes.rows.batches": 3,
        "nodes.model.shape": TINY,
        "nodes.first.settings": {"steps": 20, "batch_size": 4},
        "nodes.learn.settings": {"steps": 5, "batch_size": 4},
    }
    assert ste.load("continual", set=few).run(tmp_path / "run").failed == {}
    rounds = lines(tmp_path / "run", "round")
    assert [(line["label"], [len(shares) for shares in line["rounds"]]) for line in rounds] == [
        ("no replay", [1, 2]),
        ("no replay", [1, 2, 3]),
        ("10 % replay", [1, 2]),
        ("10 % replay", [1, 2, 3]),
    ]
    assert len({line["rows"] for line in rounds[1::2]}) == 2
    assert all(Path(line["plot"]).is_file() for line in rounds)
    assert all(line["simulated"] for line in rounds)
