"""A model server on the loopback that answers as a script says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class FakeServer:
    """Each entry of `script` answers one chat request: a text, or (status, headers, body), or "hang"."""

    def __init__(self) -> None:
        self.script: list[object] = []
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self.models: list[str] | int = ["tiny"]
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None: ...

            def do_GET(self) -> None:
                fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                if isinstance(fake.models, int):
                    self.answer(fake.models, {}, {"error": {"message": "no"}})
                else:
                    self.answer(
                        200, {}, {"object": "list", "data": [{"id": m, "object": "model"} for m in fake.models]}
                    )

            def do_POST(self) -> None:
                fake.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                step = fake.script.pop(0)
                if step == "hang":
                    fake.released.wait(5)
                elif isinstance(step, tuple):
                    self.answer(*step)
                else:
                    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
                    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": step}}
                    self.answer(200, {}, {"id": "1", "object": "chat.completion", "created": 0, "model": "tiny",
                                          "choices": [choice], "usage": usage})  # fmt: skip

            def answer(self, status: int, headers: dict, body: dict | str) -> None:
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(data)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(data)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    fake = FakeServer()
    yield fake
    fake.stop()
