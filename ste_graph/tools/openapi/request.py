"""From arguments to an HTTP request, as the operation says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from ste_graph.contracts import Json
from ste_graph.tools.openapi.operation import Body, Operation
from ste_graph.tools.openapi.spec import FORM, PARTS
from ste_graph.tools.openapi.style import Pairs, in_header, in_path, in_query, word


class BadArgumentError(Exception):
    """An argument that its schema accepts but that no request can carry; the text names it."""


@dataclass(frozen=True)
class HTTPRequest:
    """A request without any secret in it; `cookies` and the URL are escaped already."""

    method: str
    url: str
    headers: Mapping[str, str]
    cookies: Pairs
    content: bytes | None = None


def request(operation: Operation, arguments: Mapping[str, Json]) -> HTTPRequest:
    """The request that calls the operation. Raises `BadArgument`."""
    path, query, cookies = operation.path.partition("#")[0], Pairs(), Pairs()
    headers: dict[str, str] = {}
    for given in operation.parameters:
        if given.argument not in arguments:
            continue
        value = arguments[given.argument]
        match given.where:
            case "path":
                text = in_path(given.name, value, given.style, given.explode)
                if value in ("", None) or not text:
                    raise BadArgumentError(f"`{given.argument}`: it stands in the path and may not be empty")
                path = path.replace(f"{{{given.name}}}", text)
            case "query":
                query += in_query(given.name, value, given.style, given.explode, given.reserved)
            case "cookie":
                cookies += in_query(given.name, value, given.style, given.explode)
            case "header" if value is not None:
                headers[given.name] = in_header(value, given.explode, as_json=given.style == "json")
                if re.search(r"[\x00-\x1f\x7f]", headers[given.name]):
                    raise BadArgumentError(
                        f"`{given.argument}`: a header holds no line breaks or other control characters"
                    )
    if any(unquote(part) in (".", "..") for part in path.split("/")):  # would lead to another operation
        raise BadArgumentError(f"`.` and `..` may not stand in the path `{operation.path}`")
    content = None
    if operation.body is not None and (value := sent(operation.body, arguments)) is not ABSENT:
        headers["Content-Type"], content = encoded(operation.body, value)
    url = f"{operation.server}{path}"
    if query:
        url += ("&" if "?" in url else "?") + "&".join(f"{name}={value}" for name, value in query)
    return HTTPRequest(operation.method, url, headers, cookies, content)


ABSENT = object()


def sent(body: Body, arguments: Mapping[str, Json]) -> Json:
    """The body's value among the arguments, or `ABSENT`."""
    if body.argument is not None:
        return arguments.get(body.argument, ABSENT)
    members = {name: arguments[name] for name in body.members if name in arguments}
    return members if members or body.required else ABSENT


def encoded(body: Body, value: Json) -> tuple[str, bytes]:
    """The content type and the bytes of a body."""
    kind = body.media.partition(";")[0].strip().lower()
    if kind == FORM and isinstance(value, Mapping):
        pairs = [pair for name, part in value.items() for pair in in_query(name, part, "form", True)]
        return body.media, "&".join(f"{name}={text}" for name, text in pairs).encode()
    if kind == PARTS and isinstance(value, Mapping):
        return multipart(value, body.files)
    if kind.endswith("json") or not isinstance(value, str):
        return body.media, json.dumps(value).encode()
    return body.media, value.encode("utf-8", "backslashreplace")


def multipart(value: Mapping[str, Json], files: frozenset[str]) -> tuple[str, bytes]:
    """The members as parts of a form; a file is sent under its member's name."""
    import httpx

    fields: list[tuple[str, tuple[str | None, bytes]]] = []
    for name, part in value.items():
        for item in part if isinstance(part, list) else [part]:
            if item is not None:
                text = word(item).encode("utf-8", "backslashreplace")
                fields.append((name, (name if name in files else None, text)))
    if not fields:
        return f"{PARTS}; boundary=empty", b"--empty--\r\n"
    made = httpx.Request("POST", "http://localhost", files=fields)
    return made.headers["content-type"], made.read()
