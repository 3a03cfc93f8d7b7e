"""The share of a prompt's tokens that the server has read before: what prefix caching saves with the paper's settings.

Every request of a run is recorded by a server and compared with all earlier ones. A server caches what a prompt has in
common with an earlier prompt and its reply, from the beginning on. The order of messages allows at most all messages
but the last: they were sent, or are the model's own replies. Tokens are counted as a quarter of the bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.bench_model import experiment
from tests.bench.rows import Row
from tests.servers.chat import Answer, ChatServer, Proceed, Request

TOOLS, EPISODES = 4, 15
SHARE = 0.98


def render(messages: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """The messages as a chat template writes them, one after another."""
    return [f"<|{m['role']}|>\n{json.dumps(m['content'])}\n".encode() for m in messages]


class PrefixTree:
    """All that a server has read and written so far."""

    def __init__(self) -> None:
        self._known: dict[bytes, dict[bytes, Any]] = {}

    def match(self, parts: Sequence[bytes]) -> int:
        """The bytes from the beginning on that are known; of the first message that differs, what is alike."""
        level, count = self._known, 0
        for part in parts:
            if part not in level:
                return count + max((_common(part, other) for other in level), default=0)
            count += len(part)
            level = level[part]
        return count

    def add(self, parts: Sequence[bytes]) -> None:
        """Remember a prompt and its reply."""
        level = self._known
        for part in parts:
            level = level.setdefault(part, {})


def _common(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def shares(requests: Sequence[tuple[Sequence[Mapping[str, Any]], str]]) -> tuple[int, int, int]:
    """Bytes of all prompts, those that are a cached prefix, and those that the order of messages allows to be one."""
    tree = PrefixTree()
    total = cached = allowed = 0
    for messages, reply in requests:
        parts = render(messages)
        before = sum(map(len, parts[:-1]))
        known = tree.match(parts)
        total += sum(map(len, parts))
        cached += known
        allowed += max(known, before)
        tree.add([*parts, *render([{"role": "assistant", "content": reply}])])
    return total, cached, allowed


def main() -> list[Row]:
    requests: list[tuple[Sequence[Mapping[str, Any]], str]] = []

    def record(request: Request, proceed: Proceed) -> Answer:
        answer = proceed(request)
        if request.is_chat:
            requests.append((request.body["messages"], str(answer.message["content"])))
        return answer

    with ChatServer(record, context=1_000_000) as server, tempfile.TemporaryDirectory() as name:
        loaded = experiment(Path(name), server.url, EPISODES, tools=TOOLS)
        loaded.run(Path(name) / "run", concurrency=TOOLS)
    total, cached, allowed = shares(requests)
    print(
        f"  {len(requests)} requests of {TOOLS} tools x {EPISODES} x 4, {total / 4e3:,.0f} thousand tokens: "
        f"{cached / total:.1%} are a cached prefix, {allowed / total:.1%} could be by the order of messages"
    )
    anchor = f"{cached / total:.1%} of all prompt tokens are a cached prefix; the order allows {allowed / total:.1%}"
    return [Row("cached prefixes, of what the order of messages allows", cached / allowed, "", SHARE, "more", anchor)]


if __name__ == "__main__":
    main()
