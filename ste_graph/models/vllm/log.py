"""Reading a vLLM server's log: how far the server has come, and why it ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

STAGES = (
    ("Application startup complete", "answering"),
    ("Capturing CUDA graph", "capturing CUDA graphs"),
    ("torch.compile", "compiling"),
    ("Dynamo bytecode", "compiling"),
    ("Loading weights took", "preparing the engine"),
    ("checkpoint shards", "loading weights"),
    ("Starting to load model", "loading weights"),
    ("Downloading", "fetching the model"),
    ("Initializing a V1 LLM engine", "starting the engine"),
    ("Resolved architecture", "reading the model's settings"),
)
"""Words of the log, and the stage that they show; of the last line with any of them, the first match counts."""

Cause = Literal["package", "model", "memory", "port"]
"""Missing, missing, used up, taken."""

CAUSES: Mapping[Cause, tuple[str, ...]] = {
    "package": ("No module named 'vllm'", "No module named vllm"),
    "model": (
        "RepositoryNotFound",
        "LocalEntryNotFound",
        "Repository Not Found",
        "is not a valid model identifier",
        "Can't load the configuration",
        "couldn't find them in the cached files",
    ),
    "memory": (
        "OutOfMemory",
        "out of memory",
        "MemoryError",
        "DefaultCPUAllocator",
        "No available memory",
        "Free memory on device",
        "Available memory on node",
        "larger than the available KV cache",
    ),
    "port": ("ddress already in use",),
}
"""Words of error lines, as vLLM, transformers, the hub's client and the system write them."""

# Lines of the engine's processes begin with `(EngineCore pid=12) ERROR 11-20 11:43:08 [core.py:1510] `.
_PREFIX = re.compile(r"^(\(\S+ pid=\d+\) )?([A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\] )?")
_ERROR = re.compile(r"^([A-Za-z_][\w.]*(Error|Exception|Exit)\b.*|\S+: error: .*|.*: cannot be executed: .*)")
_PERCENT = re.compile(r"(\d+)% Completed")
# These point to another line of the log, which says what went wrong.
_SECOND_HAND = ("Engine core initialization failed", "Worker failed with error", "EngineDeadError", "leaked shared_")


def stage(log: str) -> str:
    """The stage that the start has reached; "" before anything is known."""
    for line in reversed(re.split(r"[\n\r]", log)):
        shown = line.partition("with config:")[0]  # settings, which hold the words of other stages
        for words, name in STAGES:
            if words in shown and "disabling" not in shown:
                percent = _PERCENT.search(line)
                return f"{name}, {percent[1]} %" if percent else name
    return ""


def last_error(log: str) -> str:
    """The line that says best why the server ended: its last error that points to no other, else its last line."""
    lines = [_PREFIX.sub("", line).strip() for line in re.split(r"[\n\r]", log)]
    lines = [line for line in lines if line]
    first_hand = [line for line in lines if not any(words in line for words in _SECOND_HAND)]
    last = ([line for line in first_hand if _ERROR.match(line)] or first_hand or lines or ["its log is empty"])[-1]
    if "validation error" in last:  # pydantic says what is wrong in the lines below
        below = " ".join(lines[lines.index(last) + 1 :]).partition(" [type=")[0]
        last = below.removeprefix("Value error, ") or last
    return last if len(last) <= 400 else f"{last[:399]}…"


def cause(error: str) -> Cause | None:
    """The cause that an error line shows, if it is one that has a remedy of its own."""
    return next((kind for kind, words in CAUSES.items() if any(word in error for word in words)), None)
