"""Scoring: whether a reply is the call that was asked for, and what that says of a model.

Public modules, from a reply to a decision:

* `case`: requests with their gold calls; `predictions`: files of replies; `problems`: what is wrong with a file
* `reply`: a reply of a test, as the journal keeps it; `reading`: a reply as a step; `validation`: replies for a search
* `rules`, `label`: right or wrong; `restraint`: no call where none is right; `verdict`: questions for a judge
* `proportion`, `score_sheet`: figures; `cost`, `arm_cost`: tokens, seconds and money; `tables`: text
* `arms`: the replies of each arm; `difference`: the gain of one; `candidate`: those that may be adopted
* `evaluation`: the record of it all; `subject`, `adoption`: what may be used

`bfcl` and `paper` are for the leaderboard's questions and the paper's tables. Inside, `decision` says whether
to adopt.
"""
