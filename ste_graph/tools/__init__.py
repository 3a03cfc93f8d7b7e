"""The tools of workflows, from four kinds of sources, behind one contract.

Public modules:

* `python`, `mcp`, `openapi`, `toolbench`: the sources; `decorator`: `@ste.tool`
* `toolbox`: calls within a policy; `policy`: which calls are made; `asking`: a person decides
* `limits`, `rate`, `outages`: time, size and number of calls, and sources that no longer answer
* `arguments`: their check; `explanation`: its faults in words; `text`: values as a model reads them
* `names`, `verbs`, `fingerprint`: names, what they say, and whether a definition has changed
* `forwarded`: tools that wrap another one; `threads`: blocking functions

Inside, `choice` has the settings of every source, and `failures` reads answers that report a failure.
"""
