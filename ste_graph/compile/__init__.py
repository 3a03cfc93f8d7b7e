"""From a checked workflow to a graph that runs one unit.

Public modules:

* `flow`: the vertices of the graph, made from the tree of blocks; `channels`: the state of a unit
* `graph`: the graph in LangGraph, which the rest of this package does not need; `walk`: the graph without it
* `stepper`: the contract of the object that runs the graph; `transfer`: from a finished step to the next vertex
* `lookup`: the values of names; `joins`: entries of `{each: …}`; `waves`: passes that run side by side
* `edges`, `mermaid`, `picture`: the drawn graph; `cost`: the most that a unit may cost
"""
