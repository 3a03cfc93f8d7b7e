"""`use: openapi`: the operations of an HTTP API, one tool each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from pydantic import Field, PrivateAttr

from ste_graph.contracts import Effect, Frozen, Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor
from ste_graph.settings import Address, PathOrURL, Secret
from ste_graph.tools.names import matching
from ste_graph.tools.openapi_auth import SecretAuth
from ste_graph.tools.openapi_document import Unusable, from_file, gathered, is_url
from ste_graph.tools.openapi_operation import Operation
from ste_graph.tools.openapi_service import Service, place, secrets
from ste_graph.tools.openapi_spec import Listed, Spec, key
from ste_graph.tools.openapi_tool import EFFECTS, OpenAPITool

DOWNLOAD_S = 30.0
MOST_SPEC_BYTES = 64 * 1024 * 1024
SHOWN = 25
"""Names or faults that a message lists at most."""

log = logging.getLogger(__name__)


class OpenAPITools(Frozen):
    """The operations of an OpenAPI 3.0, 3.1 or Swagger 2.0 spec as tools.

    GET and HEAD count as `read`, DELETE as `destructive`, the rest as `write`, unless `effects` says otherwise.
    An operation that needs something broken in the spec is left out; `faults` and the log name it.
    """

    spec: PathOrURL = Field(
        description="The spec, JSON or YAML: a file, or a URL that starts with http.",
        examples=["tools/library.openapi.json", "http://localhost:8000/openapi.json"],
    )
    base_url: Address | None = Field(
        default=None, description="Address of the API, its path included, instead of the spec's servers."
    )
    include: tuple[str, ...] | None = Field(
        default=None, description="Take only tools whose name matches one of these; * and ? stand for any characters."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Leave out tools whose name matches one of these.")
    tags: tuple[str, ...] | None = Field(default=None, description="Take only operations with one of these tags.")
    effects: Mapping[str, Effect] = Field(
        default={}, description="Per tool what calling it may do, where that is not what its method says."
    )
    auth: SecretAuth = Field(
        default=None,
        repr=False,
        description="One of `{bearer: {env: NAME}}`, `{basic: {user: {env: NAME}, password: {env: NAME}}}` and "
        "`{api_key: {name: …, in: header|query|cookie, value: {env: NAME}}}`.",
    )
    headers: dict[str, Secret] = Field(default={}, repr=False, description="Headers that go along with every request.")
    allow_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts (`host` or `host:port`) beside the API's own that redirects may lead to."
    )

    _services: list[Service] = PrivateAttr(default_factory=list)
    _faults: list[str] = PrivateAttr(default_factory=list)

    @property
    def starts(self) -> bool:
        """Whether the tools are known only after a download."""
        return is_url(self.spec)

    @property
    def faults(self) -> tuple[str, ...]:
        """What the last `open` left out of the spec, and why."""
        return tuple(self._faults)

    async def open(self) -> Sequence[Tool]:
        if self.base_url is not None and not is_url(self.base_url):
            raise WorkflowError("tools: `base_url` is no web address; expected one such as http://localhost:8000")
        if () in (self.include, self.tags):
            return []
        spec = Spec(await gathered(self.spec, self._loaded))
        listed = spec.listed()
        self._know(listed)
        chosen = [entry for entry in listed if self._wants(entry)]
        if not chosen:
            what = "`include`, `exclude` and `tags` leave none of its" if listed else "it describes no"
            raise WorkflowError(
                f"tools: `{self.spec}` gives no tool: {what} operations; {choices(listed)}".rstrip("; ")
            )
        ready, faults = self._ready(spec, chosen)
        servers = {str(operation.server) for _, operation, _ in ready}
        service = Service(
            servers if self.base_url else servers | spec.servers(),
            allowed=self.allow_hosts,
            auth=self.auth,
            headers=self.headers,
        )
        tools = [
            OpenAPITool(entry.name, entry.description, parameters, self._effect(entry), operation, service)
            for entry, operation, parameters in ready
        ]
        self._faults[:] = spec.faults + faults
        if not tools:
            raise WorkflowError(
                f"tools: no operation of `{self.spec}` can be used:\n"
                + "\n".join(f"- {f}" for f in self._faults[:SHOWN])
            )
        for fault in self._faults[:SHOWN]:
            log.warning("tools: left out of `%s`: %s", self.spec, fault)
        if len(self._faults) > SHOWN:
            log.warning("tools: left out of `%s`: %d more", self.spec, len(self._faults) - SHOWN)
        self._services.append(service)
        return tools

    async def close(self) -> None:
        while self._services:
            await self._services.pop().close()

    def _ready(
        self, spec: Spec, chosen: Sequence[Listed]
    ) -> tuple[list[tuple[Listed, Operation, Mapping[str, Json]]], list[str]]:
        """The operations that can be called, each with the schema of its arguments, and what is wrong with the rest."""
        ready: list[tuple[Listed, Operation, Mapping[str, Json]]] = []
        faults: list[str] = []
        supplied = {key("header", name) for name in self.headers}
        if self.auth and self.auth.api_key:
            supplied.add(key(self.auth.api_key.where, self.auth.api_key.name))
        for entry in chosen:
            try:
                operation = spec.operation(entry, frozenset(supplied))
                parameters = spec.schemas.closed(dict(operation.arguments))
                if self.base_url is not None:
                    operation = replace(operation, server=self.base_url.rstrip("/"))
                if operation.server is None:
                    raise Unusable("the spec names no server that can be reached; give `base_url`")
                ready.append((entry, operation, parameters))
            except Unusable as fault:
                faults.append(f"`{entry.name}`: {fault}")
            except Exception as fault:  # whatever else a malformed description brings about
                faults.append(f"`{entry.name}`: its description is malformed ({type(fault).__name__}: {fault})")
        return ready, faults

    def _effect(self, entry: Listed) -> Effect:
        return self.effects.get(entry.name) or EFFECTS.get(entry.method.upper(), "write")

    def _wants(self, entry: Listed) -> bool:
        tagged = self.tags is None or bool(entry.tags & set(self.tags))
        return tagged and matching(entry.name, self.include, self.exclude)

    def _know(self, listed: Sequence[Listed]) -> None:
        """Refuse settings that name what is not there."""
        names = {entry.name for entry in listed}
        for setting, given in (("effects", self.effects), ("include", self.include), ("exclude", self.exclude)):
            for name in given or ():
                if not any(fnmatchcase(known, name) if setting != "effects" else known == name for known in names):
                    raise WorkflowError(
                        f"tools: `{setting}` names `{name}`, which `{self.spec}` does not hold; {choices(listed, name)}"
                    )
        tags = sorted({tag for entry in listed for tag in entry.tags})
        for tag in self.tags or ():
            if tag not in tags:
                known = ", ".join(tags) or "none"
                raise WorkflowError(f"tools: `tags` names `{tag}`, which `{self.spec}` does not hold; it has: {known}")

    async def _loaded(self, address: str) -> tuple[str, bytes]:
        if not is_url(address):
            return address, from_file(address)
        import httpx

        own = self.base_url is not None and place(self.base_url) == place(address)  # secrets go to the API alone
        headers = {**self.headers, **(self.auth.headers if self.auth else {})} if own else {}
        redactor = Redactor(secrets([address], self.auth, self.headers))
        try:
            async with (
                httpx.AsyncClient(timeout=DOWNLOAD_S, follow_redirects=not own, max_redirects=5) as client,
                client.stream("GET", address, headers=headers) as response,
            ):
                if not response.is_success:
                    raise WorkflowError(
                        redactor.text(
                            f"tools: `{address}` answers HTTP {response.status_code} {response.reason_phrase}; "
                            "expected an OpenAPI spec, as JSON or YAML"
                        )
                    )
                data = bytearray()
                async for part in response.aiter_bytes():
                    data += part
                    if len(data) > MOST_SPEC_BYTES:
                        raise WorkflowError(f"tools: `{address}` is larger than {MOST_SPEC_BYTES // 1024**2} MiB")
                return str(response.url), bytes(data)
        except (httpx.RequestError, httpx.InvalidURL) as fault:
            said = f"{type(fault).__name__}: {fault}".rstrip(": ")
            raise WorkflowError(
                redactor.text(f"tools: `{address}` cannot be downloaded: {said}; is the service running?")
            ) from fault


def choices(listed: Sequence[Listed], name: str = "") -> str:
    """The names that there are, the closest first if one is close."""
    names = sorted(entry.name for entry in listed)
    if not names:
        return ""
    close = get_close_matches(name, names, 1)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (f"did you mean `{close[0]}`? " if close else "") + f"it has: {', '.join(names[:SHOWN])}{more}"
