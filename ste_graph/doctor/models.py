"""The models to examine: those of a workflow, each server and model once, or a single one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from ste_graph.contracts import is_simulated
from ste_graph.doctor.diagnosis import Diagnosis
from ste_graph.doctor.examine import USUAL_PROMPT, examine
from ste_graph.doctor.paste import yaml_lines
from ste_graph.doctor.prompt_size import estimate_longest_prompt
from ste_graph.errors import RunError, SteError, WorkflowError
from ste_graph.language.workflow import Workflow
from ste_graph.models.adapter import Adapter
from ste_graph.models.findings import ServerFindings, keep_findings
from ste_graph.models.openai import OpenAIModel
from ste_graph.models.servers.servers import Servers
from ste_graph.redaction import Redactor
from ste_graph.run.models import describe_model_error, model_labels
from ste_graph.suggest import did_you_mean

SHORTEST: int = 1_000
"""Tokens of the long prompt at least: below, no server has ever cut one."""


@dataclass(frozen=True, slots=True)
class AskedModel:
    """One server and model, and the models of the workflow that it is."""

    adapter: Adapter
    names: tuple[str, ...] = ()
    workflow: Workflow | None = None

    async def examine(self, *, quick: bool, progress: Callable[[str], None]) -> tuple[Diagnosis, str]:
        """The findings, and the lines to paste; kept for runs. Raises `SteError` if the model cannot be asked."""
        longest = USUAL_PROMPT
        if self.workflow is not None:
            longest = max(SHORTEST, estimate_longest_prompt(self.workflow, self.names))
        redact = Redactor(self.workflow.secrets if self.workflow else ()).redact
        try:
            with TemporaryDirectory() as folder:
                async with Servers(Path(folder), progress) as servers, servers.part() as part:
                    adapter = await self.adapter.start(self.names[0] if self.names else "main", part)
                    length = None if quick else longest
                    diagnosis = await examine(adapter, names=self.names, longest=length, progress=progress)
        except SteError as error:
            words = redact(str(error))
            if self.workflow is not None:
                words = describe_model_error(self.workflow, self.names[0], type(error)(words))
            raise RunError(words) from error
        findings = ServerFindings(model=self.adapter.label, server=self.adapter.location, protocol=diagnosis.protocol)
        try:
            keep_findings(findings)
        except RunError as error:
            progress(str(error))
        return diagnosis, redact(yaml_lines(diagnosis, self.adapter, self.workflow))


def single_model(url: str | None, name: str | None) -> AskedModel:
    """The model of this name at an address. Raises `WorkflowError` where one of the two is missing or wrong."""
    if not url or not name:
        raise WorkflowError("`--url` and `--name` go together: the server's address, and the model's name there")
    try:
        return AskedModel(OpenAIModel(base_url=url, model=name))
    except ValidationError as error:
        raise WorkflowError(f"--url {url}: {error.errors()[0]['msg']}") from None


def list_models(workflow: Workflow, only: str | None = None) -> list[AskedModel]:
    """The models that the workflow asks, its sub-workflows included; those of one server and name are one.

    Raises `WorkflowError` if it has no model to examine, or none of the name `only`.
    """
    asked = _list_pairs(workflow)
    if only is not None:
        names = sorted({name for _, name in asked})
        if only not in names:
            hint = did_you_mean(only, names)
            raise WorkflowError(f"--model {only}: no such model is asked; {hint}models: {', '.join(names) or 'none'}")
        asked = [(owner, name) for owner, name in asked if name == only]
    real = [(owner, name) for owner, name in asked if not is_simulated(owner.models[name].label)]
    if not real:
        raise WorkflowError(
            f"{workflow.file}: asks no model that has a server: give another FILE, or --url URL --name MODEL"
        )
    found: dict[tuple[str, str], AskedModel] = {}
    for owner, name in real:
        adapter = owner.models[name]
        key = (adapter.label, adapter.location)
        known = found.get(key)
        if known is None:
            found[key] = AskedModel(adapter, (name,), owner)
        elif known.workflow is owner and name not in known.names:
            found[key] = AskedModel(known.adapter, (*known.names, name), owner)
    return list(found.values())


def _list_pairs(workflow: Workflow) -> list[tuple[Workflow, str]]:
    own = [(workflow, name) for name in model_labels(workflow)]
    return own + [pair for sub in workflow.sub_workflows.values() for pair in _list_pairs(sub.workflow)]
