"""The page of a run on this machine's own address, which follows the run while it is going."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import parse_qs, urlsplit

from ste_graph.errors import SteError, WorkflowError
from ste_graph.files.lock import lock_owner
from ste_graph.finished import open_run
from ste_graph.report.content import PageContent, VectorSource, gather_content
from ste_graph.report.page import encode_content, render_page
from ste_graph.run.folder import LOCK_FILE, RunFolder

HOST: Final = "127.0.0.1"
CONTENT: Final = "/content"
_NAMES: Final = frozenset({"127.0.0.1", "localhost"})
"""The names by which a page may be asked for: another one is that of a site that points its name at this machine."""


class PageServer(ThreadingHTTPServer):
    """Serves the page of one run. It reads the run anew when its files have changed; nothing else can be asked for.

    Raises `WorkflowError` if the port is taken.
    """

    daemon_threads = True

    def __init__(self, run: Path, port: int, vectors: VectorSource | None = None) -> None:
        self._run = run
        self._vectors = vectors
        self._lock = Lock()
        self._stamp: object = None
        self._content: PageContent | None = None
        self._encoded = ""
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise WorkflowError(
                f"port {port} cannot be used ({reason}); give another one with --port, or --port 0 for any"
            ) from None

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def page(self) -> str:
        """The page as it is now."""
        return render_page(self._read()[0], follow=CONTENT)

    def content(self) -> tuple[str, str]:
        """The content as it is now, encoded, and its mark."""
        encoded = self._read()[1]
        return encoded, hashlib.sha256(encoded.encode()).hexdigest()[:16]

    def _read(self) -> tuple[PageContent, str]:
        with self._lock:
            stamp = _stamp(self._run)
            if self._content is None or stamp != self._stamp:
                opened = open_run(self._run)
                content = gather_content(opened)
                if not content.running and self._vectors is not None:  # the map is made once, at the end
                    content = gather_content(opened, self._vectors)
                self._content, self._encoded, self._stamp = content, encode_content(content), stamp
            return self._content, self._encoded


class _Handler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        if (self.headers.get("Host") or "").rpartition(":")[0] not in _NAMES:
            self._send(403, "text/plain", "asked for by a name that is not this machine's\n")
            return
        url = urlsplit(self.path)
        try:
            if url.path == "/":
                self._send(200, "text/html", self.server.page())
            elif url.path == CONTENT:
                encoded, mark = self.server.content()
                if parse_qs(url.query).get("known") == [mark]:
                    self._send(204, "text/plain", "")
                else:
                    self._send(200, "text/plain", encoded, mark)
            else:
                self._send(404, "text/plain", "there is only the page, at /\n")
        except SteError as error:
            self._send(503, "text/plain", f"{error}\n")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a person looks at the page, not at its requests."""

    def _send(self, code: int, kind: str, text: str, mark: str | None = None) -> None:
        body = text.encode("utf-8")
        self.send_response(code)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if mark is not None:
            self.send_header("ETag", mark)
        self.end_headers()
        self.wfile.write(body)


def _stamp(run: Path) -> object:
    """A value that changes whenever a file of the run does, or its process begins or ends."""
    files = [*run.rglob("*.jsonl"), *run.rglob(LOCK_FILE)]
    found = []
    for file in sorted(files):
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_size, status.st_mtime_ns))
    return found, lock_owner(RunFolder(run).writer) is not None
