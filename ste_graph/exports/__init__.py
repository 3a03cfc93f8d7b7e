"""Runs in the formats of other programs: readers of a run's files, never a part of the run.

Public modules: `inspect_log.export`, `otlp.export`, `otlp.live`, `otlp.collector`. Inside, `parts` reads what
both formats show.
"""
