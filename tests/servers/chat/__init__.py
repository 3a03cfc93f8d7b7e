"""A chat server on the loopback that behaves as real ones do, well or badly.

`server` speaks HTTP, `model` is who answers behind it, and each other module has behaviours of one kind, which
`ChatServer` puts around the model: the first named is the outermost.

    with ChatServer(refuse("seed", style="gemini"), leak_calls("xml")) as server:
        OpenAIModel(base_url=server.url, model=server.model)
"""

from tests.servers.chat.server import Answer, Behaviour, ChatServer, Proceed, Request

__all__ = ["Answer", "Behaviour", "ChatServer", "Proceed", "Request"]
