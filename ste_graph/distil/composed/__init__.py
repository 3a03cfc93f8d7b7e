"""Composed values of a call (a query, a path, a sum, a span of time), taken apart and held against a request."""
