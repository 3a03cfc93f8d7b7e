"""The operations of a spec: OpenAPI 3.0 and 3.1, and Swagger 2.0 in the terms of those."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from ste_graph.addresses import find_address_fault
from ste_graph.contracts import Json
from ste_graph.tools.names import legal_name, legal_names
from ste_graph.tools.openapi.dialect import find_examples
from ste_graph.tools.openapi.document import Documents, UnusableError
from ste_graph.tools.openapi.form import COLLECTIONS, FORM, PARTS, is_xml, read_collection, read_encodings
from ste_graph.tools.openapi.operation import RESERVED_HEADERS, Body, Operation, Parameter, arrange, placeholder_names
from ste_graph.tools.openapi.schema import Schemas

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
STYLES = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
"""The styles of each place, its default first."""


@dataclass(frozen=True)
class ListedOperation:
    """An operation of the spec; `base` and `item_base` are the addresses of its document and of its path's."""

    own: str
    """The name that the spec gives: the operation's id, else method and path."""
    name: str
    """The name that is shown."""
    method: str
    path: str
    node: Mapping[str, Json]
    item: Mapping[str, Json]
    base: str
    item_base: str

    @property
    def tags(self) -> frozenset[str]:
        tags = self.node.get("tags")
        return frozenset(map(str, tags)) if isinstance(tags, list) else frozenset()

    @property
    def description(self) -> str:
        """Summary and description, without repetition."""
        summary, more = (str(self.node.get(key) or "").strip() for key in ("summary", "description"))
        if more.startswith(summary.rstrip(".")):
            summary = ""
        text = "\n".join(filter(None, [summary, more])) or f"{self.method.upper()} {self.path}"
        return f"Deprecated. {text}" if self.node.get("deprecated") is True else text


