"""Files that are written anew: a reader, and whoever comes after a crash, finds the old text or the new one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ste_graph.errors import RunError

ASIDE = ".new"
"""The suffix under which a file is written before it takes its place."""


def write_whole(path: Path, text: str) -> None:
    """Put `text` into the file, durably. Raises `RunError` if it cannot be written: then all is as before."""
    aside = path.with_suffix(ASIDE)
    try:
        with aside.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise RunError(
            f"{path}: cannot be written ({error.strerror}); nothing finished is lost: "
            "make room, then run the same command again"
        ) from error
