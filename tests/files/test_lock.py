import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ste_graph.files.lock import FileLock, LockHeldError


def test_a_lock_that_is_held_names_its_owner(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".writer"), pytest.raises(LockHeldError) as caught:
        FileLock(tmp_path / ".writer").acquire()
    assert caught.value.owner == f"pid {os.getpid()}"
    FileLock(tmp_path / ".writer").acquire()


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / ".writer"), FileLock(tmp_path / ".writer")
    first.acquire()
    with pytest.raises(LockHeldError):
        second.acquire(wait_s=0.03)
    timer = threading.Timer(0.05, first.release)
    timer.start()
    second.acquire(wait_s=10)
    second.release()
    timer.join()


def test_the_kernel_releases_the_lock_of_a_process_that_was_killed(tmp_path: Path) -> None:
    code = "import sys, time, pathlib\nfrom ste_graph.files.lock import FileLock\n"
    code += "lock = FileLock(pathlib.Path(sys.argv[1]))\nlock.acquire()\nprint(flush=True)\ntime.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / ".writer"], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    with pytest.raises(LockHeldError):
        FileLock(tmp_path / ".writer").acquire()
    process.kill()
    process.communicate()
    start = time.monotonic()
    FileLock(tmp_path / ".writer").acquire(wait_s=5)
    assert time.monotonic() - start < 5
