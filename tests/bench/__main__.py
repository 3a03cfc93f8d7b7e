"""`make bench`: every measurement, each as ratios or figures taken side by side in this one run."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def main(wanted: list[str]) -> None:
    """Run the benches named on the command line, or all of them."""
    here = Path(__file__).parent
    for module in sorted(info.name for info in pkgutil.iter_modules([str(here)]) if info.name.startswith("bench_")):
        if not wanted or module.removeprefix("bench_") in wanted:
            print(f"\n{module.removeprefix('bench_')}", flush=True)
            importlib.import_module(f"tests.bench.{module}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
