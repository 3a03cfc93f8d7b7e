"""A server that writes lines as they stand in a script, and keeps those that it gets: `verbatim.py SCRIPT [KEPT]`.

The script is JSON: a method, or the name of a tool that is called, has the lines that answer it, in which `ID` stands
for the id of the request. `Handler` serves the same over HTTP, with `script`, `kept` and `kind` of its server.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

HELLO = (
    '{"jsonrpc":"2.0","id":ID,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},'
    '"serverInfo":{"name":"verbatim","version":"1"}}}'
)


def answers(script, line):
    """The lines that answer a line."""
    message = json.loads(line)
    method = message.get("method", "")
    name = (message.get("params") or {}).get("name") if method == "tools/call" else method
    lines = script.get(name, [HELLO] if method == "initialize" else [])
    return [answer.replace("ID", json.dumps(message.get("id"))) for answer in lines]


class Handler(BaseHTTPRequestHandler):
    """Streamable HTTP."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        line = self.rfile.read(int(self.headers["content-length"])).decode("utf-8", "surrogateescape")
        self.server.kept.append((line, {name.lower(): value for name, value in self.headers.items()}))
        lines = answers(self.server.script, line)
        if not lines:
            return self.reply(202, "text/plain", "")
        if self.server.kind == "json":
            return self.reply(200, "application/json", lines[-1])
        events = ("\n".join(f"data: {part}" for part in line.split("\n")) for line in lines)
        return self.reply(200, "text/event-stream", "".join(f"event: message\n{event}\n\n" for event in events))

    def do_GET(self):
        self.reply(405, "text/plain", "")

    def do_DELETE(self):
        self.reply(200, "text/plain", "")

    def reply(self, status, kind, text):
        data = text.encode("utf-8", "surrogateescape")
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("mcp-session-id", "session-7")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    known = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for got in sys.stdin.buffer:
        if sys.argv[2:]:
            with open(sys.argv[2], "ab") as file:
                file.write(got)
        for answer in answers(known, got):
            sys.stdout.buffer.write(answer.encode("utf-8", "surrogateescape") + b"\n")
        sys.stdout.buffer.flush()
