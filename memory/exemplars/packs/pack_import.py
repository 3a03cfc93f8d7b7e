"""The exemplars of a pack, read without what searches them: whoever wants their values alone starts sooner."""

from __future__ import annotations

from ste_graph.errors import WorkflowError
from ste_graph.memory.exemplars.backends.log import read_jsonl
from ste_graph.memory.exemplars.exemplar import Exemplar
from ste_graph.packs.manifest import REMAKE
from ste_graph.packs.pack import Pack


def read_pack_exemplars(pack: Pack) -> list[Exemplar]:
    """The exemplars of a pack. Raises `WorkflowError` if one of them is damaged."""
    exemplars, damaged = read_jsonl(pack.exemplars_file)
    if damaged:
        raise WorkflowError(f"{damaged[0]}; {REMAKE} {pack.path}")
    return exemplars
