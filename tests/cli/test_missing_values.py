from pathlib import Path

TOOLS = '''
import ste_graph as ste

@ste.tool(effect="read")
def list_orders(page: int) -> str:
    """List the orders, with their ids."""
    return '[{"id": "A-1001"}, {"id": "A-1002"}]'

@ste.tool(effect="read")
def ship_date(id: str) -> str:
    """Give the day on which an order is shipped."""
    if id not in {"A-1001", "A-1002"}:
        raise ValueError(f"no order {id}")
    return "2026-03-04"

@ste.tool(effect="read")
def due_date(id: str) -> str:
    """Give the day on which a bill is due."""
    raise ValueError(f"no bill {id}")
'''


def test_a_tool_that_failed_for_want_of_an_id_is_named_with_the_reason(ste, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ids.py").write_text(TOOLS, "utf-8")
    tools = "tools=[{use: python, module: ids.py}]"
    ran = ste("run", "quickstart", "--set", tools, "--set", "params.episodes=2", "--out", "run", "--quiet")
    said = (
        "\n\nno call succeeded, and no value that exists was known:\n"
        "  due_date.id: known are those of order, and nothing says that it is one\n"
        "  say in a parameter's name or description whose it is (`order_id`), or give values (`given:` of the memory)\n"
    )
    assert ran.code == 0
    assert said in ran.out
    assert said in ste("show", "run").out
    assert "ship_date" not in said
