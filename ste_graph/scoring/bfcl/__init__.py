"""Questions, answers and replies of the Berkeley Function-Calling Leaderboard (BFCL v4).

Public modules: `questions` (reading and scoring), `calls` (the calls in a reply), `admissible` (the calls that an
answer admits), `lines` (the files' shapes).
"""
