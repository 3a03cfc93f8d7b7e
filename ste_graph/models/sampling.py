"""What every request to an OpenAI-compatible server says, whoever started that server."""

from __future__ import annotations

from pydantic import Field

from ste_graph.contracts import Json
from ste_graph.models.adapter import Adapter
from ste_graph.settings import Secret


class Sampling(Adapter):
    """The settings of requests: how a reply is sampled, how long it is waited for, and what else is sent along."""

    api_key: Secret = Field("", repr=False, description="The key; unset: OPENAI_API_KEY, else a placeholder.")
    temperature: float | None = Field(None, ge=0, description="Sampling temperature; unset: the server's own.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus sampling; unset: the server's own.")
    max_tokens: int | None = Field(
        None,
        gt=0,
        description="Longest reply in tokens; unset: the server's own. OpenAI's own newer models"
        " know it only as `extra: {max_completion_tokens: N}`.",
    )
    timeout_s: float = Field(120.0, gt=0, description="Seconds after which one attempt at a reply has failed.")
    headers: dict[str, Secret] = Field(default_factory=dict, repr=False, description="Further HTTP headers.")
    extra: dict[str, Json] = Field(
        default_factory=dict, description="Further keys of the request body that the server knows, such as `top_k`."
    )
