"""Scoring: whether a reply is the call that was asked for, and what that says of a model.

Public modules, from a reply to a decision: `case` (requests with their gold calls), `reading` (a reply as a step),
`rules` and `label` (right or wrong), `reply` (a reply of a test, as the journal keeps it), `verdict` (questions for a
judge), `proportion` and `score_sheet` (figures), `arms` (the replies of each arm), `difference` and `decision`,
`evaluation` (the record of it all), `tables` (text), `subject` and `adoption` (what may be used). `predictions` reads
files of replies; `problems` lists what is wrong with a file. The folders `bfcl` and `paper` are for the leaderboard's
questions and the paper's tables.
"""
