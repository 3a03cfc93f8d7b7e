"""The lines of a workflow that fit what was found out about a model of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from ste_graph.contracts import Json
from ste_graph.doctor.diagnosis import Diagnosis
from ste_graph.language.sections.entries import find_marker
from ste_graph.language.workflow import Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.settings import AddressMarker, SecretMarker

MARGIN: Final = 0.75
"""The share of the context that a transcript may fill: prompts and replies need the rest."""


def yaml_lines(diagnosis: Diagnosis, adapter: Adapter, workflow: Workflow | None = None) -> str:
    """The model's entry; as a variant, the protocol of the nodes that call and the bounds of transcripts; then remarks.

    Without a workflow, the entry is called `main` and the node `call`.
    """
    names = diagnosis.names or ("main",)
    models = _models(diagnosis, adapter, names, workflow)
    changes = _protocols(diagnosis, workflow, names) | _transcripts(diagnosis, adapter, workflow)
    lines = _section("models", models)
    if changes:
        lines += _section("variants", {VARIANT: changes})
    return "\n".join([*lines, *(f"# {remark}" for remark in _remarks(diagnosis, changes))])


def _models(
    diagnosis: Diagnosis, adapter: Adapter, names: Sequence[str], workflow: Workflow | None
) -> dict[str, dict[str, Json]]:
    """The entry of each model: in full the one that represents the server, and the differences of the others."""
    adapters = workflow.models if workflow else {names[0]: adapter}
    main = adapters.get("main")
    is_same = main is not None and (main.label, main.location) == (adapter.label, adapter.location)
    first = "main" if is_same else names[0]
    settings = {name: _settings(diagnosis, adapters[name], workflow, name) for name in (first, *names)}
    entries = {first: {"use": _kind(workflow, first), **settings[first]}}
    for name in names:
        keys = dict.fromkeys((*settings[name], *settings[first]))
        differing = {
            key: settings[name].get(key) for key in keys if settings[name].get(key) != settings[first].get(key)
        }
        entries.setdefault(name, {"like": first, **differing})
    return entries


def _kind(workflow: Workflow | None, name: str) -> Json:
    if workflow is None:
        return "openai"
    entry = workflow.lock["workflow"].get("models", {}).get(name, {})
    return entry.get("use", "openai")


def _settings(diagnosis: Diagnosis, adapter: Adapter, workflow: Workflow | None, name: str) -> dict[str, Json]:
    """The settings that differ from the defaults; secrets and addresses by the variable that has them."""
    variables: Mapping[str, str] = workflow.variables.get(name, {}) if workflow else {}
    settings: dict[str, Json] = {}
    for key, value in adapter.model_dump(mode="json", exclude_defaults=True).items():
        marker = find_marker(type(adapter).model_fields[key])
        if key == "headers":
            settings[key] = {name: {"env": re.sub(r"\W+", "_", name).upper()} for name in value}
        elif isinstance(marker, SecretMarker):
            settings[key] = {"env": variables.get(key, "OPENAI_API_KEY")}
        else:
            shown = adapter.location if isinstance(marker, AddressMarker) else value
            settings[key] = {"env": variables[key], "default": shown} if key in variables else shown
    if settings.get("max_tokens"):
        settings["max_tokens"] += diagnosis.thinking_tokens
    return settings if diagnosis.timeout_s is None else {**settings, "timeout_s": diagnosis.timeout_s}


def _protocols(diagnosis: Diagnosis, workflow: Workflow | None, names: Sequence[str]) -> dict[str, Json]:
    """The protocol of each node that asks these models for calls in another form than the one that works best."""
    if workflow is None:
        return {"nodes.call.protocol": diagnosis.protocol}
    fields = {node: spec.cls.model_fields.get("protocol") for node, spec in workflow.nodes.items()}
    return {
        f"nodes.{node}.protocol": diagnosis.protocol
        for node, spec in workflow.nodes.items()
        if (field := fields[node]) is not None
        and any(model in names for model in spec.models.values())
        and spec.settings.get("protocol", field.default) not in (diagnosis.protocol, "auto")
    }


def _transcripts(diagnosis: Diagnosis, adapter: Adapter, workflow: Workflow | None) -> dict[str, Json]:
    """The bound of each transcript of the nodes that ask these models, where the context is too small."""
    if diagnosis.context is None or workflow is None:
        return {}
    reply: Any = getattr(adapter, "max_tokens", None) or 0
    bound = max(1, int((diagnosis.context - reply) * MARGIN) // 100 * 100)
    asked = [spec for spec in workflow.nodes.values() if any(name in diagnosis.names for name in spec.models.values())]
    return {f"memory.{spec.transcript}.max_tokens": bound for spec in asked if spec.transcript in workflow.memories}


def _remarks(diagnosis: Diagnosis, changes: Mapping[str, Json]) -> list[str]:
    """The ways to apply the lines, the requests that are made to fit anyway, and the settings to make elsewhere."""
    remarks = []
    if changes:
        settings = " ".join(f"--set {path}={value}" for path, value in changes.items())
        remarks.append(f"ste run … --variant {VARIANT}, or for one run: {settings}")
    remarks += [
        f"{finding.subject}: {finding.note}"
        for finding in diagnosis.findings
        if finding.outcome == "adapted" and finding.subject in _BY_ITSELF
    ]
    if diagnosis.context is not None:
        remarks.append(
            f"the server reads {diagnosis.context:,} tokens; more by OLLAMA_CONTEXT_LENGTH (Ollama), -c (llama.cpp),"
            " --max-model-len (vLLM), or where the model is loaded (LM Studio)"
        )
    remarks.append(f"nodes with `protocol: auto` begin with `{diagnosis.protocol}` here from now on")
    if diagnosis.at_once is not None:
        remarks.append(f"requests at once: ste run … --concurrency {diagnosis.at_once}")
    return remarks


def _section(name: str, entries: Mapping[str, Json]) -> list[str]:
    """A section, with each entry on one line."""
    flows = {
        key: yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6).strip()
        for key, entry in entries.items()
    }
    return [f"{name}:", *(f"  {key}: {flow}" for key, flow in flows.items())]


VARIANT: Final = "this-server"
_BY_ITSELF: Final = (
    "seed", "temperature", "stop", "max_tokens", "structured output", "tool call", "tool schemas", "order of roles"
)  # fmt: skip
"""The subjects that a run sees to by itself."""
