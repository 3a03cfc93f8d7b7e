"""The runner of the benches: it finds them by name, writes one table, and says which rows missed."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.bench import __main__ as runner
from tests.bench.bench_prefix import shares
from tests.bench.rows import BenchResult, Row, number, render


def result(name: str, *rows: Row, **more: object) -> BenchResult:
    own = {
        "date": "2026-11-28 21:00 UTC",
        "commit": "abc",
        "machine": "a machine",
        "versions": "Python",
        "load": (0, 1),
    }
    return BenchResult(name=name, rows=rows, **{**own, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("a", 3.0, reach=3.0), False),
        (Row("a", 3.1, reach=3.0), True),
        (Row("a", 0.95, reach=0.95, better="more"), False),
        (Row("a", 0.94, reach=0.95, better="more"), True),
        (Row("a", 9.0), False),
    ],
)
def test_a_row_is_missed_only_where_its_figure_is_on_the_wrong_side(row: Row, missed: bool) -> None:
    assert row.missed is missed
    assert ("MISSED" in row.cells[1]) is missed


def test_the_page_has_every_row_with_its_anchor_and_names_those_that_missed() -> None:
    slow = Row("slow | row", 2.5, " ms", 1.0, anchor="by hand 1.2 ms")
    page = render([result("one", slow, Row("stated", 7.0)), result("two", failed="it ended with 1", lines=("said",))])
    assert "| one | slow \\| row | **2.50 ms** MISSED | ≤ 1.00 ms | by hand 1.2 ms |" in page
    assert "| one | stated | 7.00 | stated |  |" in page
    assert "Missed: 1 of 1 rows.\n- one: slow | row: 2.50 ms\n- two: could not be measured: it ended with 1" in page
    assert page.count("2026-11-28 21:00 UTC, commit abc; load of the machine 0.0 at the beginning and 1.0") == 2


def test_results_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    files = tmp_path / "results.json", tmp_path / "RESULTS.md"
    found = {"two": result("two", lines=("a", "b")), "one": result("one", Row("x", 1.0, "s", 2.0, "more", "y", "z"))}
    runner.write_results(found, *files)
    assert runner.read_results(files[0]) == found
    assert [own["name"] for own in json.loads(files[0].read_text("utf-8"))] == ["one", "two"]


def test_all_benches_are_found_by_the_names_of_their_files() -> None:
    files = sorted(file.stem.removeprefix("bench_") for file in runner.HERE.glob("bench_*.py"))
    assert runner.list_benches() == files
    assert {"model", "trial", "prefix", "peak", "large"} <= set(files)


def test_an_unknown_name_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["speed"]) == 2
    assert "no bench named speed; there are: bfcl, " in capsys.readouterr().err


def test_a_bench_runs_in_a_process_of_its_own_and_its_rows_reach_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = runner.HERE / "bench_of_this_test.py"
    bench.write_text(
        "from pathlib import Path\nfrom tests.bench.rows import Row\n\n\ndef main():\n"
        "    print('  it lies in', Path.cwd() / 'x')\n    return [Row('made', 2.0, reach=1.0)]\n"
    )
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(runner, "PAGE", runner.ROOT / "build" / "of_this_test.md")
    monkeypatch.setattr(runner.write_results, "__defaults__", (tmp_path / "results.json", tmp_path / "page.md"))
    monkeypatch.setattr(runner.read_results, "__defaults__", (tmp_path / "results.json",))
    try:
        assert runner.main(["of_this_test"]) == 0
        bench.write_text("def main():\n    raise SystemExit(3)\n")
        assert runner.main(["of_this_test"]) == 1
    finally:
        bench.unlink()
    page = (tmp_path / "page.md").read_text("utf-8")
    assert "of_this_test: could not be measured: it ended with 3" in page


def test_no_name_of_the_machine_and_no_folder_is_in_what_is_written() -> None:
    words = f"{runner.describe_machine()} {runner.describe_versions()} {runner.hide_paths(f'at {runner.ROOT}/runs/x')}"
    assert socket.gethostname() not in words
    assert str(runner.ROOT) not in words
    assert os.path.expanduser("~") not in words
    assert words.endswith("at …/runs/x")


def test_the_share_of_cached_prefixes_is_counted_from_the_beginning_of_each_prompt() -> None:
    def user(text: str) -> dict[str, str]:
        return {"role": "user", "content": text}

    def reply(text: str) -> dict[str, str]:
        return {"role": "assistant", "content": text}

    first, second = [user("a" * 40)], [user("a" * 40), reply("yes"), user("b" * 40)]
    _, cached, allowed = shares([(first, "yes"), (second, "no")])
    assert cached == allowed > 0
    kept = [user("c" * 40), reply("yes"), user("b" * 40)]
    _, cached, allowed = shares([(first, "yes"), (kept, "no")])
    assert cached < 20 < allowed


def test_figures_have_the_digits_that_count() -> None:
    assert list(map(number, (0, 0.02345, 2.345, 99.5, 1234.5))) == ["0", "0.023", "2.35", "99.50", "1,234"]
