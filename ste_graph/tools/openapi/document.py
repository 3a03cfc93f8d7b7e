"""The documents that make up an API's description: JSON or YAML, from files or downloaded, by address."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import yaml
from referencing import Registry, Resource

from ste_graph.contracts import Json
from ste_graph.errors import WorkflowError

MOST_DOCUMENTS = 500
LONGEST_CHAIN = 50
"""References that may lead from one to the next."""

Load = Callable[[str], Awaitable[tuple[str, bytes]]]
"""Loads an address: gives the address to which it led and the bytes there."""


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
        try:
            found = self._registry.resolver(base).lookup(ref).contents
        except Exception as fault:  # besides Unresolvable, whatever a malformed pointer or address brings about
            raise UnusableError(f"`$ref: {ref}` leads nowhere") from fault
        return found, urldefrag(join_reference(base, ref))[0]

    def resolve(self, node: Json, base: str) -> tuple[Mapping[str, Json], str]:
        """The mapping that `node` is or refers to, and its base. Raises `UnusableError` for anything else."""
        first = node
        for _ in range(LONGEST_CHAIN):
            if not isinstance(node, Mapping):
                raise UnusableError(f"expected a mapping, got {first!r:.80}")
            if not isinstance(node.get("$ref"), str):
                return node, base
            node, base = self.lookup(node["$ref"], base)
        raise UnusableError(f"`$ref: {first['$ref']}` leads to itself")


async def gather_documents(location: str, load: Load) -> Documents:
    """The spec at a path or URL and the documents that it refers to.

    A spec in a file may refer to files, a downloaded one to its own host; any other reference leads nowhere.
    Raises `WorkflowError` if the spec itself cannot be loaded or is not one; what it refers to may be missing.
    """
    start = location if is_url(location) else Path(location).absolute().as_uri()
    root, data = await load(start)
    pages = {root: read_spec(location, data)}
    waiting = [address for address in referenced_addresses(pages[root], root)]
    while waiting and len(pages) < MOST_DOCUMENTS:
        address = waiting.pop()
        if address in pages or not may_refer_to(address, root):
            continue
        try:
            pages[address] = parse((await load(address))[1])
        except (WorkflowError, ValueError):
            continue
        waiting += referenced_addresses(pages[address], address)
    return Documents(root, pages)


def is_url(location: str) -> bool:
    """True if a location is a web address rather than a path."""
    return location.lower().startswith(("http://", "https://"))


def may_refer_to(address: str, root: str) -> bool:
    """True if a spec at `root` may refer to a document at `address`."""
    there, here = urlsplit(address), urlsplit(root)
    return (there.scheme, there.netloc) == (here.scheme, here.netloc)


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
        if id(node) in seen:  # a YAML alias, perhaps to what holds it
            continue
        if isinstance(node, Mapping):
            seen.add(id(node))
            ref = node.get("$ref")
            if isinstance(ref, str) and not ref.startswith("#"):
                with contextlib.suppress(UnusableError):
                    yield urldefrag(join_reference(base, ref))[0]
            waiting += node.values()
        elif isinstance(node, Sequence) and not isinstance(node, str):
            seen.add(id(node))
            waiting += node


def read_file(address: str) -> bytes:
    """The bytes of a file by its `file:` address. Raises `WorkflowError`."""
    path = Path(unquote(urlsplit(address).path))
    try:
        return path.read_bytes()
    except OSError as error:
        what = "file not found" if isinstance(error, FileNotFoundError) else error.strerror
        raise WorkflowError(f"tools: `{path}`: {what}; expected an OpenAPI spec, as JSON or YAML") from error


def read_spec(location: str, data: bytes) -> Mapping[str, Json]:
    """The data as a spec. Raises `WorkflowError` if it is something else."""
    wanted = "expected OpenAPI 3.0 or 3.1, or Swagger 2.0, as JSON or YAML"
    if data.lstrip()[:1] == b"<":
        raise WorkflowError(
            f"tools: `{location}` is a web page, not an OpenAPI spec; {wanted}"
            " (often at `/openapi.json`, `/swagger.json` or `/v3/api-docs` of the service)"
        )
    try:
        page = parse(data)
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


def parse(data: bytes) -> Json:
    """The JSON or YAML in `data`. Raises `ValueError` with a message of one line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ValueError(f"it is not UTF-8 text (byte {fault.start})") from fault
    try:
        if text.lstrip()[:1] in ("{", "["):
            return json.loads(text)
        return yaml.load(text, Loader=make_loader())
    except yaml.MarkedYAMLError as fault:
        where = f" (line {fault.problem_mark.line + 1})" if fault.problem_mark else ""
        raise ValueError(f"{fault.problem}{where}") from fault
    except yaml.YAMLError as fault:
        raise ValueError(str(fault).splitlines()[0]) from fault
    except RecursionError as fault:
        raise ValueError("it is nested too deeply") from fault


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
