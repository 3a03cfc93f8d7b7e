"""The laboratory: what a change of a workflow did, by runs that are compared pair by pair.

Public modules: `arms` and `ablation` (composed, planned and run), `conduct` and `result` (compared), `ablation_text`;
`expected` and `estimate` (what a run is likely to cost); `diff`, `proofs` and `methods`. Inside, `pairs` has units and
trials of two runs, `reuse` earlier runs of an arm, `measures` and `effects` the figures.
"""
