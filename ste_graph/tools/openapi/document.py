"""The documents that make up an API's description: JSON or YAML, from files or downloaded, by address."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import yaml
from referencing import Registry, Resource

from ste_graph.addresses import is_web_address
from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError
from ste_graph.files.regular import read_regular
from ste_graph.suggest import did_you_mean

MOST_DOCUMENTS = 5000
MOST_VALUES = 5_000_000
"""Values of a page of YAML with its aliases written out: a few lines can stand for billions."""
LONGEST_CHAIN = 50
"""References that may lead from one to the next."""

Load = Callable[[str], Awaitable[tuple[str, bytes]]]
"""Loads an address: gives the address to which it led and the bytes there."""


OUTSIDE = {
    True: "leads out of the folder of the spec, the only one that is read; put the file below it",
    False: "leads to another host than the spec's, the only one that is read; put both on one host, or into one file",
}
"""The message about a reference that is not followed, by whether the spec is a file."""


class UnusableError(Exception):
    """Something that an operation needs is broken; the text says what, for the author of the spec."""


class Documents:
    """The spec and the documents of its references. `base` is the address of the document that contains a node."""

    def __init__(self, root: str, pages: Mapping[str, Json]) -> None:
        self.root = root
        self.spec: Mapping[str, Json] = pages[root]
        self._registry: Registry[Json] = Registry().with_resources(
            (address, Resource.opaque(page)) for address, page in pages.items()
        )

    def lookup(self, ref: str, base: str) -> tuple[Json, str]:
        """The target of a reference, and its base. Raises `UnusableError` if the reference leads nowhere."""
        there = urldefrag(join_reference(base, ref))[0]
        if not may_refer_to(there, self.root):
            raise UnusableError(f"`$ref: {ref}` {OUTSIDE[self.root.startswith('file:')]}")
        try:
            found = self._registry.resolver(base).lookup(ref).contents
        except Exception as fault:  # besides Unresolvable, whatever a malformed pointer or address brings about
            raise UnusableError(f"`$ref: {ref}` leads nowhere") from fault
        return found, there

    def resolve(self, node: Json, base: str) -> tuple[Mapping[str, Json], str]:
        """The mapping that `node` is or refers to, and its base. Raises `UnusableError` for anything else."""
        first = node
        for _ in range(LONGEST_CHAIN):
            if not isinstance(node, Mapping):
                start = f"`$ref: {first['$ref']}` leads to" if isinstance(first, Mapping) else "expected a mapping, got"
                raise UnusableError(f"{start} {describe_content(node)}")
            if not isinstance(node.get("$ref"), str):
                return node, base
            node, base = self.lookup(node["$ref"], base)
        raise UnusableError(f"`$ref: {first['$ref']}` leads to itself")


async def gather_documents(location: str, load: Load) -> Documents:
    """The spec at a path or URL and the documents that it refers to.

    A spec in a file may refer to files below its own folder, a downloaded one to its own host; nothing else is read.
    Raises `WorkflowError` if the spec itself cannot be loaded or is not one; what it refers to may be missing.
    """
    start = location if is_web_address(location) else Path(location).absolute().as_uri()
    root, data = await load(start)
    pages = {root: read_spec(location, data)}
    waiting = [address for address in referenced_addresses(pages[root], root)]
    while waiting and len(pages) < MOST_DOCUMENTS:
        address = waiting.pop()
        if address in pages or not may_refer_to(address, root):
            continue
        try:
            pages[address] = parse_document((await load(address))[1])
        except (WorkflowError, ValueError):
            continue
        waiting += referenced_addresses(pages[address], address)
    return Documents(root, pages)


def may_refer_to(address: str, root: str) -> bool:
    """True if a spec at `root` may refer to a document at `address`.

    A description may come from a stranger: one in a file reads only what is below its own folder, links resolved.
    """
    if address == root:
        return True
    there, here = urlsplit(address), urlsplit(root)
    if (there.scheme, there.netloc) != (here.scheme, here.netloc):
        return False
    if there.scheme != "file":
        return True
    try:
        return file_path(address).resolve().is_relative_to(file_path(root).parent.resolve())
    except (OSError, ValueError, RuntimeError):  # no path that a file can have, a link that leads to itself
        return False


def file_path(address: str) -> Path:
    """The path of a `file:` address."""
    return Path(unquote(urlsplit(address).path))


def describe_content(node: Json) -> str:
    """The kind of a node, and nothing of its content, which may come from a file that nobody meant to show."""
    kinds = {str: "text", bool: "true or false", list: "a list", dict: "a mapping", type(None): "null"}
    return kinds.get(type(node), "a number")


def join_reference(base: str, ref: str) -> str:
    """The full address of a reference. Raises `UnusableError` if it has none."""
    try:
        return urljoin(base, ref)
    except ValueError as fault:
        raise UnusableError(f"`$ref: {ref}` leads nowhere") from fault


def referenced_addresses(page: Json, base: str) -> Iterator[str]:
    """The addresses of the other documents that a page refers to."""
    waiting, seen = [page], set[int]()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict | list) or id(node) in seen:  # a YAML alias, perhaps to what holds it
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str) and not ref.startswith("#"):
                with contextlib.suppress(UnusableError):
                    yield urldefrag(join_reference(base, ref))[0]
            waiting += node.values()
        else:
            waiting += node


def read_file(address: str) -> bytes:
    """The bytes of a file by its `file:` address. Raises `WorkflowError`."""
    path = file_path(address)
    try:
        return read_regular(path)
    except OSError as error:
        what = "file not found" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
        names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() and not path.exists() else []
        hint = did_you_mean(path.name, names)
        raise WorkflowError(f"tools: `{path}`: {what}; {hint}expected an OpenAPI spec, as JSON or YAML") from error


def read_spec(location: str, data: bytes) -> Mapping[str, Json]:
    """The data as a spec. Raises `WorkflowError` if it is something else."""
    wanted = "expected OpenAPI 3.0 or 3.1, or Swagger 2.0, as JSON or YAML"
    if data.lstrip()[:1] == b"<":
        raise WorkflowError(
            f"tools: `{location}` is a web page, not an OpenAPI spec; {wanted}"
            " (often at `/openapi.json`, `/swagger.json` or `/v3/api-docs` of the service)"
        )
    try:
        page = parse_document(data)
    except ValueError as fault:
        raise WorkflowError(f"tools: `{location}` is not an OpenAPI spec: {fault}; {wanted}") from fault
    known: Mapping[str, Json] = page if isinstance(page, Mapping) else {}
    version = str(known.get("openapi") or known.get("swagger") or "")
    if not version:
        raise WorkflowError(
            f"tools: `{location}` is not an OpenAPI spec: it has neither `openapi` nor `swagger` at its top; {wanted}"
        )
    if not re.fullmatch(r"3\.\d+(\.\d+.*)?|2(\.0)?", version):
        raise WorkflowError(f"tools: `{location}` is of version {version}; {wanted}")
    return known


def parse_document(data: bytes) -> Json:
    """The JSON or YAML in `data`. Raises `ValueError` with a message of one line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"it is not UTF-8 text (byte {fault.start})") from fault
    try:
        if text.lstrip()[:1] in ("{", "["):
            return json.loads(text)
        page = yaml.load(text, Loader=make_loader())
        if "*" in text and count_values(page) > MOST_VALUES:
            raise ValueError(f"its aliases stand for more than {MOST_VALUES:,} values")
        return page
    except yaml.MarkedYAMLError as fault:
        where = f" (line {fault.problem_mark.line + 1})" if fault.problem_mark else ""
        raise ValueError(f"{fault.problem}{where}") from fault
    except yaml.YAMLError as fault:
        raise ValueError(str(fault).splitlines()[0]) from fault
    except RecursionError as fault:
        raise ValueError("it is nested too deeply") from fault


