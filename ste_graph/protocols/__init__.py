"""The forms of a reply, and reading them.

Public: `react` and `native` (a call or an answer), `json_object` (the first object in a text), `request` (an imagined
request) and `yes_no` (a verdict).
"""
