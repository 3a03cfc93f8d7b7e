"""A program in the place of vLLM's server, run as a file: it takes the same arguments, and its engine ends late."""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ENGINE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"


def argument(name: str, default: str = "") -> str:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.answer({"object": "list", "data": [{"id": argument("--served-model-name"), "object": "model"}]})
        elif argument("--mode") == "never-ready":
            self.send_error(503)
        else:
            self.answer({})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "Thought: enough\nFinal Answer: Yes"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self.answer({"id": "1", "object": "chat.completion", "created": 0, "model": "x", "choices": [choice]})

    def answer(self, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def ending(*_: object) -> None:
    print("INFO: that was all", flush=True)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    print("(EngineCore pid=1) INFO 11-20 11:41:51 [runner.py:68] Starting to load model x...", flush=True)
    if "--die" in sys.argv:
        print(f"(EngineCore pid=1) ERROR 11-20 11:43:08 [core.py:1510] {argument('--die')}", file=sys.stderr)
        print("RuntimeError: Engine core initialization failed. See root cause above.", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL) if argument("--mode") == "killed" else sys.exit(3)
    engine = subprocess.Popen([sys.executable, "-c", ENGINE])
    if argument("--pids"):
        Path(argument("--pids")).write_text(f"{os.getppid()} {os.getpid()} {engine.pid}", encoding="utf-8")
    signal.signal(signal.SIGTERM, ending)
    time.sleep(float(argument("--delay", "0")))
    ThreadingHTTPServer((argument("--host"), int(argument("--port"))), Handler).serve_forever()


main()
