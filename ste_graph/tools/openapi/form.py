"""Forms: how each member of a body is written, by OpenAPI's `encoding` or Swagger's `collectionFormat`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ste_graph.contracts import Json
from ste_graph.tools.openapi.style import Style, flat_text, parameter_text, query_pairs

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data"
COLLECTIONS: Mapping[str, Style] = {
    "csv": "form",
    "ssv": "spaceDelimited",
    "tsv": "tabDelimited",
    "pipes": "pipeDelimited",
    "multi": "form",
}
"""The styles of Swagger's formats of lists."""
FORM_STYLES: Sequence[Style] = ("form", "spaceDelimited", "pipeDelimited", "deepObject")


@dataclass(frozen=True)
class Encoding:
    """The encoding of one member of a form. `media` is the content type of its part, empty if the spec names none."""

    style: Style = "form"
    explode: bool = True
    reserved: bool = False
    media: str = ""


PLAIN_ENCODING = Encoding()


def read_encodings(node: Json) -> dict[str, Encoding]:
    """The encodings in a media type object (OpenAPI 3.1, section 4.8.15)."""
    found = {}
    for name, entry in node.items() if isinstance(node, Mapping) else ():
        if not isinstance(entry, Mapping):
            continue
        medias = [part.strip() for part in str(entry.get("contentType") or "").split(",")]
        media = next((part for part in medias if part and "*" not in part), "")
        style: Style = entry["style"] if entry.get("style") in FORM_STYLES else "form"
        explode = entry["explode"] if isinstance(entry.get("explode"), bool) else style in ("form", "deepObject")
        if not entry.keys() & {"style", "explode", "allowReserved"} and is_json(media):
            style, explode = "json", False
        found[name] = Encoding(style, explode, entry.get("allowReserved") is True, media)
    return found


def read_collection(node: Mapping[str, Any]) -> Encoding:
    """The encoding of one of Swagger's `formData` parameters."""
    collection = str(node.get("collectionFormat", "csv"))
    return Encoding(COLLECTIONS.get(collection, "form"), collection == "multi" or node.get("type") != "array")


def encode_form(value: Mapping[str, Json], encodings: Mapping[str, Encoding]) -> bytes:
    """The members as `application/x-www-form-urlencoded`."""
    pairs = []
    for name, part in value.items():
        how = encodings.get(name, PLAIN_ENCODING)
        pairs += query_pairs(name, part, how.style, how.explode, how.reserved)
    return "&".join(f"{name}={text}" for name, text in pairs).encode()


def encode_parts(
    value: Mapping[str, Json], files: frozenset[str], encodings: Mapping[str, Encoding]
) -> tuple[str, bytes]:
    """The members as parts of `multipart/form-data`, with its content type; a file is sent under its member's name."""
    import httpx

    fields: list[tuple[str, tuple[str | None, bytes, str | None]]] = []
    for name, part in value.items():
        how = encodings.get(name, PLAIN_ENCODING)
        if isinstance(part, list) and not how.explode and how.style != "json":
            part = flat_text(part, how.style)
        for item in part if isinstance(part, list) else [part]:
            if item is None:
                continue
            # A part of an object is JSON unless the spec says otherwise; httpx names that of a file itself.
            media = how.media or ("application/json" if isinstance(item, Mapping | list) else None)
            fields.append((name, (name if name in files else None, to_bytes(item, media), media)))
    if not fields:
        return f"{PARTS}; boundary=empty", b"--empty--\r\n"
    request = httpx.Request("POST", "http://localhost", files=fields)
    return request.headers["content-type"], request.read()


def to_bytes(value: Json, media: str | None) -> bytes:
    """One value as the content of a part: JSON where its content type is, else text."""
    text = json.dumps(value, ensure_ascii=False) if is_json(media or "") else parameter_text(value)
    return text.encode("utf-8", "backslashreplace")


def is_json(media: str) -> bool:
    """True if a content type is JSON."""
    return media.partition(";")[0].strip().lower().endswith("json")


def is_xml(media: str) -> bool:
    """True if a content type is XML."""
    return media.partition(";")[0].strip().lower().endswith("xml")
