"""Questions, answers and replies of the Berkeley Function-Calling Leaderboard (BFCL v4).

Public modules: `questions` (reading their files), `labels` (scoring replies). Inside, `calls` reads the calls in a
reply, `admissible` and `literal` those that an answer admits, `lines` the files' shapes; `environment` and
`environment_process` run calls of several turns.
"""
