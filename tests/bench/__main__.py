"""`make bench`: every measurement, each in a process of its own, written into one table.

`python -m tests.bench NAME…` runs some of them, and replaces their rows alone. A bench is a module `bench_NAME.py` here
whose `main` prints its figures, and returns rows for the table if it has some.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.rows import BenchResult, Row, render

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results.json"
PAGE = HERE / "RESULTS.md"
PACKAGES = ("ste-graph", "langgraph", "chromadb", "sentence-transformers", "torch", "openai", "pydantic")
CHILD = "--rows-into"
LIMIT_S = 3600


def list_benches() -> list[str]:
    """The names of all benches."""
    names = (info.name for info in pkgutil.iter_modules([str(HERE)]))
    return sorted(name.removeprefix("bench_") for name in names if name.startswith("bench_"))


def run_bench(name: str) -> BenchResult:
    """Run one bench in a process of its own, and show what it prints."""
    print(f"\n{name}", flush=True)
    began = os.getloadavg()[0]
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "tests.bench", CHILD, str(file), name]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(hide_paths(line.rstrip("\n")))
        failed = "" if process.returncode == 0 else f"it ended with {process.returncode}"
        rows = [Row(**row) for row in json.loads(file.read_text("utf-8"))] if file.exists() else []
    return BenchResult(
        name=name,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=find_commit(),
        machine=describe_machine(),
        versions=describe_versions(),
        load=(began, os.getloadavg()[0]),
        rows=tuple(rows),
        lines=tuple(lines),
        failed=failed,
    )


def hide_paths(text: str) -> str:
    """A line without folders of this machine."""
    for folder in (ROOT, Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
        text = text.replace(f"{folder}/", "…/")
    return text


def describe_machine() -> str:
    """The processor, its cores and the memory: nothing that names the machine."""
    words = platform.machine()
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            words = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{words}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB of memory"


def describe_versions() -> str:
    """Python and the packages that a figure depends on."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return f"Python {platform.python_version()}, {', '.join(found)}"


def find_commit() -> str:
    """The commit, and whether files differ from it."""
    try:
        words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def read_results(file: Path = RESULTS) -> dict[str, BenchResult]:
    """The results so far, by bench."""
    if not file.exists():
        return {}
    return {data["name"]: BenchResult.from_json(data) for data in json.loads(file.read_text("utf-8"))}


def write_results(results: dict[str, BenchResult], file: Path = RESULTS, page: Path = PAGE) -> None:
    """Write the results, and the page about them."""
    ordered = [results[name] for name in sorted(results)]
    data = json.dumps([result.to_json() for result in ordered], indent=1, ensure_ascii=False)
    file.write_text(f"{data}\n", "utf-8")
    page.write_text(render(ordered), "utf-8")


def main(words: list[str]) -> int:
    """Run the benches named on the command line, or all of them; 1 if one could not be run."""
    if words[:1] == [CHILD]:
        rows = importlib.import_module(f"tests.bench.bench_{words[2]}").main() or ()
        Path(words[1]).write_text(json.dumps([row.__dict__ for row in rows]), "utf-8")
        return 0
    known = list_benches()
    if unknown := [word for word in words if word not in known]:
        print(f"no bench named {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    done = []
    for name in words or known:
        done.append(run_bench(name))
        kept = {other: result for other, result in read_results().items() if other in known}
        write_results({**kept, name: done[-1]})
    print()
    for result in done:
        for row in result.rows:
            print(f"{result.name}: {' | '.join(filter(None, row.cells))}")
    missed = [f"{result.name}: {row.what}" for result in done for row in result.rows if row.missed]
    failed = [result.name for result in done if result.failed]
    print(f"\nmissed: {'; '.join(missed) or 'none'}")
    if failed:
        print(f"could not be run: {', '.join(failed)}")
    print(f"written: {PAGE.relative_to(ROOT)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
