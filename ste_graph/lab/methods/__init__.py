"""The methods of a run in words and tables that a paper can use, made from what its lock file holds.

Public modules: `facts` (read from a lock file or a checked workflow), `settings` (the tables), `document` (the whole),
`markup` (Markdown or LaTeX). Inside, `prose` has the sentences.
"""
