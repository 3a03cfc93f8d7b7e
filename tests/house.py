"""Counts that show the state of the house: `python -m tests.house [CHECKOUT …]`, one column for each checkout.

statements   ast statements of the package outside tests, docstrings aside.
circles      Sets of modules that import one another, at the top or inside functions; then those that there are only
             with the imports for type checkers.
classes      Names of classes, nested ones too, that are defined in two places or more, `SAME` aside.
functions    Names of public functions of modules that are defined in two modules or more, `SAME_FUNCTIONS` aside.
participles  Functions and properties whose name is, or ends in, a past participle or an adjective: `compiled`,
             `opened_tools` is not one, `lessons_adopted` is. Names that begin with a verb (`mark_changed`) or with
             `is`, `has` … are not counted, nor are words that are also a verb's stem or a noun (`read`, `set`, `cut`).
docstrings   Docstrings that begin with a relative clause (`What …`, `Whether …`) rather than a noun or a verb.
exceptions   Classes that derive from an exception and do not end in `Error`.
walks        How many functions one must read to follow a value from place to place, and how many without those that
             are called only where it is looked at: see `tests/walks.py`.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
FOLDERS = {"ste_graph": "ste_graph", "memory": "ste_graph.memory", "nodes": "ste_graph.nodes"}
SAME = {
    "Inputs": "what a node reads, nested in the node",
    "Outputs": "what a node gives, nested in the node",
}
SAME_FUNCTIONS = {
    "main": "where a process begins",
    **dict.fromkeys(("check", "export", "report", "serve", "show", "verify"), "commands, named as typed"),
    "parse": "the reading of a reply, one module for each protocol",
    "dotted_name": "the name in an expression, of Python and of Jinja",
    "find_doubt": "the reason not to take a tool for one that reads, one for each kind of source",
    "observe_result": "the observation of a result, one for each kind of source",
    "group_by_tool": "lines and rows, by tool",
}


Counted = tuple[str, list[str]]
"""A figure, and what was counted."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = words("""add ask call check count drop end find forget get keep load mark open put raise read refuse
remove require run say set skip stop test warn write""")
QUESTIONS = words("are can does has is may must needs until was were")
IRREGULAR = words("""begun bent bitten blown born bought bound broken brought built burnt caught chosen dealt
done drawn driven eaten fallen fed felt forbidden forgotten fought found frozen given gone grown heard held
hidden hung kept known laid learnt led left lent lost made meant met paid proven ridden risen said seen sent
shaken shot shown sold sought spent spoken spun stolen stood struck stuck sung sunk swept sworn taken taught
thrown told torn understood withdrawn withheld won worn wound woven written""")
RELATIVES = words("How What Whatever Where Whether Which Who Whoever Why")
NOT_PARTICIPLES = words("bed breed embed exceed feed indeed need proceed seed shed speed succeed weed")
ADJECTIVES = words("""able absent alike alive alone apart aside awake aware bare big blank busy certain common
dead deep different diverse due earlier early easy exact fair false finite full genuine good great heavy idle
incomplete large late later lazy likely local long missing new older partial plain plausible possible private
quiet ready relevant safe same short similar small soft solid sound stale standing strict sure true unable
unlike usable valid whole wide worth wrong young""")


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    """The modules of a checkout outside tests, by name."""
    for folder, package in FOLDERS.items():
        for file in sorted((root / folder).rglob("*.py")):
            name = ".".join([package, *file.relative_to(root / folder).with_suffix("").parts])
            yield name.removesuffix(".__init__"), ast.parse(file.read_text("utf-8"))


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def statements(root: Path) -> int:
    return sum(
        isinstance(node, ast.stmt) and not is_docstring(node) for _, tree in sources(root) for node in ast.walk(tree)
    )


def imports(root: Path, *, for_types: bool) -> dict[str, set[str]]:
    """The modules that each module imports; with `for_types` also those below `if TYPE_CHECKING`."""
    trees = dict(sources(root))
    packages = {name for name in trees if any(other.startswith(f"{name}.") for other in trees)}
    graph: dict[str, set[str]] = {name: set() for name in trees}

    def visit(node: ast.AST, name: str) -> None:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse) if not for_types:
                for child in orelse:
                    visit(child, name)
                return
            case ast.Import(names=names):
                graph[name] |= {alias.name for alias in names} & trees.keys()
            case ast.ImportFrom(module=module, names=names, level=level):
                own = name.split(".") + [""] * (name in packages)
                base = ".".join(filter(None, [*own[: len(own) - level], module])) if level else module or ""
                for alias in names:
                    found = f"{base}.{alias.name}" if f"{base}.{alias.name}" in trees else base
                    graph[name] |= {found} & trees.keys()
        for child in ast.iter_child_nodes(node):
            visit(child, name)

    for name, tree in trees.items():
        visit(tree, name)
        graph[name].discard(name)
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of modules of which each imports, over others, each other."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = graph[waiting.pop()] - seen
            seen |= new
            waiting += new
        return seen

    reached = {name: reach(name) for name in graph}
    found = {frozenset(other for other in there if name in reached[other]) for name, there in reached.items()}
    return sorted(sorted(some) for some in found if some)


def classes(root: Path) -> dict[str, list[tuple[str, ast.ClassDef]]]:
    found: dict[str, list[tuple[str, ast.ClassDef]]] = defaultdict(list)
    for module, tree in sources(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append((module, node))
    return found


def public_functions(root: Path) -> dict[str, set[str]]:
    """The modules that define a public function of each name."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, tree in sources(root):
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                found[node.name].add(module)
    return found


