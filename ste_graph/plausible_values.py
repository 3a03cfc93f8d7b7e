"""Plausible values for a JSON Schema."""

from __future__ import annotations

import math
import re
from random import Random
from typing import Any

from ste_graph.plausible_strings import ISO_DATE, WORDS, text_for

Schema = dict[str, Any]

_HINT = re.compile(
    r"(?:e\.g\.,?|for example,?|such as|like) +([\"'`“]?)([^,;\"'`”()]+?)\1(?=[,;\")'`”.]*(?:\s|$))", re.I
)
_OR = re.compile(r"(?<=[\"'`”]) or [\"'`“]([^\"'`”]+)[\"'`”]")


MOST_ITEMS = 20
DEEPEST = 6
"""Schemas may hold themselves; below this depth values stay empty."""


def resolve(schema: Any, root: Schema | None = None, depth: int = 0) -> Schema:
    """`schema` with its reference followed and its first alternative that is not null taken."""
    if not isinstance(schema, dict) or depth > DEEPEST:
        return {}
    if "$ref" in schema and root:
        target: Any = root
        for key in schema["$ref"].lstrip("#/").split("/"):
            target = target.get(key, {}) if isinstance(target, dict) else {}
        return resolve({**target, **{key: value for key, value in schema.items() if key != "$ref"}}, root, depth + 1)
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in schema.get(word) or ():
            if choice.get("type") != "null":
                return resolve(
                    {**choice, **{key: value for key, value in schema.items() if key != word}}, root, depth + 1
                )
    return schema


def json_type(schema: Schema) -> str:
    """The JSON type that a schema asks for; `string` where it does not say."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((choice for choice in kind if choice != "null"), "string")
    if kind is None and schema.get("enum"):
        kind = {bool: "boolean", int: "integer", float: "number"}.get(type(schema["enum"][0]))
    return kind or ("object" if "properties" in schema else "string")


def schema_examples(schema: Schema) -> list[Any]:
    """Values that the schema names: its examples, else those that its description quotes."""
    stated = schema.get("examples") or ([schema["example"]] if "example" in schema else [])
    if stated or json_type(schema) not in ("string", "integer", "number"):
        return list(stated)
    description = str(schema.get("description") or "")
    hints: list[Any] = [match[2].strip() for match in _HINT.finditer(description)] + _OR.findall(description)
    if json_type(schema) != "string":
        hints = [float(hint) if "." in hint else int(hint) for hint in hints if re.fullmatch(r"-?\d+(\.\d+)?", hint)]
    return hints


def plausible_value(schema: Any, random: Random, root: Schema | None = None, depth: int = 0) -> Any:
    """A value that the schema accepts, as far as the schema says what it accepts."""
    root = root if root is not None else schema
    schema = resolve(schema, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return random.choice(schema["enum"])
    examples = schema_examples(schema)
    match json_type(schema):
        case "integer" | "number" as kind:
            return _number(schema, kind, [value for value in examples if isinstance(value, (int, float))], random)
        case "boolean":
            return random.random() < 0.5
        case "null":
            return None
        case "array":
            if examples and random.random() < 0.5:
                return random.choice(examples)
            fewest = min(schema.get("minItems", 1), MOST_ITEMS)
            count = random.randint(fewest, max(fewest, min(schema.get("maxItems", 3), 3))) if depth < DEEPEST else 0
            return [plausible_value(schema.get("items"), random, root, depth + 1) for _ in range(count)]
        case "object":
            if examples and not schema.get("properties"):
                return random.choice(examples)
            wanted = schema.get("required")
            properties = (schema.get("properties") or {}) if depth < DEEPEST else {}
            return {
                name: plausible_value(of, random, root, depth + 1)
                for name, of in properties.items()
                if wanted is None or name in wanted or random.random() < 0.5
            }
    return text_for(schema, [value for value in examples if isinstance(value, str)], random)


def _number(schema: Schema, kind: str, examples: list[float], random: Random) -> float:
    if examples and random.random() < 0.4:
        return random.choice(examples)
    whole = kind == "integer"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None:
        low = min(1, high - 100) if high is not None else min([1, *examples])
    if high is None:
        high = max([low + 99, *(2 * value for value in examples)])
    if high - low > 20_000:  # people say small numbers more often
        size = 10 ** random.randint(1, max(1, math.floor(math.log10(max(abs(low), abs(high))))))
        low, high = max(low, -size if random.random() < 0.3 else 0), min(high, size)
    step = schema.get("multipleOf") or (1 if whole else 0.1)
    first = math.floor(low / step) + 1 if "exclusiveMinimum" in schema else math.ceil(low / step)
    last = math.ceil(high / step) - 1 if "exclusiveMaximum" in schema else math.floor(high / step)
    count = random.randint(first, max(first, last))
    return int(count * step) if whole else round(count * step, 6)


def unusual_value(value: Any, schema: Any, random: Random) -> Any:
    """A value like `value` that the schema, or its tool, may well refuse: people ask for such things."""
    schema = resolve(schema)
    if schema.get("enum") and isinstance(value, str):
        return random.choice(WORDS)
    match value:
        case bool() | list() | dict() | None:
            return value
        case int() | float():
            limit = schema.get("maximum", schema.get("minimum"))
            return value * -1 if limit is None else limit + (1 if "maximum" in schema else -1) * random.randint(1, 99)
    if ISO_DATE.fullmatch(value):
        return f"{value[:5]}02-{random.choice((30, 31))}"
    at = random.randrange(1, len(value)) if len(value) > 1 else 0
    return value[:at] + random.choice("xzq") + value[at:]
