"""All that is tried on one model, in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from ste_graph.doctor.asking import Examiner, SilentModelError
from ste_graph.doctor.calling import try_roles, try_structure, try_tool_call
from ste_graph.doctor.context import try_context
from ste_graph.doctor.diagnosis import Diagnosis, ServerFinding
from ste_graph.doctor.load import try_load
from ste_graph.doctor.sampling import try_sampling
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter
from ste_graph.models.chat.request_errors import describe_remedy

REST: Final = 10
"""So many times as long as one short reply takes what is asked after the first."""
LONG_S: Final = 15.0
USUAL_PROMPT: Final = 4_000
"""Tokens of the long prompt where no workflow says how long its own are."""


async def examine(
    adapter: Adapter,
    *,
    names: Sequence[str] = (),
    longest: int | None = USUAL_PROMPT,
    progress: Callable[[str], None] = lambda text: None,
    wait_s: float = 1.0,
) -> Diagnosis:
    """Find out what a model's server can do.

    Args:
        adapter: The model, whose server is up.
        names: What the workflow calls it.
        longest: Tokens of the long prompt; None leaves it out.
        progress: Is told what comes next where that takes long.
        wait_s: Seconds before a request that failed is made again; more each time.

    Raises `ModelError` in one sentence where the model cannot be asked at all.
    """
    started = time.monotonic()
    diagnosis = Diagnosis(tuple(names), adapter.label, adapter.location)
    doubt = await adapter.probe()
    facts = await adapter.read_facts()
    async with Examiner(adapter, wait_s=wait_s) as examiner:
        try:
            single_s = await try_sampling(examiner, diagnosis)
        except SilentModelError:
            raise
        except ModelError as error:
            remedy = describe_remedy(error.__cause__) if error.__cause__ else ""
            raise ModelError("; ".join(filter(None, (f"the model cannot be asked: {error}", remedy, doubt)))) from error
        if (left := REST * single_s) > LONG_S:
            progress(f"a slow server: some {left:.0f} s more")
        known = [f"{facts.context:,} tokens of context"] if facts.context else []
        known += [f"{facts.slots} slots"] if facts.slots else []
        reported = f"; the server reports {' and '.join(known)}" if known else ""
        note = f"answers, though the server does not list it{reported}" if doubt else f"answers{reported}"
        diagnosis.findings.insert(0, ServerFinding("server", "yes", note))
        await try_structure(examiner, diagnosis)
        await try_tool_call(examiner, diagnosis)
        await try_roles(examiner, diagnosis)
        await try_load(examiner, diagnosis, single_s)
        if longest is not None:
            await try_context(examiner, diagnosis, longest, facts.context, progress)
        diagnosis.adaptation, diagnosis.thinking_tokens = examiner.adaptation, examiner.room
    diagnosis.seconds = time.monotonic() - started
    return diagnosis
