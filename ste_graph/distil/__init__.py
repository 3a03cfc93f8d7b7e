"""Distilling: from trials to examples, as pure functions, and the records that come of it.

Public modules: `gates` and `grounding` (checks by rule), `filtering` (all of them), `votes` (the judge),
`answers` (those that stay), `clusters` and `split` (the two sides), `negatives` (requests for which no call is right),
`thresholds` and `recheck` (comparison with other examples), `normalisation` (texts as they are compared), and the
records `candidate`, `example` and `rejected`.
"""
