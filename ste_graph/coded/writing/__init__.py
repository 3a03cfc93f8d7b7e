"""From a checked workflow to the text of a Python module that builds the same graph.

Public modules: `module` (`write_module`).
"""
