"""Mutates the bundled workflows and prompts, checks each, and renders prompts: no traceback, no hang, errors at places.

    python -m tests.mutations --workflows 10000 --prompts 700 --seed 1

Not part of `make test`. Exit 0 if nothing was found; else what was found is printed, and kept with `--keep FOLDER`.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ste_graph
from ste_graph.diagnostics import DiagnosticsError, source_line
from ste_graph.language.loading import WorkflowFile
from ste_graph.prompts.prompt import Prompt, PromptError

LIMIT_S = 5.0
"""The seconds of CPU that a check may take."""
WAIT_S = 60.0
"""The seconds after which a check that waits for something hangs, however busy the machine is."""
MEMORY_BYTES = 4 * 1024**3
ENDS = ("ok", "errors")
"""The ends of a check, and of a rendering, that are right."""
WORKFLOWS = Path(ste_graph.__file__).parents[1] / "workflows"

ODD = [
    "", "null", "~", "true", "0", "-1", "1e999", "99999999999999999999", "0.0", ".nan", "[]", "{}", "[[]]", "{a: }",
    "- ", "'", '"', "|", ">", "&a", "*a", "!!python/object:os.system", "<<: *a", "#", ": ", ":", "?", "%", "@", "`",
    "\t", "\0", "\x1b[31m", "\u202e", "\ufeff", "\ud7ff", "\U0001f600", "\u2028", "a" * 300, "x" * 20_000, "[" * 200,
    "{a: " * 80, "{env: STE_NOT_SET}", "{env: HOME}", "{env: }", "~nobody/x", "/dev/zero", "pipe", "..", ".",
    "'a\\0b'", "x.yaml 2 ** 64", "params.episodes", "params", "tool", "tool.name", "imagine.query", "call.finished",
    "not call.finished", "2 ** 9999", "1 / 0", "[1] * 10 ** 9", "x" + ".y" * 500, "(" * 300, "1" + " + 1" * 2000,
    "'a' * 10 ** 9", "__import__('os')", "http://[", "http://127.0.0.1:8-21", "http://x:99999/v1",
    "file:///etc/passwd", "explore.yaml", "quickstart", "off", "simulated", "chroma", "{like: main}", "{use: }",
    "{run: quickstart}", "{repeat: x, times: 3, do: []}", "{when: true}", "2", "[1, 2]", "{each: [call, observe]}",
    "mutant.yaml", "{each: }", "all", "{diverse: 2}", "{nearest: 0}", "forever",
]  # fmt: skip
JINJA = [
    "{{", "}}", "{%", "%}", "{#", "#}", "{{ x }}", "{{ tool.name }}", "{{ 1/0 }}", "{% if x %}", "{% endif %}",
    "{% for %}", "{% for a in b %}", "{% endfor %}", "{% once %}", "{% endonce %}", "{% system %}", "{% user %}",
    "{% assistant %}", "{% enduser %}", "{% raw %}", "{% set x = 1 %}", "{% include 'x' %}", "{% macro a() %}",
    "{% else %}", "{% elif x %}", "{{ x() }}", "{{ x.__class__ }}", "{{ x | nofilter }}", "{{ x is notest }}",
    "{{ " + "9" * 5000 + " }}", "{{" * 3000, "{{ 0x" + "f" * 5000 + " }}", "{{ " + "(" * 500,
    "{% for i in [1] %}" * 25, "{% if a %}" * 200, "{{ a" + ".b" * 300 + " }}", "{{ 'a' ~ " * 300, "{{ x[",
    "{{ x | join(a=1, a=2) }}", "{% for loop in x %}{% endfor %}", "\0", "\ufeff", "\x1b", "{{ '",
    "{{ 'a' | indent(99999999999) }}", "{{ ''.join }}", "{% set none = 1 %}", "{{ 1e999 }}", "\u202e", "|", "-%}",
    "{%-", "{% set x = [1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}",
    "{% set x = 'xx' %}" + "{% set x = x ~ x %}" * 40, "{% set x = [x, tool, x] %}" * 30 + "{{ x }}",
    "{% for i in [1, 2, 3, 4, 5, 6, 7, 8, 9] %}" * 12 + "{% endfor %}" * 12,
]  # fmt: skip


class HangError(BaseException):
    """A check took too long; no code of ours catches it."""


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raise `HangError` in what takes more CPU, or waits."""

    def raise_it(*_: object) -> None:
        raise HangError

    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, seconds),
        signal.ITIMER_REAL: (signal.SIGALRM, WAIT_S),
    }
    before = {number: signal.signal(number, raise_it) for number, _ in timers.values()}
    for timer, (_, after) in timers.items():
        signal.setitimer(timer, after)
    try:
        yield
    finally:
        for timer, (number, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def mutate(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    """The text with one to three mutations."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        text = rng.choice(MUTATIONS)(text, rng, odd, others)
    return text


def _mutate_line(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            del lines[at]
        case 1:
            lines.insert(other, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = " " * rng.randrange(9) + lines[at].lstrip()
        case 4:
            lines[at] = lines[at].rstrip() + rng.choice(odd)
        case 5:
            lines.insert(at, rng.choice(rng.choice(others).split("\n")))
        case _:
            lines = lines[: max(1, at)]
    return "\n".join(lines)


def _mutate_value(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    found = list(re.finditer(r"(?<=: )[^\n{}\[\],]+|(?<=- )\S+", text)) or list(re.finditer(r"\S+", text))
    return _replace(text, rng.choice(found), rng.choice(odd)) if found else rng.choice(odd)


def _mutate_word(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    found = list(re.finditer(r"\w+", text))
    if not found:
        return text
    word = rng.choice(found)
    changed = rng.choice([word[0][:-1], word[0] + "s", word[0].upper(), rng.choice(found)[0], rng.choice(odd), ""])
    return _replace(text, word, changed)


def _mutate_character(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    at = rng.randrange(len(text) + 1)
    chosen = rng.choice([*"{}[]:,-#&*!|>'\"%@`\n\t \\$<.()=?/0aZ\u00e9", rng.choice(odd)])
    return text[:at] + chosen + text[at + rng.randrange(3) :]


def _mutate_part(text: str, rng: random.Random, odd: list[str], others: list[str]) -> str:
    other = rng.choice([text, rng.choice(others)])
    start, at = rng.randrange(len(other) + 1), rng.randrange(len(text) + 1)
    return text[:at] + other[start : start + rng.randrange(300)] + text[at + rng.randrange(60) :]


def _replace(text: str, found: re.Match[str], new: str) -> str:
    return text[: found.start()] + new + text[found.end() :]


MUTATIONS: list[Callable[[str, random.Random, list[str], list[str]], str]] = [
    _mutate_line, _mutate_line, _mutate_value, _mutate_value, _mutate_word, _mutate_character, _mutate_part,
]  # fmt: skip


def find_fault(file: Path) -> tuple[str, str]:
    """The outcome of the check of a workflow (`ok`, `errors`, or what is wrong with the check), and the details."""
    try:
        with limit(LIMIT_S):
            WorkflowFile.load(file)
    except DiagnosticsError as error:
        try:
            with limit(LIMIT_S):
                str(error)
        except HangError:
            return "hang", "while the errors were rendered"
        wrong = [str(each) for each in error.diagnostics if not is_placed(each.span)]
        return ("unplaced", "\n".join(wrong)) if wrong else ("errors", "")
    except HangError:
        return "hang", traceback.format_exc(limit=-6)
    except BaseException as error:
        return f"traceback: {type(error).__name__}", traceback.format_exc(limit=-6)
    return "ok", ""


def find_render_fault(prompt: Prompt) -> tuple[str, str]:
    """The outcome of rendering a prompt with a text for each name that it reads, and the details."""
    values: dict[str, Any] = {}
    for name in sorted(prompt.names, key=len, reverse=True):
        *parents, last = name.split(".")
        inner = values
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner.setdefault(last, "text")
    try:
        with limit(LIMIT_S):
            prompt.render(values)
    except PromptError:
        return "errors", ""
    except HangError:
        return "hang", traceback.format_exc(limit=-6)
    except BaseException as error:
        return f"traceback: {type(error).__name__}", traceback.format_exc(limit=-6)
    return "ok", ""


def is_placed(span: ste_graph.diagnostics.Span) -> bool:
    """True if a place is one: in a file, at a line and column that it has, or in a change or a variable."""
    if span.file.startswith("--"):
        return True
    line = source_line(span.file, span.line)
    # The end of a file, and of a line, may be a place too.
    return span.column >= 1 and span.line >= 1 and (line is None or span.column <= len(line) + 1)


def run(workflows: int, prompts: int, seed: int, keep: Path | None) -> Counter[str]:
    """Check so many mutants of each kind. The counts of how the checks ended; what is wrong is printed."""
    ends = Counter[str]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workflows"
        shutil.copytree(WORKFLOWS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        os.mkfifo(folder / "pipe")
        os.chdir(folder)
        texts = {file.name: file.read_text("utf-8") for file in sorted(Path().glob("*.yaml"))}
        parts = {file: file.read_text("utf-8") for file in sorted(Path().glob("prompts/*.md"))}
        mutant, longest = Path("mutant.yaml"), 0.0

        def check(label: str, file: Path, text: str) -> None:
            nonlocal longest
            began = time.process_time()
            found = find_fault(file)
            longest = max(longest, time.process_time() - began)
            report(label, found, text)

        def report(label: str, found: tuple[str, str], text: str) -> None:
            end, details = found
            ends[f"{label.split()[0]}: {end}"] += 1
            if end in ENDS:
                return
            print(f"{label}: {end}\n{details}", flush=True)
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / label.replace(" ", "-").replace("/", "-")).write_bytes(text.encode("utf-8", "replace"))

        for number in range(workflows):
            rng = random.Random(f"{seed} workflow {number}")
            name = rng.choice(list(texts))
            text = mutate(texts[name], rng, ODD, list(texts.values()))
            mutant.write_bytes(text.encode("utf-8", "surrogatepass"))
            check(f"workflow {number} {name}", mutant, text)
        mutant.unlink(missing_ok=True)
        users = {
            prompt: [name for name, text in texts.items() if prompt.name in text] or ["gain.yaml"] for prompt in parts
        }
        for number in range(prompts):
            rng = random.Random(f"{seed} prompt {number}")
            prompt = rng.choice(list(parts))
            text = mutate(parts[prompt], rng, JINJA, list(parts.values()))
            prompt.write_bytes(text.encode("utf-8", "surrogatepass"))
            check(f"prompt {number} {prompt}", Path(rng.choice(users[prompt])), text)
            report(f"render {number} {prompt}", find_render_fault(Prompt(text)), text)
            prompt.write_text(parts[prompt], "utf-8")
        os.chdir("/")
    print(f"longest check: {longest:.2f} s of CPU")
    return ends


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workflows", type=int, default=10_000)
    parser.add_argument("--prompts", type=int, default=700)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="the folder in which mutants are kept that show a fault")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    ends = run(given.workflows, given.prompts, given.seed, given.keep and given.keep.absolute())
    for end, count in sorted(ends.items()):
        print(f"{count:>7}  {end}")
    return 0 if all(end.partition(": ")[2] in ENDS for end in ends) else 1


if __name__ == "__main__":
    sys.exit(main())
