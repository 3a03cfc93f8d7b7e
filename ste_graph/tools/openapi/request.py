"""From the arguments of a call to its HTTP request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from ste_graph.contracts import Json
from ste_graph.tools.openapi.form import FORM, PARTS, encode_form, encode_parts
from ste_graph.tools.openapi.operation import Body, Operation
from ste_graph.tools.openapi.style import Pairs, header_text, path_text, query_pairs


class BadArgumentError(Exception):
    """An argument that its schema accepts but that no request can carry; the text names it."""


@dataclass(frozen=True)
class HTTPRequest:
    """A request without secrets; `cookies` and the URL are escaped already."""

    method: str
    url: str
    headers: Mapping[str, str]
    cookies: Pairs
    content: bytes | None = None


def build_request(operation: Operation, arguments: Mapping[str, Json]) -> HTTPRequest:
    """The request that calls the operation. Raises `BadArgumentError`."""
    path, query, cookies = operation.path.partition("#")[0], Pairs(), Pairs()
    headers: dict[str, str] = {}
    for parameter in operation.parameters:
        if parameter.argument not in arguments:
            continue
        value = arguments[parameter.argument]
        match parameter.where:
            case "path":
                text = path_text(parameter.name, value, parameter.style, parameter.explode)
                if value in ("", None) or not text:
                    raise BadArgumentError(f"`{parameter.argument}`: it is part of the path and must not be empty")
                path = path.replace(f"{{{parameter.name}}}", text)
            case "query":
                query += query_pairs(parameter.name, value, parameter.style, parameter.explode, parameter.reserved)
            case "cookie":
                cookies += query_pairs(parameter.name, value, parameter.style, parameter.explode)
            case "header" if value is not None:
                headers[parameter.name] = header_text(value, parameter.explode, as_json=parameter.style == "json")
                if re.search(r"[\x00-\x1f\x7f]", headers[parameter.name]):
                    raise BadArgumentError(
                        f"`{parameter.argument}`: a header must not contain line breaks or other control characters"
                    )
    if any(unquote(part) in (".", "..") for part in path.split("/")):  # would lead to another operation
        raise BadArgumentError(f"`.` and `..` are not allowed in the path `{operation.path}`")
    content = None
    if operation.body is not None and (value := body_value(operation.body, arguments)) is not ABSENT:
        headers["Content-Type"], content = encode_body(operation.body, value)
    url = f"{operation.server}{path}"
    if query:
        url += ("&" if "?" in url else "?") + "&".join(f"{name}={value}" for name, value in query)
    return HTTPRequest(operation.method, url, headers, cookies, content)


ABSENT = object()


def body_value(body: Body, arguments: Mapping[str, Json]) -> Json:
    """The body's value among the arguments, or `ABSENT`."""
    if body.argument is not None:
        return arguments.get(body.argument, ABSENT)
    members = {name: arguments[name] for name in body.members if name in arguments}
    return members if members or body.required else ABSENT


def encode_body(body: Body, value: Json) -> tuple[str, bytes]:
    """The content type and the bytes of a body."""
    kind = body.media.partition(";")[0].strip().lower()
    if kind == FORM and isinstance(value, Mapping):
        return body.media, encode_form(value, body.encodings)
    if kind == PARTS and isinstance(value, Mapping):
        return encode_parts(value, body.files, body.encodings)
    if kind.endswith("json") or not isinstance(value, str):
        return body.media, json.dumps(value).encode()
    return body.media, value.encode("utf-8", "backslashreplace")
