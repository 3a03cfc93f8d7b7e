"""Models behind a server that the run starts and ends, or that runs already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Self

from pydantic import Field, field_validator, model_validator

from ste_graph.contracts import Json
from ste_graph.models.adapter import Adapter
from ste_graph.models.openai import PLACEHOLDER, OpenAIModel, RequestSettings
from ste_graph.models.servers.servers import ModelServer, PartServers
from ste_graph.settings import Secret, WebAddress


class ServedModel(RequestSettings):
    """A model whose server is started for the run and shared by its parts, or, with `url`, used where it runs."""

    settings_of_arguments: ClassVar[Mapping[str, str]]
    """Server arguments that have a setting, and that setting."""

    served_name: str = Field("", description="The model's name on the server and in records; unset: by `model`.")
    api_key: Secret = Field(
        "", repr=False, description="The server's key; unset: none. A server that is started asks for it then."
    )
    args: dict[str, Json] = Field(
        default_factory=dict,
        description="Any other argument of the server: `{max_model_len: 8192, enforce_eager: true}` of vLLM,"
        " `{ctx_size: 16384, jinja: true}` of llama.cpp. True is a bare flag, false its `--no-` form, a list several"
        " values, a mapping JSON.",
    )
    url: WebAddress | None = Field(None, description="Use the server that runs at this address; nothing is started.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on, on this machine only; 0: a free one.")
    env: dict[str, str | int | float] = Field(
        default_factory=dict,
        description="Environment variables of the server, added to those of this process, which it has too: a secret"
        " such as HF_TOKEN need not be listed here.",
    )
    ready_s: float = Field(600.0, gt=0, description="Seconds after which a server that does not answer has failed.")

    @field_validator("args")
    @classmethod
    def _check_args(cls, value: dict[str, Json]) -> dict[str, Json]:
        for name in value:
            if setting := cls.settings_of_arguments.get(name.replace("-", "_")):
                raise ValueError(f"`{name}` has a setting of its own: write `{setting}:` next to `args:`")
        return value

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        set_here = [name for name in type(self).model_fields if name in self.model_fields_set]
        if self.url and (needless := [name for name in set_here if name not in _WITH_URL]):
            raise ValueError(f"`{needless[0]}` starts a server, and `url` uses one that runs: leave one of them out")
        return self

    @property
    def server(self) -> ModelServer:
        """The server to start. Raises `ModelError` where it is plain that it cannot."""
        raise NotImplementedError

    def needed_server(self) -> ModelServer | None:
        return None if self.url else self.server

    async def start(self, name: str, servers: PartServers) -> Adapter:
        if not self.url:
            return self.openai_model(await servers.start(self.server, name))
        url = self.url.rstrip("/")
        return self.openai_model(url if url.endswith("/v1") else f"{url}/v1")

    def openai_model(self, address: str) -> OpenAIModel:
        """The model as it is asked, at the API's address."""
        shared = {name: getattr(self, name) for name in RequestSettings.model_fields}
        # Never OPENAI_API_KEY: this is another server.
        return OpenAIModel(
            **shared | {"base_url": address, "model": self.label, "api_key": self.api_key or PLACEHOLDER}
        )


_WITH_URL: Final = frozenset({*RequestSettings.model_fields, "model", "only_if", "served_name", "url"})
"""The settings that say nothing about a server to start."""


def arguments(settings: Mapping[str, Json]) -> Iterator[str]:
    """Settings as a command line of the server."""
    for name, value in settings.items():
        flag = name.replace("_", "-")
        if value is None:
            continue
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
            continue
        yield f"--{flag}"
        for item in value if isinstance(value, list) else [value]:
            yield item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
