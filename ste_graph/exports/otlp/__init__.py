"""The trace of a run as OpenTelemetry spans, made from its files alone: live, or afterwards.

Public modules: `trace` (from files to spans), `export` (to a collector or as OTLP/JSON), `live` (while a run goes on).
"""
