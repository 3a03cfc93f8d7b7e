"""Questions, answers and replies of the Berkeley Function-Calling Leaderboard (BFCL v4).

Public modules: `questions` (reading their files), `labels` (scoring replies), `calls` (the calls in a reply),
`admissible` and `literal` (the calls that an answer admits), `environment` and `environment_process` (running calls
of several turns), `lines` (the files' shapes).
"""
