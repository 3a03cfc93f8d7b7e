"""`use: openapi`: the operations of an HTTP API, one tool each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field, PrivateAttr

from ste_graph.addresses import is_web_address
from ste_graph.contracts import Effect, Json, Tool
from ste_graph.errors import WorkflowError
from ste_graph.redaction import Redactor
from ste_graph.settings import PathOrURL, Secret, WebAddress
from ste_graph.suggest import did_you_mean, list_choices
from ste_graph.tools.choice import ToolChoice, ToolNames
from ste_graph.tools.openapi.auth import SecretAuth
from ste_graph.tools.openapi.document import UnusableError, gather_documents, read_file
from ste_graph.tools.openapi.effect import find_effect
from ste_graph.tools.openapi.operation import Operation
from ste_graph.tools.openapi.service import Service, collect_secrets, host_and_port
from ste_graph.tools.openapi.spec import ListedOperation, Spec, parameter_key
from ste_graph.tools.openapi.tool import OpenAPITool
from ste_graph.tools.policy import note_doubt

DOWNLOAD_S = 30.0
MOST_SPEC_BYTES = 64 * 1024 * 1024
SHOWN = 25
"""Faults that a message lists at most."""

log = logging.getLogger(__name__)


class OpenAPITools(ToolChoice):
    """The operations of an OpenAPI 3.0, 3.1 or Swagger 2.0 spec as tools.

    GET and HEAD count as `read`, DELETE as `destructive`, the rest as `write`, unless `effects` says otherwise. A GET
    or HEAD whose name, path or summary says that it writes counts as `destructive`.
    An operation that needs something broken in the spec is left out; `faults` and the log name it.
    """

    spec: PathOrURL = Field(
        description="The spec, JSON or YAML: a file, or a URL that starts with http.",
        examples=["tools/library.openapi.json", "http://localhost:8000/openapi.json"],
    )
    base_url: WebAddress | None = Field(
        default=None, description="Address of the API, its path included, instead of the spec's servers."
    )
    tags: tuple[str, ...] | None = Field(default=None, description="Take only operations with one of these tags.")
    auth: SecretAuth = Field(
        default=None,
        repr=False,
        description="One of `{bearer: {env: NAME}}`, `{basic: {user: {env: NAME}, password: {env: NAME}}}` and "
        "`{api_key: {name: …, in: header|query|cookie, value: {env: NAME}}}`.",
    )
    headers: dict[str, Secret] = Field(default={}, repr=False, description="Headers of every request.")
    allow_hosts: tuple[str, ...] = Field(
        default=(), description="Hosts (`host` or `host:port`) besides the API's own to which redirects may lead."
    )

    _services: list[Service] = PrivateAttr(default_factory=list)
    _faults: list[str] = PrivateAttr(default_factory=list)

    @property
    def starts(self) -> bool:
        """True if the tools are known only after a download."""
        return is_web_address(self.spec)

    @property
    def faults(self) -> tuple[str, ...]:
        """The parts of the spec that the last `open` left out, and why."""
        return tuple(self._faults)

    async def open(self) -> Sequence[Tool]:
        if () in (self.include, self.tags):
            return []
        spec = Spec(await gather_documents(self.spec, self._download))
        listed = spec.list_operations()
        names = ToolNames(f"`{self.spec}`", [entry.own for entry in listed], [entry.name for entry in listed])
        stated = {listed[at].name: effect for at, effect in self.state_effects(names).items()}
        chosen = [listed[at] for at in self.choose(names) if self._has_tag(listed[at])]
        self._check_tags(listed)
        if not listed:
            raise WorkflowError(f"tools: `{self.spec}` gives no tool: it describes no operations")
        if not chosen:
            raise names.nothing_left("`include`, `exclude` and `tags`", "operations")
        ready, faults = self._prepare(spec, chosen)
        servers = {str(operation.server) for _, operation, _ in ready}
        service = Service(
            servers if self.base_url else servers | spec.servers(),
            allowed=self.allow_hosts,
            auth=self.auth,
            headers=self.headers,
        )
        tools = [
            self._tool(entry, parameters, stated.get(entry.name), operation, service)
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

    def _prepare(
        self, spec: Spec, chosen: Sequence[ListedOperation]
    ) -> tuple[list[tuple[ListedOperation, Operation, Mapping[str, Json]]], list[str]]:
        """The operations that can be called, each with the schema of its arguments, and the faults of the others."""
        ready: list[tuple[ListedOperation, Operation, Mapping[str, Json]]] = []
        faults: list[str] = []
        supplied = {parameter_key("header", name) for name in self.headers}
        if self.auth and self.auth.api_key:
            supplied.add(parameter_key(self.auth.api_key.where, self.auth.api_key.name))
        for entry in chosen:
            try:
                operation = spec.operation(entry, frozenset(supplied))
                parameters = spec.schemas.close(dict(operation.arguments))
                if self.base_url is not None:
                    operation = replace(operation, server=self.base_url.rstrip("/"))
                if operation.server is None:
                    raise UnusableError("the spec names no server that can be reached; give `base_url`")
                ready.append((entry, operation, parameters))
            except UnusableError as error:
                faults.append(f"`{entry.name}`: {error}")
            except Exception as error:  # whatever else a malformed description brings about
                # Of errors about types alone: others may quote a file that nobody meant to show.
                detail = f": {error}" if isinstance(error, TypeError | AttributeError) else ""
                faults.append(f"`{entry.name}`: its description is malformed ({type(error).__name__}{detail})")
        return ready, faults

    def _tool(
        self,
        entry: ListedOperation,
        parameters: Mapping[str, Json],
        stated: Effect | None,
        operation: Operation,
        service: Service,
    ) -> OpenAPITool:
        effect, doubt = (stated, None) if stated else find_effect(entry)
        note = note_doubt(doubt, entry.name) if doubt else None
        return OpenAPITool(entry.name, entry.description, parameters, effect, operation, service, note)

    def _has_tag(self, entry: ListedOperation) -> bool:
        return self.tags is None or bool(entry.tags & set(self.tags))

    def _check_tags(self, listed: Sequence[ListedOperation]) -> None:
        """Raise `WorkflowError` if `tags` names what is not there."""
        tags = {tag for entry in listed for tag in entry.tags}
        for tag in self.tags or ():
            if tag not in tags:
                raise WorkflowError(
                    f"tools: `tags` names `{tag}`, which `{self.spec}` does not have; "
                    f"{did_you_mean(tag, tags)}it has: {list_choices(tags)}"
                )

    async def _download(self, address: str) -> tuple[str, bytes]:
        if not is_web_address(address):
            return address, read_file(address)
        import httpx

        own = self.base_url is not None and host_and_port(self.base_url) == host_and_port(
            address
        )  # secrets go to the API alone
        headers = {**self.headers, **(self.auth.headers if self.auth else {})} if own else {}
        redactor = Redactor(collect_secrets([address], self.auth, self.headers))
        try:
            async with (
                httpx.AsyncClient(timeout=DOWNLOAD_S, follow_redirects=not own, max_redirects=5) as client,
                client.stream("GET", address, headers=headers) as response,
            ):
                if not response.is_success:
                    raise WorkflowError(
                        redactor.redact(
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
        except (httpx.RequestError, httpx.InvalidURL) as error:
            message = f"{type(error).__name__}: {error}".rstrip(": ")
            raise WorkflowError(
                redactor.redact(f"tools: `{address}` cannot be downloaded: {message}; is the service running?")
            ) from error
