"""Authentication at a service: the settings in YAML, and the headers that they make."""

from __future__ import annotations

import base64
from typing import Annotated, Literal, Self

from pydantic import Field, WithJsonSchema, model_validator

from ste_graph.contracts import Frozen, Json
from ste_graph.settings import SecretMarker


def _secret(description: str) -> dict[str, Json]:
    """The JSON Schema of a text that may be `{env: NAME}`."""
    variable = {"type": "string", "description": "The environment variable that has the value."}
    return {"description": description, "anyOf": [{"type": "string"}, object_schema(env=variable)]}


def object_schema(**fields: Json) -> dict[str, Json]:
    """The JSON Schema of a mapping with these fields, all required."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


class APIKey(Frozen):
    """A key that goes along under a name."""

    name: str
    """The name of the header, the parameter or the cookie."""
    where: Literal["header", "query", "cookie"] = Field(alias="in")
    """The part of a request that carries the key."""
    value: str = Field(repr=False)
    """The key."""


class BasicAuth(Frozen):
    """A user's name and password (RFC 7617)."""

    user: str = Field(repr=False)
    """The user's name."""
    password: str = Field(repr=False)
    """The password."""


class Auth(Frozen):
    """One of `bearer`, `api_key` and `basic`."""

    bearer: str | None = Field(default=None, repr=False)
    """A token that goes along as `Authorization: Bearer …`."""
    api_key: APIKey | None = Field(default=None, repr=False)
    """A key that goes along in a header, in the query or in a cookie."""
    basic: BasicAuth | None = Field(default=None, repr=False)
    """A user's name and password."""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if [self.bearer, self.api_key, self.basic].count(None) != 2:
            raise ValueError("expected one of `api_key`, `basic` and `bearer`")
        return self

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        if self.bearer is not None:
            return {"Authorization": f"Bearer {self.bearer}"}
        if self.basic is not None:
            return {"Authorization": f"Basic {self._pair(self.basic)}"}
        if self.api_key is not None and self.api_key.where == "header":
            return {self.api_key.name: self.api_key.value}
        return {}

    @property
    def secrets(self) -> list[str]:
        """The texts that must not be shown."""
        if self.basic is not None:
            return [self.basic.user, self.basic.password, self._pair(self.basic)]
        return [self.api_key.value if self.api_key is not None else str(self.bearer)]

    @staticmethod
    def _pair(basic: BasicAuth) -> str:
        return base64.b64encode(f"{basic.user}:{basic.password}".encode()).decode()


SecretAuth = Annotated[
    Auth | None,
    SecretMarker(),
    WithJsonSchema(  # in full: inside the schema of a whole workflow, `$defs` of its own would not be found
        {
            "anyOf": [
                object_schema(bearer=_secret("A token that goes along as `Authorization: Bearer …`.")),
                object_schema(
                    api_key=object_schema(
                        name={"type": "string", "description": "The name of the header, the parameter or the cookie."},
                        **{"in": {"enum": ["cookie", "header", "query"], "description": "The part of the request."}},
                        value=_secret("The key."),
                    )
                    | {"description": "A key that goes along in a header, in the query or in a cookie."}
                ),
                object_schema(
                    basic=object_schema(user=_secret("The user's name."), password=_secret("The password."))
                    | {"description": "A user's name and password."}
                ),
            ]
        }
    ),
]
"""`auth:` in YAML; each secret in it may be `{env: NAME}`."""
