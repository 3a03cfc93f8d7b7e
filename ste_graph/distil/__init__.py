"""Distilling: from trials to examples, as pure functions, and the records that come of it.

Public modules:

* `facts`: what the record of a trial shows; `run_facts`: the facts of a whole run; `leaves`: the values in a call
* `requests`: requests that are worth trying; `repairs`: repaired calls that are lessons
* `gates`, `grounding`: checks by rule; `filtering`: all of them; `votes`: the judge
* `answers`: those that stay; `clusters`, `split`: the two sides; `negatives`: requests for which no call is right
* `recheck`, `thresholds`: comparison with other examples
* `candidate`, `example`, `rejected`: the records
* `reading/`: what a request mentions, and where

`composed/` takes values apart that are made of several.
"""