def count_values(page: Json) -> int:
    """The values of a page with every alias written out; what holds itself counts once."""
    sizes: dict[int, int] = {}
    waiting = [(page, False)]
    while waiting:
        node, is_counted = waiting.pop()
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        if is_counted:
            sizes[id(node)] = 1 + sum(sizes.get(id(part), 1) for part in parts)
        elif id(node) not in sizes and parts:
            sizes[id(node)] = 1
            waiting.append((node, True))
            waiting += ((part, False) for part in parts)
    return sizes.get(id(page), 1)


def make_loader() -> type[Any]:
    """A safe YAML loader for JSON data: dates and `yes` stay text, keys are text (OpenAPI 3.1, section 4.3)."""

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C: 8 times as fast
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Json]:
            found = super().construct_mapping(node, deep=deep)
            return {key if isinstance(key, str) else json.dumps(key, default=str): found[key] for key in found}

    for tag, pattern, first in (
        ("bool", r"true|false|True|False", "tTfF"),
        ("null", r"null|~|", "n~\0"),
        ("int", r"-?(0|[1-9][0-9]*)", "-0123456789"),
        ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?", "-0123456789"),
        ("merge", r"<<", "<"),
    ):
        letters = [letter if letter != "\0" else "" for letter in first]
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), letters)
    return Plain
