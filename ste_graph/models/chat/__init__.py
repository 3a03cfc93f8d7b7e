"""The chat protocol of OpenAI as servers really speak it.

Public modules: `chat_body` (a request), `completion` and `json_reply` (what comes back), `problem` and
`request_errors` (what went wrong), `learning` and `adaptation` (what a server refuses, and what it is sent instead),
`prompt_length` (prompts that a server cuts).
"""
