"""The process in which calls of BFCL's multi-turn questions are run, which is ended where they take too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from threading import Timer
from types import TracebackType
from typing import Final, Self

from ste_graph.errors import WorkflowError
from ste_graph.scoring.bfcl.environment import Calls, Scenario

TIMEOUT_S: Final = 30.0
"""Seconds after which the calls of a question have failed."""


class EnvironmentProcess:
    """Runs the calls of one question after the other. A context: the process starts when needed, and ends with it."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None

    @staticmethod
    def is_possible() -> bool:
        """True if BFCL's classes are installed, with what they import."""
        return find_spec("bfcl_eval") is not None and find_spec("mpmath") is not None

    def find_difference(self, scenario: Scenario, expected: Sequence[Calls], given: Sequence[Calls]) -> str | None:
        """As the function of this name. Calls that take too long are a difference.

        Raises `WorkflowError` if the classes cannot be run.
        """
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        timer = Timer(self._timeout_s, process.kill)
        timer.start()
        try:
            job = {"scenario": asdict(scenario), "expected": expected, "given": given}
            process.stdin.write(f"{json.dumps(job)}\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            self._end()
            return f"the calls took longer than {self._timeout_s:g} s, or more memory than there is"
        answer: dict[str, str | None] = json.loads(line)
        if "fault" in answer:
            raise WorkflowError(
                f"bfcl-eval: the classes of the multi-turn questions cannot be run ({answer['fault']}); install "
                "another version, or none, so that calls are compared one by one"
            )
        return answer["difference"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _start(self) -> subprocess.Popen[str]:
        """Starts the process, which takes as long as it may."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ste_graph.scoring.bfcl.environment"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._process.stdout
        self._process.stdout.readline()
        return self._process

    def _end(self) -> None:
        """Ends the process, at once."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
