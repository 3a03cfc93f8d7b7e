"""The tools of workflows, from four kinds of sources, behind one contract.

Public: `toolbox` (calls within a policy), `policy`, `choice` (which tools a source gives), `names`, `fingerprint`,
`decorator` (`@ste.tool`), and the sources in `python`, `mcp`, `openapi` and `toolbench`.
"""
