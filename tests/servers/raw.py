"""A server whose answers are written as they stand in a script, however broken: `raw.py SCRIPT`, on stdin and stdout.

The script is JSON: `listing` has the results of `tools/list`, one per page, the last one again and again; `answers` has
a line per tool, in which `ID` stands for the id of the request. `Handler` serves the same over HTTP.
"""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class Server:
    """The answers to one client after another."""

    def __init__(self, script):
        self.script = script
        self.pages = 0

    def answer(self, message):
        """The lines that answer a message; none for a notification."""
        if "id" not in message:
            return []
        number = json.dumps(message["id"])
        match message["method"]:
            case "initialize":
                version = message["params"]["protocolVersion"]
                about = {"serverInfo": {"name": "raw", "version": "1"}, "capabilities": {"tools": {}}}
                return [self.result(number, {"protocolVersion": version, **about})]
            case "tools/list":
                pages = self.script["listing"]
                page = pages[min(self.pages, len(pages) - 1)]
                self.pages += 1
                return [self.result(number, page)]
            case "tools/call":
                return self.script["answers"][message["params"]["name"]].replace("ID", number).split("\n")
            case _:
                error = {"code": -32601, "message": "no such method"}
                return [json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": error})]

    def result(self, number, result):
        """An answer with a result."""
        return f'{{"jsonrpc": "2.0", "id": {number}, "result": {json.dumps(result)}}}'


class Handler(BaseHTTPRequestHandler):
    """Streamable HTTP, with `raw` and `kind` (`json`, `events` or `sse_only`) of the server that it belongs to."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.kind == "sse_only":
            return self.reply(404, "text/plain", "Not Found")
        lines = self.server.raw.answer(message)
        if not lines:
            return self.reply(202, "application/json", "")
        if self.server.kind == "json":
            return self.reply(200, "application/json", "\n".join(lines))
        return self.reply(200, "text/event-stream", "".join(f"event: message\ndata: {line}\n\n" for line in lines))

    def do_GET(self):
        if self.server.kind == "sse_only":
            return self.reply(200, "text/event-stream", "event: endpoint\ndata: /messages?session=1\n\n")
        return self.reply(405, "text/plain", "no")

    def do_DELETE(self):
        self.reply(405, "text/plain", "no")

    def reply(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        if self.server.kind == "json" and data:  # as most servers do
            data = gzip.compress(data)
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    raw = Server(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    for line in sys.stdin:
        for answer in raw.answer(json.loads(line)):
            print(answer, flush=True)
