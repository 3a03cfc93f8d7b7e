"""From a checked workflow to a graph that runs one unit. `graph` needs LangGraph, the rest of this package does not."""
