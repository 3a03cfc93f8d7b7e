"""The operations of HTTP APIs that OpenAPI or Swagger describes, as tools: `use: openapi`."""

from ste_graph.tools.openapi.source import OpenAPITools

__all__ = ["OpenAPITools"]
