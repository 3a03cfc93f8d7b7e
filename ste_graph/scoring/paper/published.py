"""The paper's figures, as printed by the notebook next to its predictions.

Source: the cached output of STE/evaluation.ipynb in microsoft/simulated-trial-and-error at c1c97fd; in the paper
itself (Wang et al. 2024, tables 1 to 3) they are rounded to one decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Figures: TypeAlias = tuple[float, float, float]
"""In percent: well-formed of all, API match of well-formed, correct of all."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """A row of a table: its setting, the file with its replies, and the paper's figures.

    `batch` limits it to one batch of tools of continual learning.
    """

    setting: tuple[str, ...]
    file: str
    figures: Figures
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper; `against` is the file of the row that the others are compared with."""

    name: str
    head: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    against: str | None = None


MAIN = PaperTable(
    "Main results",
    ("model", "setting"),
    (
        PaperRow(("GPT-3.5-turbo-16k", "baseline"), "gpt35.json", (96.933, 77.579, 60.533)),
        PaperRow(("GPT-3.5-turbo-16k", "ICL"), "gpt35_ICL.json", (97.6, 90.847, 75.6)),
        PaperRow(("GPT-4-8k", "baseline"), "gpt4.json", (96.133, 78.086, 60.8)),
        PaperRow(("GPT-4-8k", "ICL"), "gpt4_ICL.json", (97.733, 92.769, 76.267)),
        PaperRow(("ToolLLaMA-v2", "baseline"), "toolLLMv2.json", (98.133, 49.049, 37.333)),
        PaperRow(("Llama-2-chat-7B", "baseline"), "llama-7Bf.json", (34.533, 40.154, 10.667)),
        PaperRow(("Llama-2-chat-7B", "ICL"), "llama-7Bf_ICL.json", (58.267, 86.728, 41.733)),
        PaperRow(("Llama-2-chat-7B", "fine-tuned"), "llama-7Bf_FT.json", (99.2, 94.892, 73.333)),
        PaperRow(("Llama-2-chat-13B", "baseline"), "llama-13Bf.json", (79.333, 53.613, 32.667)),
        PaperRow(("Llama-2-chat-13B", "ICL"), "llama-13Bf_ICL.json", (87.467, 86.585, 62.933)),
        PaperRow(("Llama-2-chat-13B", "fine-tuned"), "llama-13Bf_FT.json", (98.933, 95.148, 74.267)),
        PaperRow(("Mistral-Instruct-7B", "baseline"), "mistral.json", (61.733, 69.33, 30.133)),
        PaperRow(("Mistral-Instruct-7B", "ICL"), "mistral_ICL.json", (69.867, 88.359, 47.867)),
        PaperRow(("Mistral-Instruct-7B", "fine-tuned"), "mistral_FT.json", (99.067, 95.828, 76.8)),
    ),
)

ABLATIONS = PaperTable(
    "Ablations (Llama-2-chat-7B, fine-tuned)",
    ("what was left out",),
    (
        PaperRow(("nothing",), "llama-7Bf_FT.json", (99.2, 94.892, 73.333)),
        PaperRow(("execution feedback",), "llama-7Bf_FT_no_exec.json", (89.867, 79.377, 50.533)),
        PaperRow(("short-term memory",), "llama-7Bf_FT_no_STM.json", (99.733, 70.588, 53.867)),
        PaperRow(("long-term memory",), "llama-7Bf_FT_no_LTM.json", (98.667, 79.865, 59.733)),
        PaperRow(("self-reflection",), "llama-7Bf_FT_no_reflection.json", (99.333, 81.745, 60.133)),
        PaperRow(("nothing; 2,000 Flan items added",), "llama-7Bf_FT_flan.json", (98.933, 95.283, 74.133)),
    ),
    against="llama-7Bf_FT.json",
)


def _round_rows(file: str, first: int, *rounds: tuple[tuple[Figures, ...], Figures]) -> tuple[PaperRow, ...]:
    """The rows of each round: its batches, then all of them together."""
    rows = []
    for number, (batches, total) in enumerate(rounds, first):
        name = file.format(number)
        rows += [PaperRow((str(number), str(batch)), name, own, batch) for batch, own in enumerate(batches)]
        rows.append(PaperRow((str(number), "all"), name, total))
    return tuple(rows)


REPLAY = PaperTable(
    "Continual learning with replay (Llama-2-chat-7B)",
    ("round", "batch"),
    _round_rows(
        "CL_round_{}.json",
        0,
        (((99.444, 98.883, 80.556),), (99.444, 98.883, 80.556)),
        (((97.778, 94.886, 76.111), (100.0, 96.923, 84.103)), (98.933, 95.957, 80.267)),
        (
            ((100.0, 87.222, 70.556), (100.0, 97.436, 84.103), (100.0, 91.667, 65.556)),
            (100.0, 92.252, 73.694),
        ),
        (
            (
                (100.0, 82.778, 65.0),
                (100.0, 97.436, 88.718),
                (100.0, 87.222, 66.111),
                (92.308, 97.222, 70.256),
            ),
            (98.0, 91.293, 72.8),
        ),
    ),
)

NO_REPLAY = PaperTable(
    "Continual learning without replay (Llama-2-chat-7B)",
    ("round", "batch"),
    _round_rows(
        "CL_round_{}_no_replay.json",
        1,
        (((98.889, 2.247, 1.667), (100.0, 96.923, 87.692)), (99.467, 51.743, 46.4)),
        (((97.778, 0.0, 0.0), (99.487, 63.918, 56.923), (100.0, 92.778, 68.889)), (99.099, 52.909, 42.342)),
        (
            (
                (100.0, 0.0, 0.0),
                (99.487, 47.423, 38.462),
                (100.0, 34.444, 25.0),
                (96.923, 96.296, 71.795),
            ),
            (99.067, 45.222, 34.667),
        ),
    ),
)

TOGETHER = PaperTable(
    "All batches at once (Llama-2-chat-7B with 2,000 Flan items)",
    ("batch",),
    tuple(
        PaperRow((str(batch) if batch is not None else "all",), "llama-7Bf_FT_flan.json", figures, batch)
        for batch, figures in (
            (0, (100.0, 92.222, 73.333)),
            (1, (100.0, 98.974, 87.179)),
            (2, (100.0, 92.778, 68.333)),
            (3, (95.897, 96.791, 67.179)),
            (None, (98.933, 95.283, 74.133)),
        )
    ),
)

TABLES = (MAIN, ABLATIONS, REPLAY, NO_REPLAY, TOGETHER)