class Spec:
    """The operations of a spec. `faults` names what was left out of the list, and why."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.schemas = Schemas(documents)
        self.root = documents.spec
        self.swagger = "swagger" in self.root
        self.faults: list[str] = []

    def list_operations(self) -> list[ListedOperation]:
        """The operations in the spec's order, under names that are legal and unique.

        An id that occurs twice names neither operation: they are named by method and path.
        """
        found = list(self._find_operations())
        ids = [str(node.get("operationId") or "") for _, _, node, *_ in found]
        often = Counter(ids)
        own = [id if id and often[id] == 1 else f"{found[at][0]}{found[at][1]}" for at, id in enumerate(ids)]
        return [
            ListedOperation(name, shown, *operation)
            for name, shown, operation in zip(own, operation_names(own), found, strict=True)
        ]

    def operation(self, listed: ListedOperation, supplied: frozenset[tuple[str, str]] = frozenset()) -> Operation:
        """The operation ready to be called. Raises `UnusableError` if something that it needs is broken.

        `supplied` are the parameters (place and name, headers in lower case) that the settings give for every call.
        """
        parameters: list[Parameter] = []
        form: list[Mapping[str, Json]] = []
        body: Body | None = None
        for node, base in self._parameters(listed):
            where, name = node.get("in"), str(node.get("name"))
            if where == "body":
                schema = self.schemas.convert(node.get("schema", {}), base)
                media = choose_media(self._consumes(listed)) or "application/json"
                body = self._check_media(Body(media, add_description(schema, node), node.get("required") is True))
            elif where == "formData":
                form.append({**node, "schema": add_description(self.schemas.convert(inline_schema(node), base), node)})
            elif where in STYLES and not (
                (where == "header" and name.lower() in RESERVED_HEADERS) or parameter_key(where, name) in supplied
            ):
                parameters.append(self._parameter(node, name, where, base))
        declared = {parameter.name for parameter in parameters if parameter.where == "path"}
        for name in placeholder_names(listed.path):
            if name not in declared and ("path", name) not in supplied:
                parameters.append(Parameter(name, "path", {"type": "string"}, True, "simple", False))
        if form:
            body = form_body(form, self._consumes(listed))
        elif "requestBody" in listed.node and not self.swagger:
            body = self._body(listed.node["requestBody"], listed.base)
        server = self._server(listed)
        return arrange(listed.method.upper(), listed.path, server, parameters, body, self.schemas)

    def servers(self) -> set[str]:
        """The addresses of the servers that the spec names at its top; paths and operations may name others."""
        nodes = [] if self.swagger else list_mappings(self.root.get("servers"))
        return {address for node in nodes if (address := self._address(node))}

    def _find_operations(self) -> Iterator[tuple[str, str, Mapping[str, Json], Mapping[str, Json], str, str]]:
        paths = self.root.get("paths")
        self.faults.clear()
        for path, node in paths.items() if isinstance(paths, Mapping) else ():
            if not str(path).startswith("/"):
                continue
            try:
                item, base = self.documents.resolve(node, self.documents.root)
                if isinstance(node, Mapping) and "$ref" in node:  # other keys may accompany it
                    item = {**item, **{key: value for key, value in node.items() if key != "$ref"}}
            except UnusableError as fault:
                self.faults.append(f"`{path}`: {fault}")
                continue
            for method in METHODS:
                if not isinstance(item.get(method), Mapping):
                    continue
                try:
                    node, place = self.documents.resolve(item[method], base)
                except UnusableError as fault:
                    self.faults.append(f"`{method} {path}`: {fault}")
                else:
                    yield method, str(path), node, item, place, base

    def _parameters(self, listed: ListedOperation) -> list[tuple[Mapping[str, Json], str]]:
        found: dict[tuple[Json, Json], tuple[Mapping[str, Json], str]] = {}
        for holder, place in ((listed.item, listed.item_base), (listed.node, listed.base)):
            for parameter in holder.get("parameters") or []:
                node, base = self.documents.resolve(parameter, place)
                found[node.get("in"), node.get("name")] = node, base
        return list(found.values())

    def _parameter(self, node: Mapping[str, Any], name: str, where: Any, base: str) -> Parameter:
        styles: Sequence[str] = STYLES[where]
        content = node.get("content")
        if isinstance(content, Mapping) and content:
            media = next(iter(content.values()))
            schema = self.schemas.convert(media.get("schema", {}), base)
            style, explode = "json", False
        elif self.swagger:
            schema = self.schemas.convert(inline_schema(node), base)
            collection = str(node.get("collectionFormat", "csv"))
            style = COLLECTIONS.get(collection, "form") if where in ("query", "cookie") else "simple"
            explode = collection == "multi"
        else:
            schema = self.schemas.convert(node.get("schema", {}), base)
            style = node["style"] if node.get("style") in styles else styles[0]
            explode = node["explode"] if isinstance(node.get("explode"), bool) else style in ("form", "deepObject")
        required = node.get("required") is True or where == "path"
        reserved = node.get("allowReserved") is True
        return Parameter(name, where, add_description(schema, node), required, style, explode, reserved)  # type: ignore[arg-type]

    def _body(self, node: Json, base: str) -> Body | None:
        node, base = self.documents.resolve(node, base)
        content = node.get("content")
        if not isinstance(content, Mapping) or not content:
            return None
        media = choose_media(list(content))
        entry, base = self.documents.resolve(content[media] or {}, base)
        schema = add_description(self.schemas.convert(entry.get("schema", {}), base), {**node, **entry})
        return self._check_media(
            Body(
                "application/json" if "*" in media else media,
                schema,
                node.get("required") is True,
                encodings=read_encodings(entry.get("encoding")),
            )
        )

    def _check_media(self, body: Body) -> Body:
        """The body, if it can be written. Raises `UnusableError`: XML is sent only as a text that the caller gives."""
        if not is_xml(body.media):
            return body
        schema = self.schemas.look_through(body.schema)
        known = schema if isinstance(schema, Mapping) else {}
        if not known.keys() & {"type", "properties", "allOf", "anyOf", "enum", "$ref"}:
            return replace(body, schema={"type": "string", "description": "The XML text.", **known})
        if known.get("type") in ("string", ["string", "null"]):
            return body
        raise UnusableError(f"its body is `{body.media}`, which cannot be made of JSON arguments")

    def _consumes(self, listed: ListedOperation) -> list[str]:
        return self._list(listed, "consumes")

    def _list(self, listed: ListedOperation, name: str) -> list[str]:
        """The texts of a list that the operation or the whole description gives; empty if it is not a list."""
        found = listed.node.get(name) or self.root.get(name) or []
        return [str(part) for part in found] if isinstance(found, list) else []

    def _server(self, listed: ListedOperation) -> str | None:
        if not self.swagger:
            for holder in (listed.node, listed.item, self.root):
                if servers := list_mappings(holder.get("servers")):
                    return self._address(servers[0])
            return self._address({"url": "/"})
        here = urlsplit(self.documents.root)
        host = str(self.root.get("host") or here.netloc)
        if not host:
            return None
        schemes = self._list(listed, "schemes") or [here.scheme if here.netloc else "https"]
        scheme = "https" if "https" in schemes else "http"
        return _clean_address(f"{scheme}://{host}/{str(self.root.get('basePath') or '').strip('/')}")

    def _address(self, server: Mapping[str, Json]) -> str | None:
        variables = server.get("variables")
        address = str(server.get("url") or "/")
        for name in placeholder_names(address):
            variable = variables.get(name) if isinstance(variables, Mapping) else None
            if isinstance(variable, Mapping) and "default" in variable:
                address = address.replace(f"{{{name}}}", str(variable["default"]))
        with contextlib.suppress(ValueError):
            address = urljoin(self.documents.root, address)
            return _clean_address(address) if not placeholder_names(address) else None
        return None


def _clean_address(address: str) -> str | None:
    return address.rstrip("/") if find_address_fault(address) is None else None


def choose_media(medias: Sequence[str]) -> str:
    """The media type to send: JSON, a form, parts, text, then the first one."""

    def rank(media: str) -> int:
        kind = media.partition(";")[0].strip().lower()
        order = (kind == "application/json", kind.endswith("json"), "*" in kind, kind == FORM, kind == PARTS)
        return next((place for place, fits in enumerate((*order, kind.startswith("text/"))) if fits), len(order) + 1)

    return min(medias, key=rank, default="")


def form_body(fields: Sequence[Mapping[str, Json]], consumes: Sequence[str]) -> Body:
    """The body that consists of Swagger's `formData` parameters."""
    parts = any(node.get("type") == "file" for node in fields) or (PARTS in consumes and FORM not in consumes)
    required = [str(node["name"]) for node in fields if node.get("required") is True]
    schema = {"type": "object", "properties": {str(node["name"]): node["schema"] for node in fields}}
    return Body(
        PARTS if parts else FORM,
        {**schema, "required": required} if required else schema,
        bool(required),
        encodings={str(node["name"]): read_collection(node) for node in fields},
    )


def inline_schema(node: Mapping[str, Json]) -> dict[str, Json]:
    """The schema in the keys of a Swagger parameter."""
    return {name: node[name] for name in node if name not in ("name", "in", "required", "description")}


def add_description(schema: Json, node: Mapping[str, Json]) -> Json:
    """The schema with the description and the examples of the parameter or body that it is for."""
    own = dict(schema) if isinstance(schema, Mapping) else {}
    if isinstance(node.get("description"), str) and node["description"].strip():
        own["description"] = node["description"].strip()
    if "examples" not in own and (examples := find_examples(node)):
        own["examples"] = examples
    return own or schema


def list_mappings(value: Json) -> list[Mapping[str, Json]]:
    """The mappings in a list; an empty list for anything else."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def parameter_key(where: Any, name: str) -> tuple[str, str]:
    """A parameter's place and name; the name of a header in lower case."""
    return str(where), name.lower() if where == "header" else name


def operation_names(names: Sequence[str]) -> list[str]:
    """The names made legal, no two alike; what is not legal in a row becomes one `_`."""
    return legal_names(names, lambda name: legal_name(re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("_")))
