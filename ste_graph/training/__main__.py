"""The process of one job: reads it as JSON from the first line of stdin, writes its result as the last line of stdout.

The lines before that report progress.
"""

from __future__ import annotations

import json
import os
import sys

from ste_graph.errors import SteError
from ste_graph.parent_watchdog import exit_when_stdin_closes
from ste_graph.training.job import JOB_ADAPTER, PROGRESS


def main() -> int:
    """Run the job; the exit code is 1 if it met an error that it can name."""
    job = JOB_ADAPTER.validate_json(sys.stdin.readline())
    exit_when_stdin_closes()
    try:
        result = job.run(_print_progress)
    except SteError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    print(json.dumps(result), flush=True)
    return 0


def _print_progress(text: str) -> None:
    print(f"{PROGRESS.decode()}{text}", flush=True)


if __name__ == "__main__":
    # Not `sys.exit`: threads of torch and tokenizers may wait for one another at the end.
    code = main()
    sys.stdout.flush()
    os._exit(code)
