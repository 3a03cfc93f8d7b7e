"""The forms of a reply, and reading them.

Public modules: `form` (the names of forms and parsers), `reader` (reads every form), `next_step` (what it finds: a
call, an answer, or neither), `offered` (the tools on offer, by name); `react`, `native`, `python_calls` and
`call_schema` (the forms of a call), `paper` (as the released code reads them); `json_object` (the first object in a
text), `request` (an imagined one), `yes_no` (a verdict).
"""
