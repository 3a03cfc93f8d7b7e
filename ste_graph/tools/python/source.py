"""`use: python`: the functions of a module, or one of them, as tools."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import re
import sys
from collections.abc import Mapping, Sequence, Set
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar

from pydantic import Field

from ste_graph.contracts import Effect, Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import check_regular
from ste_graph.json_values import canonical_json
from ste_graph.settings import ModulePath
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.choice import ToolChoice, ToolNames
from ste_graph.tools.decorator import MARK
from ste_graph.tools.names import legal_names
from ste_graph.tools.python.function import FunctionTool
from ste_graph.tools.python.langchain import LangChainTool, is_langchain_tool
from ste_graph.tracebacks import describe_encoding, with_place

log = logging.getLogger(__name__)


class PythonTools(ToolChoice):
    """Python functions as tools: schema from type hints and docstring, effect from `@ste.tool` or `effects`.

    Tools are the functions that `@ste.tool` marks, and LangChain tools as they are; in a module that has neither, its
    public functions: those of `__all__`, else those defined there whose names start with no `_`. Beside marked ones, a
    public function is taken where `include` or `effects` has its name. A function of whose hints no schema can be made
    is left out, and the log names it.
    Loading a module runs its code. What a tool prints goes where the program's stdout goes.
    """

    starts: ClassVar[bool] = False

    module: ModulePath = Field(
        description="A dotted name, a file that ends in `.py`, or either followed by `:function`.",
        examples=["my_package.tools", "tools/everyday.py", "my_package.tools:search"],
    )
    settings: dict[str, Json] = Field(
        default={},
        description="Keyword arguments of the module's function `configure`, which is called before any tool is.",
        examples=[{"now": "2026-11-26T12:00:00Z"}],
    )

    async def open(self) -> Sequence[Tool]:
        match = re.fullmatch(r"(.+\.py|[^:]+)(?::(\w+))?", self.module)
        if not match:
            raise WorkflowError(
                f"tools: `{self.module}` is not a module; expected `a.dotted.name`, `file.py` or `module:function`"
            )
        where, wanted = match.groups()
        module = load_module(where, self.settings)
        if wanted:
            found = {wanted: pick(module, wanted, where)}
        else:
            found = find_tools(module, {*(self.include or ()), *self.effects})
        if self.settings:
            found.pop("configure", None)
        if not found:
            raise WorkflowError(
                f"tools: `{self.module}` gives no tool; "
                "expected a public function, or one marked with `@ste.tool(effect=…)`"
            )
        own = list(found)
        names = ToolNames(f"`{self.module}`", own, legal_names(own))
        stated, chosen = self.state_effects(names), self.choose(names)
        if not chosen and self.include != ():
            raise names.nothing_left("`include` and `exclude`")
        tools: list[Tool] = []
        faults: list[str] = []
        for at in chosen:
            try:
                tools.append(make_tool(names.shown[at], found[own[at]], stated.get(at)))
            except WorkflowError as error:
                faults.append(str(error))
        if faults and not tools:
            raise WorkflowError("\n".join(faults))
        for fault in faults:
            log.warning("tools: left out of `%s`: %s", self.module, fault)
        return tools

    async def close(self) -> None: ...


def make_tool(name: str, value: Any, effect: Effect | None) -> Tool:
    """The tool of a function or a LangChain tool. Raises `WorkflowError` if no schema can be made."""
    if is_langchain_tool(value):
        return LangChainTool(name, value, effect or "destructive")
    marked: Effect = getattr(value, MARK, "destructive")
    return FunctionTool.of(name, value, effect or marked)


def find_tools(module: ModuleType, named: Set[str] = frozenset()) -> dict[str, Any]:
    """The functions and LangChain tools of a module by name, in the order of its source; those `named` need no mark."""
    functions = {n: v for n, v in vars(module).items() if inspect.isfunction(v) and not n.startswith("_")}
    langchain = {v.name: v for n, v in vars(module).items() if not n.startswith("_") and is_langchain_tool(v)}
    marked = {name: function for name, function in functions.items() if hasattr(function, MARK)}
    if marked or langchain:
        taken = {name: function for name, function in functions.items() if name in marked or name in named}
        return drop_aliases(taken, named) | langchain
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return {name: function for name, function in functions.items() if name in listed}
    own = {name: function for name, function in functions.items() if function.__module__ == module.__name__}
    return drop_aliases(own, named)


def drop_aliases(functions: Mapping[str, Any], named: Set[str]) -> dict[str, Any]:
    """Each function once: by names in `named`, else its own, else the last: the variable of a loop comes first."""
    chosen: dict[int, str] = {}
    for name, function in functions.items():
        if chosen.get(id(function)) != function.__name__:
            chosen[id(function)] = name
    wanted = {id(functions[name]) for name in named if name in functions}
    return {
        name: function
        for name, function in functions.items()
        if name in named or (chosen[id(function)] == name and id(function) not in wanted)
    }


def pick(module: ModuleType, name: str, where: str) -> Any:
    """The function that `module:function` names. Raises `WorkflowError` if it names none."""
    value = getattr(module, name, None)
    if is_langchain_tool(value) or (callable(value) and not inspect.isclass(value)):
        return value
    what = "is not a function" if hasattr(module, name) else "does not exist"
    known = find_tools(module)
    raise WorkflowError(
        f"tools: `{name}` {what} in `{where}`; {did_you_mean(name, known)}it has: {list_choices(known)}"
    )


def load_module(where: str, settings: Mapping[str, Json] = MappingProxyType({})) -> ModuleType:
    """The module at a path that ends in `.py`, or of a dotted name. Raises `WorkflowError` if it does not import."""
    try:
        is_file = where.endswith(".py")
        module = load_file(Path(where), settings) if is_file else importlib.import_module(where)
        if settings:
            configure_module(module, where, settings)
        return module
    except (WorkflowError, KeyboardInterrupt):
        raise
    except BaseException as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and error.name and where.split(".")[0] == error.name.split(".")[0]:
            hint = "; expected the dotted name of an installed module, or a file that ends in `.py`"
        why = describe_encoding(error) or with_place(
            f"{type(error).__name__}: {error}", error, None if where.endswith(".py") else where
        )
        raise WorkflowError(f"tools: `{where}` does not import: {why}{hint}") from error


def configure_module(module: ModuleType, where: str, settings: Mapping[str, Json]) -> None:
    """Calls the module's `configure` with the settings. Raises `WorkflowError` if it has none or refuses them."""
    configure = getattr(module, "configure", None)
    if not callable(configure):
        raise WorkflowError(f"tools: `settings` needs a function `configure` in `{where}`, which has none")
    try:
        configure(**settings)
    except Exception as error:
        why = with_place(f"{type(error).__name__}: {error}", error)
        raise WorkflowError(f"tools: `configure` of `{where}` refuses the `settings`: {why}") from error


def load_file(path: Path, settings: Mapping[str, Json]) -> ModuleType:
    """The module in a file, loaded once per content and settings; its folder can be imported from, after all else."""
    try:
        check_regular(path)
    except OSError as error:
        what = "file not found" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
        raise WorkflowError(f"tools: `{path}`: {what}; expected a Python file with functions") from None
    content = str(path).encode() + path.read_bytes() + (canonical_json(dict(settings)).encode() if settings else b"")
    name = f"ste_tools_{path.stem}_{sha256(content).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkflowError(f"tools: `{path}` is not a Python file")
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module  # before its code runs: dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
