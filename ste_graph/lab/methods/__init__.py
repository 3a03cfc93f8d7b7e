"""The methods of a run in words and tables that a paper can use, made from what its lock file holds.

`facts` reads the lock file of a run, or a checked workflow; `prose` says it in sentences, and `settings` in tables;
`document` joins them; `markup` writes them as Markdown or LaTeX.
"""
