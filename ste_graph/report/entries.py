"""The entries of the page's browser: each trial and each reply, with all that is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ste_graph.contracts import Json, is_simulated
from ste_graph.distil.facts import TrialFacts
from ste_graph.finished import FinishedRun
from ste_graph.packs.runs import find_origins
from ste_graph.report.evidence import RIGHT, is_right
from ste_graph.report.outcomes import VERDICTS, Line, error_kinds, unit_of_line
from ste_graph.run.logs.journal import unit_key

Transcript = Sequence[Mapping[str, Json]]
"""The steps that led to a record, see `ste_graph.report.steps`."""
KEPT = "kept"
_ENGINE = frozenset({"id", "record", "started", "ended"})


@dataclass(slots=True)
class Fates:
    """The verdicts of gates, by the trials' ids: `kept`, or the gate with its reason; and the trials themselves."""

    gates: dict[str, tuple[str, str]] = field(default_factory=dict)
    trials: dict[str, Line] = field(default_factory=dict)

    def add(self, run: FinishedRun, lines: Iterable[Line]) -> None:
        """Take over what these lines of the journal of a run that distils say, and the trials that they are about.

        Where the run with the trials is gone, of each there is what the lines keep of it.
        """
        found: dict[str, Line] = {}
        for line in lines:
            id = line.get("trial_id")
            if id is None or line.get("paraphrase_of"):
                continue
            found.setdefault(str(id), _kept_trial(line))
            if line["record"] == "rejected":
                self.gates[str(id)] = str(line.get("gate") or "none"), str(line.get("reason") or "")
            elif line["record"] == "example":
                self.gates[str(id)] = KEPT, f"an example of the side `{line.get('split')}`"
        for origin in find_origins(run).values() if found else ():
            found |= {id: line for line in origin.records() if (id := str(line["id"])) in found}
        self.trials |= {id: trial for id, trial in found.items() if id not in self.trials}


def trial_entry(
    line: Line, part: str, fates: Fates, facts: TrialFacts | None, transcript: Transcript = ()
) -> dict[str, Json]:
    """A trial. `facts` are what its records show besides the model's verdict."""
    gate, reason = fates.gates.get(str(line["id"]), (None, None))
    outcome = VERDICTS[line.get("solved")]
    loops = {k: v for k, v in line.items() if k not in _TRIAL_KEYS and isinstance(v, int) and not isinstance(v, bool)}
    entry: dict[str, Json] = {
        "id": str(line["id"]),
        "kind": "trial",
        "part": part,
        "tool": unit_of_line(line),
        "outcome": outcome,
        "errors": sorted(set(error_kinds(line))),
        "gate": gate,
        "request": str(line["query"]),
        "place": ", ".join(f"{loop} {number}" for loop, number in loops.items()),
        "facts": [
            *([facts.text] if facts else []),
            *(["solved by the model's word alone"] if facts and facts.contradicts else []),
            *(["ended as the turns were used up"] if line.get("ended_by") == "turns" else []),
            *(["too close to an earlier request"] if line.get("new") is False else []),
            *([f"{'kept' if gate == KEPT else f'rejected by `{gate}`'}: {reason}"] if gate else []),
        ],
        "steps": [_step(step) for step in line.get("steps") or ()],
        "answer": line.get("answer"),
        "transcript": list(transcript),
    }
    if line.get("origins"):
        entry["facts"].append("values from: " + ", ".join(f"{name} ({of})" for name, of in line["origins"].items()))
    return _with_model(entry, line)


def reply_entry(line: Line, part: str, transcript: Transcript = ()) -> dict[str, Json]:
    """A reply to a test."""
    gold = line["gold"]
    wants_call = line.get("kind", "call") == "call"
    problem = str(line["problem"]) if line.get("problem") else None
    cost = line.get("cost") or {}
    spent = [f"{cost[key]:,} {word}" for key, word in _COST_WORDS.items() if cost.get(key)]
    entry: dict[str, Json] = {
        "id": str(line["id"]),
        "kind": "reply",
        "part": part,
        "tool": str(gold["tool"]) if gold else unit_of_line(line),
        "outcome": RIGHT[is_right(line)],
        "errors": ["unreadable"] if line.get("err") else ["no call"] if line.get("no_call") and wants_call else [],
        "gate": None,
        "arm": str(line["arm"]),
        "request": str(line["query"]),
        "place": f"reply {line['n']}" if line.get("n") else "",
        "facts": [
            *([] if wants_call else [f"a case of `{line['kind']}`: no call is right"]),
            *([f"problem: {problem}"] if problem else []),
            *([f"repaired: {', '.join(line['repairs'])}"] if line.get("repairs") else []),
            *([f"exemplars shown: {len(line['shown'])}"] if line.get("shown") else []),
            *([", ".join(spent)] if spent else []),
        ],
        "wanted": f"{gold['tool']} {_json(gold.get('arguments'))}" if gold else None,
        "answer": line.get("output"),
        "steps": [],
        "transcript": list(transcript),
    }
    return _with_model(entry, line)


_TRIAL_KEYS = _ENGINE | {
    "query",
    "steps",
    "answer",
    "solved",
    "call_succeeded",
    "lessons",
    "new",
    "origins",
    "fingerprint",
    "ended_by",
    "model",
}
_COST_WORDS = {
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "seconds": "seconds",
    "retries": "retries",
}


def _with_model(entry: dict[str, Json], line: Line) -> dict[str, Json]:
    entry["model"] = line.get("model")
    entry["simulated"] = is_simulated(line.get("model"))
    entry["at"] = str(line.get("started") or "")[:19].replace("T", " ")
    return {name: value for name, value in entry.items() if value not in (None, [], "", False)}


def _step(step: Mapping[str, Json]) -> dict[str, Json]:
    """A step of a trial: thought, call, observation, repairs."""
    shown: dict[str, Json] = {}
    if step.get("thought"):
        shown["thought"] = step["thought"]
    if step.get("action") is not None:
        shown["call"] = f"{step['action']} {_json(step.get('arguments'))}"
    if step.get("reply"):
        shown["reply"] = step["reply"]
    if step.get("repairs"):
        shown["repairs"] = list(step["repairs"])
    if (seen := step.get("observation")) is not None:
        shown["kind"] = "ok" if seen["ok"] and not seen.get("doubt") else "doubtful" if seen["ok"] else seen["kind"]
        shown["observation"] = seen["text"]
        notes = [*([f"may report a failure: {seen['doubt']}"] if seen.get("doubt") else []), *(seen.get("notes") or ())]
        if notes:
            shown["notes"] = notes
    return shown


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _kept_trial(line: Line) -> Line:
    """The part of its trial that a record of a run that distils keeps, as a line of a journal."""
    unit = unit_key(line)
    own = {name: line[name] for name in ("query", "steps", "answer", "fingerprint", "model") if name in line}
    return {"id": line["trial_id"], "record": "trial", unit: line[unit], **own}
