"""The wordings of refusals in kinds of projects: each style is a way to say that a part of a request cannot be had.

The forms are those of the projects; the sentences are ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.servers.chat.server import Answer


def _openai(name: str, problem: str) -> Answer:
    error = {"message": problem, "type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
    return Answer(400, {"error": error})


def _vllm(name: str, problem: str) -> Answer:
    return Answer(400, {"object": "error", "message": problem, "type": "BadRequestError", "param": None, "code": 400})


def _vllm_repr(name: str, problem: str) -> Answer:
    found = [{"type": "extra_forbidden", "loc": ("body", name), "msg": "There is no such input", "input": 1}]
    return Answer(400, {"error": {"message": str(found), "type": "Bad Request", "param": None, "code": 400}})


def _pydantic(name: str, problem: str) -> Answer:
    found = {"type": "extra_forbidden", "loc": ["body", name], "msg": "There is no such input", "input": 1}
    return Answer(422, {"detail": [found]})


def _mistral(name: str, problem: str) -> Answer:
    found = {"type": "extra_forbidden", "loc": ["body", name], "msg": "There is no such input", "input": 1}
    message = {"detail": [found]}
    return Answer(422, {"object": "error", "message": message, "type": "invalid_request_error", "code": None})


def _gemini(name: str, problem: str) -> Answer:
    message = f'The JSON payload cannot be read. Name "{name}" is unknown: no field is called so.'
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": message}]}]
    error = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": details}
    return Answer(400, [{"error": error}])


def _llama(name: str, problem: str) -> Answer:
    return Answer(400, {"error": {"code": 400, "message": f"Param not supported: {name}", "type": "invalid_request"}})


def _go(name: str, problem: str) -> Answer:
    return Answer(400, {"error": f'json: the struct has no field "{name}"'})


def _proxy(name: str, problem: str) -> Answer:
    message = f"proxy.UnsupportedParams: the provider behind this route takes none of ['{name}']; drop them to go on"
    return Answer(400, {"error": {"message": message, "type": "None", "param": "None", "code": "400"}})


def _anthropic(name: str, problem: str) -> Answer:
    error = {"type": "invalid_request_error", "message": f"{name}: no further inputs are permitted"}
    return Answer(400, {"type": "error", "error": error})


def _bedrock(name: str, problem: str) -> Answer:
    return Answer(400, {"message": f"Input malformed: #: key [{name}] is extraneous, write the request anew"})


def _tgi(name: str, problem: str) -> Answer:
    return Answer(422, {"error": f"input did not validate: `{name}` is no option of this model", "error_type": "valid"})


def _nested(name: str, problem: str) -> Answer:
    inner = json.dumps({"code": "bad_param", "message": problem})
    return Answer(400, {"error": {"message": f"upstream answered 400: {inner}", "type": "upstream_error"}})


def _plain(name: str, problem: str) -> Answer:
    return Answer(400, f"bad request: {problem}\n")


def _mute(name: str, problem: str) -> Answer:
    return Answer(400, {"error": {"message": "The request is not valid.", "type": "invalid_request_error"}})


STYLES: Final[Mapping[str, Callable[[str, str], Answer]]] = {
    "openai": _openai,
    "vllm": _vllm,
    "vllm_repr": _vllm_repr,
    "pydantic": _pydantic,
    "mistral": _mistral,
    "gemini": _gemini,
    "llama": _llama,
    "go": _go,
    "proxy": _proxy,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
    "tgi": _tgi,
    "nested": _nested,
    "plain": _plain,
    "mute": _mute,
}
"""By name: from the name of what is refused, and a sentence about it, to the answer. `mute` does not say what it is."""


def fail(message: str, status: int = 500, **more: Any) -> Answer:
    """An error in the commonest form."""
    return Answer(status, {"error": {"message": message, "type": "server_error", "code": status, **more}})
