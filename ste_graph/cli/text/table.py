"""Progress as a table that is redrawn in place, for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ste_graph.cli.text.lines import part_line, progress_line, start_lines
from ste_graph.cli.text.progress import CountingWatcher, RunProgress
from ste_graph.language.workflow import Workflow
from ste_graph.models.meter import Meter
from ste_graph.run.logs.step_log import StepLog
from ste_graph.run.summary import Summary
from ste_graph.text import printable

STYLES = {"waiting": "dim", "running": "", "done": "green", "failed": "red", "stopped": "yellow"}
ORDER = ("failed", "running", "stopped", "waiting", "done")


class _Display(CountingWatcher):
    """The progress of a run or a part, with what is said before it has begun."""

    saying = "starting"

    def message(self, text: str) -> None:
        self.saying = text

    def run_start(self, workflow: Workflow, logs: Mapping[str, StepLog], meter: Meter) -> None:
        super().run_start(workflow, logs, meter)
        self.saying = ""


class LiveTable(_Display):
    """A row per unit, as many as fit, and a line about the whole; while a sub-workflow runs, that of the innermost."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._parts: dict[str, LivePart] = {}
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    @contextmanager
    def question(self) -> Iterator[None]:
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def unit_end(self, unit: str, log: StepLog) -> None:
        super().unit_end(unit, log)
        if log.failure is not None:
            self.console.print(Text(f"{unit} failed: {printable(log.failure)}", style="red"))

    def sub_workflow(self, name: str) -> LivePart:
        self._parts[name] = LivePart(self, name)
        return self._parts[name]

    def sub_workflow_end(self, name: str, summary: Summary) -> None:
        self._parts.pop(name, None)
        self.console.print(Text(printable(part_line(name, summary))))

    def _render(self) -> RenderableType:
        shown: LiveTable | LivePart = next(reversed(self._parts.values()), self)
        if shown.progress is None:
            return Text(f"{shown.saying} …", style="dim")
        return render_table(shown.progress, shown.saying, rows=max(3, self.console.height - 7))


class LivePart(_Display):
    """The progress of a sub-workflow, which a table shows in its own place."""

    def __init__(self, table: LiveTable, name: str) -> None:
        self.saying = f"{name}: {self.saying}"
        self._table = table
        self._name = name

    def message(self, text: str) -> None:
        super().message(f"{self._name}: {text}")

    def question(self) -> AbstractContextManager[None]:
        return self._table.question()

    def sub_workflow(self, name: str) -> LivePart:
        return self._table.sub_workflow(f"{self._name}.{name}")

    def sub_workflow_end(self, name: str, summary: Summary) -> None:
        self._table.sub_workflow_end(f"{self._name}.{name}", summary)


def render_table(progress: RunProgress, saying: str, *, rows: int) -> RenderableType:
    """The table, with so many rows at most: what failed or runs comes first."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(progress.unit, no_wrap=True, overflow="ellipsis", max_width=30)
    grid.add_column("trials" if progress.has_calls else "records", justify="right", no_wrap=True)
    grid.add_column("solved" if progress.has_calls else "", justify="right", no_wrap=True)
    grid.add_column("", no_wrap=True)
    ordered = list(progress.rows.values())
    if len(ordered) > rows:
        ordered = sorted(ordered, key=lambda row: ORDER.index(row.state))
    for row in ordered[:rows]:
        most = f"/{progress.records}" if progress.has_calls else ""  # else a precaution, no size
        of = f"{row.trials}{most}" if progress.records else ""
        name = Text(printable(row.name).replace("\n", " "))  # as a string it would be read as markup
        activity = Text(printable(row.activity) if row.state == "running" and row.activity else row.state)
        grid.add_row(name, of, str(row.solved) if row.judged else "", activity, style=STYLES[row.state])
    parts: list[RenderableType] = [*map(Text, start_lines(progress)), Text(), grid]
    if len(ordered) > rows:
        parts.append(Text(f"… and {len(ordered) - rows} more", style="dim"))
    parts += [Text(), Text(progress_line(progress))]
    if saying:
        parts.append(Text(saying, style="yellow"))
    return Group(*parts)
