import pytest

from ste_graph.errors import WorkflowError
from ste_graph.memory.experience.list_memory import ListMemory


async def test_a_list_recalls_every_entry_of_its_scope_in_order_and_each_once(entry, tmp_path) -> None:
    store = ListMemory().open("kept", tmp_path / "memory")
    for text in ("b", "a", "b"):
        store.add(entry(text))
    store.add(entry("c", unit="elsewhere"))
    assert [item["query"] for item in await store.recall(("weather",), like=None, seed=0)] == ["b", "a"]
    assert [item.text for item in await store.entries(("weather",))] == ["b", "a"]
    await store.close()
    assert not (tmp_path / "memory").exists()


async def test_a_list_finds_nothing_by_meaning_and_says_what_does(tmp_path) -> None:
    store = ListMemory().open("kept", tmp_path)
    with pytest.raises(WorkflowError, match="memory `kept`: `use: list` has no search by meaning; set `use: chroma`"):
        await store.nearest((), "text", 1)
