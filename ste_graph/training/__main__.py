"""Does one job: its JSON comes on the first line of stdin, what it gives goes as JSON to the last line of stdout.

The lines before that tell how far it is.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from ste_graph.errors import SteError
from ste_graph.training.job import JOB, PROGRESS


def main() -> int:
    """Do the job; the exit code is 1 where it met a fault that it can name."""
    job = JOB.validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_owner, daemon=True).start()
    try:
        result = job.run(_say)
    except SteError as fault:
        print(json.dumps({"fault": str(fault)}), flush=True)
        return 1
    print(json.dumps(result), flush=True)
    return 0


def _say(what: str) -> None:
    print(f"{PROGRESS.decode()}{what}", flush=True)


def _end_with_owner() -> None:
    """Wait until the other end of stdin is closed, since whoever wanted the result is gone; then end at once."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    # Not `sys.exit`: threads of torch and tokenizers may wait for one another at the end.
    code = main()
    sys.stdout.flush()
    os._exit(code)
