"""The time to score 750 replies without a judge, and to compare two arms of that size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ste_graph as ste
from ste_graph.protocols.form import Parser
from ste_graph.scoring.arms import parse_replies
from ste_graph.scoring.evaluation import compare_arms
from ste_graph.scoring.predictions import read_predictions
from ste_graph.scoring.rules import LabelRules
from ste_graph.scoring.score_sheet import score_predictions

DATA = Path(os.environ.get("STE_DATA", Path(__file__).parents[3] / "shared" / "data")) / "ste" / "predictions"
STE = Path(sys.executable).with_name("ste")
LIMIT_S = 1.0


def best_of(count: int, *words: object) -> float:
    """Seconds of the fastest of some runs of a command."""
    times = []
    for _ in range(count):
        started = time.perf_counter()
        subprocess.run([STE, *map(str, words)], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def made_up(folder: Path) -> Path:
    """750 replies of our own, where the paper's are not at hand: one in three needs a repair, one in five is wrong."""
    tools: dict[str, list[dict[str, str]]] = {}
    for number in range(750):
        tool = f"tool_{number % 50}"
        arguments = json.dumps({"text": f"request {number}", "count": number + (number % 5 == 0)})
        tools.setdefault(tool, []).append(
            {
                "query": f"request {number}",
                "action_input": json.dumps({"text": f"request {number}", "count": number}),
                "model_output": f"Thought: so\nAction: {tool}\nAction Input: {arguments}"
                + ("\nObservation: and on it runs" if number % 3 == 0 else ""),
            }
        )
    file = folder / "made-up.json"
    file.write_text(json.dumps(tools), "utf-8")
    return file


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [file for name in ("mistral_FT", "llama-7Bf") if (file := DATA / f"{name}.json").is_file()]
        for file in files or [made_up(Path(folder))]:
            for parser in Parser:
                seconds = best_of(3, "score", file, "--parser", parser)
                started = time.perf_counter()
                sheet = score_predictions(read_predictions(file), LabelRules(parser=parser, exact_names=False))
                inside = time.perf_counter() - started
                print(
                    f"  {file.name} by the {parser} parser: {len(sheet.replies)} replies in {seconds:.2f} s, "
                    f"{inside:.2f} s of it reading and labelling (to reach: {LIMIT_S:.0f} s)"
                )
        compare(files or [made_up(Path(folder))], Path(folder))


def compare(files: list[Path], folder: Path) -> None:
    arms = {f"arm {number}": str(file) for number, file in enumerate([files[0], files[-1]])}
    changes = {"data.replies": {"use": "predictions", "arms": arms, "candidate": "arm 1"}}
    started = time.perf_counter()
    replies = ste.load("evaluate", set=changes).workflow.data["replies"].items()
    read = time.perf_counter()
    comparison = compare_arms(parse_replies(replies), LabelRules())
    labelled = time.perf_counter()
    comparison.fields()
    ended = time.perf_counter()
    ste.load("evaluate", set=changes).run(folder / "evaluation")
    whole = time.perf_counter() - ended
    print(
        f"  two arms compared: {len(replies)} replies, {read - started:.2f} s reading, "
        f"{labelled - read:.2f} s labelling, {ended - labelled:.2f} s figures and decision; as a run {whole:.2f} s"
    )


if __name__ == "__main__":
    main()
