"""The page about a run of 3,000 trials: written, its size, and how soon a browser lets a person search in it.

Give a run of that size as STE_BENCH_RUN; else a small one is made, whose trials are copied until there are enough.
Expected: at most 5 s to write (once Vega's script is in the cache), 5 MB, interactive in 1 s.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import ste_graph
from ste_graph.finished import open_run
from ste_graph.ids import derive_id
from ste_graph.memory.experience.run_vectors import read_request_vectors
from ste_graph.report.content import gather_content
from ste_graph.report.page import read_bundle, write_page

TRIALS = 3000
EPISODES = 3


def main() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as folder:
        given = os.environ.get("STE_BENCH_RUN")
        run = Path(given) if given else make_run(Path(folder))
        read_bundle()
        begun, cpu = time.perf_counter(), time.process_time()
        content = gather_content(open_run(run), read_request_vectors)
        file = Path(folder) / "page.html"
        write_page(content, file)
        wall, used = time.perf_counter() - begun, time.process_time() - cpu
        print(f"  {len(content.entries):,} trials: written in {wall:.1f} s ({used:.1f} s of CPU), ", end="")
        print(f"{file.stat().st_size / 1e6:.2f} MB")
        print(f"  {measure_browser(file)}")


def make_run(folder: Path) -> Path:
    """A small run by the simulated model, with as many copies of its episodes as make 3,000 trials."""
    run = folder / "run"
    ste_graph.load("quickstart", set={"params.episodes": EPISODES, "params.trials": 4}).run(run)
    shutil.rmtree(run / "memory", ignore_errors=True)  # of the small run
    logs = sorted((run / "units").glob("*.jsonl"))
    copies = -(-TRIALS // (len(logs) * EPISODES * 4))
    journal = []
    for log in logs:
        lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line]
        steps = [line for line in lines if "key" in line]
        others = [line for line in lines if "key" not in line]
        made = []
        for copy in range(copies):
            for step in steps:
                text = json.dumps(step)
                for episode in range(EPISODES):
                    text = text.replace(f"episode={episode} ", f"episode=@{copy * EPISODES + episode} ")
                new = json.loads(text.replace("episode=@", "episode="))
                if record := new.get("record"):
                    record["episode"] += copy * EPISODES
                    record["id"] = derive_id(record["id"], copy)
                    journal.append(record)
                made.append(new)
        log.write_text("".join(json.dumps(line) + "\n" for line in [others[0], *made, *others[1:]]), "utf-8")
    (run / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in journal), "utf-8")
    return run


def measure_browser(file: Path) -> str:
    """The time until the page can be searched in a headless Chromium, and the time of a search."""
    driver, browser = shutil.which("chromedriver"), shutil.which("chromium")
    if not driver or not browser:
        return "no browser: apt-get install chromium chromium-driver"
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000"):
        options.add_argument(argument)
    window = webdriver.Chrome(options=options, service=Service(driver))
    try:
        ready = []
        for _ in range(3):
            window.get(file.as_uri())
            while (found := window.execute_script("return document.documentElement.dataset.ready")) is None:
                time.sleep(0.02)
            ready.append(int(found))
        searches = window.execute_script(
            "const found = []; for (const word of ['convert', 'days', 'convert']) {"
            "byId('search').value = word; const begun = performance.now(); filterEntries();"
            "found.push(Math.round(performance.now() - begun)); } return found"
        )
        charts = window.execute_async_script(
            "const done = arguments[0], begun = performance.now();drawAll().then(() => done(performance.now() - begun))"
        )
    finally:
        window.quit()
    return f"interactive after {min(ready)} ms (of {ready}); searches: {searches} ms; all charts: {charts:.0f} ms"
