"""Composed values of a call (a query, a path, a sum, a span of time), taken apart and held against a request.

Public modules: `composed` (the check), `composition` (the parts of a value), `grounds` (the texts that may state them).
"""
