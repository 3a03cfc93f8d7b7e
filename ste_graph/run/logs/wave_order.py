"""The waves in a unit's log. They put its steps in the order of the passes, not in that in which they finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ste_graph.compile.stepper import Wave
from ste_graph.contracts import Json
from ste_graph.run.forks.fork_point import read_step_key

Step = TypeVar("Step")


class WaveOrder:
    """The waves that have begun, and those that have ended."""

    def __init__(self) -> None:
        self._begun: dict[Wave, None] = {}
        self._ended: set[Wave] = set()

    def read(self, line: Mapping[str, Json]) -> None:
        """Take note of a line of the log. Raises `KeyError`, `TypeError` or `ValueError` for a damaged one."""
        first, stop = line["passes"]
        wave = Wave(
            str(line["wave"]), int(first), int(stop), tuple((loop, int(n)) for loop, n in line["around"].items())
        )
        (self.end if line.get("ended") else self.begin)(wave)

    def begin(self, wave: Wave) -> dict[str, Json] | None:
        """Take note of a wave that begins; return the line that says so, None if it has begun before."""
        if wave in self._begun:
            return None
        self._begun[wave] = None
        return _line(wave)

    def end(self, wave: Wave) -> dict[str, Json] | None:
        """Take note of a wave whose passes are all done; return the line that says so, None if it has ended before."""
        self._begun.setdefault(wave)
        if wave in self._ended:
            return None
        self._ended.add(wave)
        return {**_line(wave), "ended": True}

    def arrange(self, steps: Mapping[str, Step]) -> tuple[dict[str, Step], set[str]]:
        """The steps in the order in which their passes would have made them alone; the keys of those in open waves."""
        if not self._begun:
            return dict(steps), set()
        loops = {wave.loop for wave in self._begun}
        known = {(wave.loop, wave.around, number): wave for wave in self._begun for number in wave.passes}
        depth = {wave.loop: len(wave.around) for wave in self._begun}
        places: list[list[tuple[Wave, int]]] = []
        starts: dict[Wave, int] = {}
        for number, key in enumerate(steps):
            counters = read_step_key(key)[1]
            entered = [(loop, count) for loop, count in counters.items() if count is not None]
            own: list[tuple[Wave, int]] = []
            for place, (loop, count) in enumerate(entered):
                if loop in loops and (wave := known.get((loop, tuple(entered[:place]), count))) is not None:
                    own.append((wave, count))
                    starts.setdefault(wave, number)
            places.append(sorted(own, key=lambda each: depth[each[0].loop]))

        def position(number: int) -> tuple[int, ...]:
            return (*(part for wave, count in places[number] for part in (starts[wave], count)), number)

        keys = list(steps)
        order = sorted(range(len(keys)), key=position)
        is_open = {keys[n] for n, own in enumerate(places) if any(wave not in self._ended for wave, _ in own)}
        return {keys[number]: steps[keys[number]] for number in order}, is_open


def _line(wave: Wave) -> dict[str, Json]:
    return {"wave": wave.loop, "passes": [wave.first, wave.stop], "around": dict(wave.around)}
