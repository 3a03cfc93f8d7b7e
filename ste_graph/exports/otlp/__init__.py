"""The trace of a run as OpenTelemetry spans, made from its files alone: live, or afterwards.

Public modules: `export` (to a collector or as OTLP/JSON), `live` (while a run goes on), `collector` (its address).
Inside, `trace` makes spans from files.
"""
