"""The laboratory: what a change of a workflow did, by runs that are compared pair by pair.

Public modules: `pairs` (units and trials of two runs), `arms`, `reuse` and `ablation` (composed, planned and run),
`measures`, `effects`, `conduct` and `result` (compared), `ablation_text`, and `expected` (what exploring is likely to
cost); `diff`, `proofs` and `methods`.
"""