def is_participle(name: str) -> bool:
    words = name.strip("_").split("_")
    if name.startswith("__") or words[0] in {*QUESTIONS, *(VERBS if len(words) > 1 else ())}:
        return False
    regular = re.fullmatch(r"\w{2,}ed", words[-1]) and words[-1].removeprefix("re") not in NOT_PARTICIPLES
    return bool(regular) or words[-1] in {*IRREGULAR, *ADJECTIVES}


def functions(root: Path) -> Iterator[tuple[str, str]]:
    for module, tree in sources(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, node.name


def relative_docstrings(root: Path) -> list[str]:
    """The docstrings, those of attributes too, that begin with a relative clause; each with its module."""
    found = []
    for module, tree in sources(root):
        for node in ast.walk(tree):
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))) if text.split() and text.split()[0] in RELATIVES:
                    found.append(f"{module}: {text.strip().splitlines()[0]}")
    return found


def misnamed_exceptions(root: Path) -> list[str]:
    found = classes(root)

    def is_exception(name: str) -> bool:
        if name not in found:
            return name.endswith(("Error", "Exception", "KeyboardInterrupt"))
        bases = [base for _, node in found[name] for base in node.bases]
        return any(is_exception(base.id) for base in bases if isinstance(base, ast.Name) and base.id != name)

    return sorted(name for name in found if not name.endswith(("Error", "Warning")) and is_exception(name))


def joined(root: Path, folder: Path) -> None:
    """Make the package of a checkout importable from `folder`, with its entry points, whatever is installed."""
    (folder / "ste_graph").mkdir()
    for part in [*(root / "ste_graph").iterdir(), *(root / name for name in ("memory", "nodes", "workflows"))]:
        (folder / "ste_graph" / part.name).symlink_to(part)
    (folder / "ste_graph-0.dist-info").mkdir()
    metadata, entries = (folder / "ste_graph-0.dist-info" / name for name in ("METADATA", "entry_points.txt"))
    metadata.write_text("Metadata-Version: 2.1\nName: ste-graph\nVersion: 0\n", "utf-8")
    groups = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    text = (
        "\n".join([f"[{group}]", *(f"{key} = {value}" for key, value in own.items())]) for group, own in groups.items()
    )
    entries.write_text("\n".join(text), "utf-8")


def walk(root: Path, name: str) -> list[list[str]]:
    """The functions of a walk, in the order in which they come: all, and those without what only looks at the value."""
    with TemporaryDirectory() as folder:
        joined(root, Path(folder))
        command = [sys.executable, "-P", str(ROOT / "tests" / "walks.py"), name, folder]
        environment = os.environ | {"PYTHONPATH": folder}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{root}: the walk of the {name} cannot be followed\n{done.stderr}")
    return [found.split() for found in done.stdout.split("walk: ")[1:]]


def count_statements(root: Path) -> Counted:
    return f"{statements(root):,}", []


def count_participles(root: Path) -> Counted:
    names = [*functions(root)]
    found = [f"{module}.{name}" for module, name in names if is_participle(name)]
    return f"{len(found)} ({len(found) / len(names):.1%})", found


def count_circles(root: Path) -> Counted:
    found = [" ".join(some) for some in circles(imports(root, for_types=False))]
    return str(len(found)), found


def count_circles_of_types(root: Path) -> Counted:
    plain, more = (circles(imports(root, for_types=value)) for value in (False, True))
    found = [" ".join(some) for some in more if some not in plain]
    return str(len(found)), found


def count_classes(root: Path) -> Counted:
    twice = {name: own for name, own in classes(root).items() if len(own) > 1 and name not in SAME}
    return str(len(twice)), [f"{name}: {', '.join(module for module, _ in own)}" for name, own in twice.items()]


def count_functions(root: Path) -> Counted:
    twice = {name: own for name, own in public_functions(root).items() if len(own) > 1 and name not in SAME_FUNCTIONS}
    return str(len(twice)), [f"{name}: {', '.join(sorted(own))}" for name, own in twice.items()]


def count_docstrings(root: Path) -> Counted:
    found = relative_docstrings(root)
    return str(len(found)), found


def count_exceptions(root: Path) -> Counted:
    found = misnamed_exceptions(root)
    return str(len(found)), found


def count_walk(name: str) -> Callable[[Path], Counted]:
    def count(root: Path) -> Counted:
        every, without_looks = walk(root, name)
        return f"{len(every)}, {len(without_looks)}", every

    return count


MEASURES: dict[str, Callable[[Path], Counted]] = {
    "statements outside tests": count_statements,
    "functions named by a participle": count_participles,
    "docstrings that begin with a relative clause": count_docstrings,
    "import circles": count_circles,
    "  further ones, with imports for types": count_circles_of_types,
    "class names defined twice": count_classes,
    "function names with two meanings": count_functions,
    "exceptions not ending in Error": count_exceptions,
    "walk from `- imagine` to an executed step": count_walk("block"),
    "walk from a trial in a journal to a prompt": count_walk("trial"),
}


def main(arguments: list[str]) -> None:
    """Print the figures of some checkouts side by side; with `-v` also what was counted in the last one."""
    roots = [Path(argument).resolve() for argument in arguments if argument != "-v"] or [ROOT]
    for name, measure in MEASURES.items():
        found = [measure(root) for root in roots]
        print(f"{name:<45}", *(f"{figure:>16}" for figure, _ in found), flush=True)
        for line in sorted(found[-1][1]) if "-v" in arguments else ():
            print(f"    {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
