"""The names of spans and attributes: OpenTelemetry's semantic conventions for generative AI, pinned, and our own.

Version 1.41.0 is the last that defines them in one registry with everything else. The conventions of their own that
followed (https://github.com/open-telemetry/semantic-conventions-genai, 0.1.0) rename `gen_ai.workflow.name`; a change
of version is a change of this file alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

VERSION: Final = "1.41.0"
SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{VERSION}"
SCOPE: Final = "ste-graph"

OPERATION: Final = "gen_ai.operation.name"
INVOKE_WORKFLOW: Final = "invoke_workflow"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"

PROVIDER: Final = "gen_ai.provider.name"
WORKFLOW: Final = "gen_ai.workflow.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
TEMPERATURE: Final = "gen_ai.request.temperature"
MAX_TOKENS: Final = "gen_ai.request.max_tokens"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
TOOL: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
ERROR_TYPE: Final = "error.type"
EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"

# Message content: only where CAPTURE asks for it.
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_RESULT: Final = "gen_ai.tool.call.result"

CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""The variable that asks for message content: `true`, or in the newer words `SPAN_ONLY` or `SPAN_AND_EVENT`."""
_CAPTURING: Final = frozenset({"true", "1", "span_only", "span_and_event"})

PROVIDERS: Final[Mapping[str, str]] = {"openai": "openai"}
"""The conventions' name of a model's provider, by `use` in the workflow; others keep their own name."""


def captures_content(environment: Mapping[str, str]) -> bool:
    """True if message content may be exported."""
    return environment.get(CAPTURE, "").strip().lower() in _CAPTURING
