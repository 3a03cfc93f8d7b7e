"""The rules of the architecture: who may know whom, which words belong where, and what stays light."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).parents[1]
WORDS_OF_STE = ("trial", "episode", "imagine", "reflect", "novelty", "exemplar")
CONTRACTS_OF_EXEMPLARS = re.compile(r"\b(?:ExemplarMemory|ExemplarView|SelectedExemplars)\b")
"""Names of contracts that the engine passes on to a node without looking into them."""
HEAVY = ("torch", "chromadb", "langgraph", "sentence_transformers")
EVERY_MODULE = "one for each kind"
"""The words by which a package says that all of its modules are public."""


def imported(file: Path, package: str) -> Iterator[str]:
    """The full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - level + 1], *filter(None, [module])]) if level else module or ""
                yield from (base, *(f"{base}.{name.name}" for name in names))


def sources(folder: str) -> list[tuple[Path, str]]:
    """The Python files of a folder of the repository, each with the package that it belongs to."""
    top = ROOT / folder
    name = folder if folder == "ste_graph" else f"ste_graph.{folder}"
    files = sorted(file for file in top.rglob("*.py") if not any(part.is_symlink() for part in file.parents))
    return [(file, ".".join([name, *file.parent.relative_to(top).parts])) for file in files]


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("ste_graph", ("ste_graph.memory", "ste_graph.nodes", "ste_graph.workflows")),
        ("memory", ("ste_graph.nodes", "ste_graph.workflows")),
        ("nodes", ("ste_graph.memory", "ste_graph.workflows")),
    ],
)
def test_the_engine_knows_no_memory_and_no_node_and_they_do_not_know_each_other(
    folder: str, forbidden: tuple[str, ...]
) -> None:
    found = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file, package in sources(folder)
        for module in imported(file, package)
        if module in forbidden or module.startswith(tuple(f"{name}." for name in forbidden))
    ]
    assert sources(folder)
    assert found == []


def test_the_test_of_imports_sees_relative_ones(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text("def f():\n    from ..nodes import call\n    from . import store\n    import a.b\n", "utf-8")
    found = list(imported(file, "ste_graph.memory"))
    assert found == ["ste_graph.nodes", "ste_graph.nodes.call", "ste_graph.memory", "ste_graph.memory.store", "a.b"]


def public_modules(root: Path) -> dict[str, set[str]]:
    """The modules and packages in each package that are imported from outside it, or named by an entry point.

    A subpackage belongs to its package, so it may import the private modules of it. Tests may import everything.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
    graph = house.imports(root, for_types=True)
    graph["ste_graph"] |= {target.partition(":")[0] for group in groups for target in group.values()}
    found = defaultdict(set)
    for importer, modules in graph.items():
        for parts in (module.split(".") for module in modules):
            for depth in range(1, len(parts)):
                if not f"{importer}.".startswith(".".join([*parts[:depth], ""])):
                    found[".".join(parts[:depth])].add(parts[depth])
    return found


def named_modules(face: ast.Module) -> set[str]:
    """The names that the `__init__` of a package exports, and those in backticks in its docstring."""
    exported = [
        name
        for node in face.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    ]
    return {*exported, *re.findall(r"`(\w+)(?:\.\w+)*/?`", ast.get_docstring(face) or "")}


def test_a_module_that_is_imported_from_outside_its_package_is_named_by_its_package() -> None:
    faces = dict(house.sources(ROOT))
    found = [
        f"{package} does not name {module}"
        for package, modules in sorted(public_modules(ROOT).items())
        if EVERY_MODULE not in (ast.get_docstring(faces[package]) or "")
        for module in sorted(modules - named_modules(faces[package]))
    ]
    assert found == []


def test_the_test_of_public_modules_sees_every_form_of_an_import(tmp_path: Path) -> None:
    files = {
        "x/a.py": "from ste_graph.x.inner import deep\n",
        "x/inner/deep.py": "from .. import private\n",
        "user.py": "from ste_graph.x.a import name\nfrom ste_graph.x import b\nimport ste_graph.x.c\n",
        "y/user.py": "from ..x.d import name\n\n\ndef f():\n    from ..x import e\n",
        "z.py": "if TYPE_CHECKING:\n    from ste_graph.x.inner import typed\n",
    }
    modules = [f"x/{name}.py" for name in ("b", "c", "d", "e", "private", "loaded", "inner/typed")]
    packages = [f"{folder}__init__.py" for folder in ("", "x/", "x/inner/", "y/")]
    for name in [*files, *modules, *packages]:
        file = tmp_path / "ste_graph" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(files.get(name, ""), "utf-8")
    entries = '[project.entry-points."ste_graph.nodes"]\nl = "ste_graph.x.loaded:L"\n'
    (tmp_path / "pyproject.toml").write_text(entries, "utf-8")
    assert public_modules(tmp_path) == {
        "ste_graph.x": {"a", "b", "c", "d", "e", "inner", "loaded"},
        "ste_graph.x.inner": {"deep", "typed"},
    }


def test_the_test_of_public_modules_reads_the_docstring_and_what_is_exported() -> None:
    face = ast.parse('"""A room: `a`, `b/`, `c.d`, `use: e`, f."""\n\n__all__ = ["G"]\n')
    assert named_modules(face) == {"a", "b", "c", "G"}


@pytest.mark.parametrize("folder", ["language", "compile", "run"])
def test_language_compiler_and_run_contain_no_word_of_ste(folder: str) -> None:
    pattern = re.compile(rf"\b(?:{'|'.join(WORDS_OF_STE)})", re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in sorted((ROOT / "ste_graph" / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if pattern.search(CONTRACTS_OF_EXEMPLARS.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import ste_graph",
        "import ste_graph; [getattr(ste_graph, name) for name in ste_graph.__all__]",
        "import ste_graph as ste; ste.load('workflows/paper.yaml')",
        "import ste_graph as ste; ste.load('workflows/quickstart.yaml').plan()",
        "import ste_graph as ste; ste.load('workflows/explore.yaml').draw()",
    ],
)
def test_nothing_heavy_is_imported_before_a_run(code: str) -> None:
    heavy = f"import sys; sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or None)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{heavy}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_wheel_has_every_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"])
    found = {
        f"{prefix}{'.'.join(file.parent.relative_to(ROOT).parts)}"
        for top, prefix in (("ste_graph", ""), ("memory", "ste_graph."), ("nodes", "ste_graph."))
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert found - listed == set()


@pytest.mark.parametrize(
    "count",
    [house.count_circles, house.count_classes, house.count_functions, house.count_exceptions, house.count_docstrings],
    ids=["import circles", "class names", "function names", "exceptions not in Error", "docstrings that are clauses"],
)
def test_the_house_is_in_order(count: Callable[[Path], house.Counted]) -> None:
    assert count(ROOT) == ("0", [])


def test_few_functions_are_named_by_a_participle() -> None:
    names = [name for _, name in house.functions(ROOT)]
    assert sum(map(house.is_participle, names)) <= 0.02 * len(names)
