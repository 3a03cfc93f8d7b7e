"""Distilling: from trials to examples, as pure functions, and the records that come of it.

Public modules: `gates` and `grounding` (checks by rule), `filtering` (all of them), `votes` (the judge),
`answers` (those that stay), `clusters` and `split` (the two sides), `negatives` (requests for which no call is right),
`thresholds` and `recheck` (comparison with other examples), and the records `candidate`, `example` and `rejected`.
`reading/` finds what a request mentions and where (`normalisation`: texts in the form in which they are compared).
`composed/` takes values apart that are made of several.
"""
