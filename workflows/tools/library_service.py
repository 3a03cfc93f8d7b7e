"""A town library's HTTP service, to try exploring one: `python library_service.py [PORT]`; see library.openapi.json."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PORT = 8321

SHELVES = [
    ("9780000001009", "Emma", "Jane Austen", "fiction", 2),
    ("9780000001016", "Pride and Prejudice", "Jane Austen", "fiction", 1),
    ("9780000001023", "The Time Machine", "H. G. Wells", "fiction", 1),
    ("9780000001030", "Relativity", "Albert Einstein", "science", 1),
    ("9780000001047", "The Voyage of the Beagle", "Charles Darwin", "travel", 1),
    ("9780000001054", "On the Origin of Species", "Charles Darwin", "science", 0),
]
"""ISBN (made up), title, author, subject, copies."""

BOOKS: list[dict[str, Any]] = [
    dict(zip(("isbn", "title", "author", "subject", "copies"), row, strict=True)) for row in SHELVES
]
MEMBERS = {"M-1001": "Ada Lovelace", "M-1002": "Alan Turing", "M-1003": "Grace Hopper"}
HOURS = {"central": ("09:00", "20:00"), "harbour": ("10:00", "18:00"), "hill": ("12:00", "17:00")}
MONDAY, SUNDAY = 0, 6


class RefusedError(Exception):
    """An answer that is not a success: its status, and a way out for the caller."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Library:
    """The shelves, the members and the loans, from one start of the service to its end."""

    def __init__(self) -> None:
        self.loans: dict[int, dict[str, Any]] = {}
        self.numbers = count(1)

    def search(self, query: dict[str, str]) -> list[dict[str, Any]]:
        words = {name: query.get(name, "").casefold() for name in ("title", "author", "subject")}
        if not any(words.values()):
            raise RefusedError(400, "give at least one of title, author and subject")
        found = [book for book in BOOKS if all(word in book[name].casefold() for name, word in words.items())]
        return [{"isbn": book["isbn"], "title": book["title"], "author": book["author"]} for book in found]

    def book(self, isbn: str) -> dict[str, Any]:
        digits = isbn.replace("-", "")
        if not re.fullmatch(r"[0-9]{13}", digits):
            raise RefusedError(422, f"{isbn!r} is not an ISBN: it needs 13 digits, such as {BOOKS[0]['isbn']}")
        for book in BOOKS:
            if book["isbn"] == digits:
                lent = sum(loan["isbn"] == digits for loan in self.loans.values())
                return {**book, "available": book["copies"] - lent}
        raise RefusedError(404, f"the library does not have {isbn}; search the books by title, author or subject")

    def hours(self, branch: str, query: dict[str, str]) -> dict[str, Any]:
        if branch not in HOURS:
            raise RefusedError(404, f"there is no branch {branch!r}; branches: {', '.join(sorted(HOURS))}")
        try:
            day = dt.date.fromisoformat(query["date"])
        except (KeyError, ValueError):
            raise RefusedError(422, "date is a day, written YYYY-MM-DD") from None
        closed = day.weekday() == SUNDAY or (branch == "hill" and day.weekday() == MONDAY)
        opens, closes = HOURS[branch]
        times = {"open": False} if closed else {"open": True, "from": opens, "to": closes}
        return {"branch": branch, "date": day.isoformat(), "weekday": f"{day:%A}", **times}

    def member(self, number: str) -> str:
        if number not in MEMBERS:
            raise RefusedError(404, f"there is no member {number!r}; numbers look like {next(iter(MEMBERS))}")
        return number

    def loans_of(self, number: str) -> list[dict[str, Any]]:
        member = self.member(number)
        return [loan for loan in self.loans.values() if loan["member"] == member]

    def lend(self, wish: dict[str, Any]) -> dict[str, Any]:
        book, member = self.book(str(wish.get("isbn"))), self.member(str(wish.get("member")))
        weeks = wish.get("weeks", 3)
        if type(weeks) is not int or not 1 <= weeks <= 6:
            raise RefusedError(422, "weeks is a whole number from 1 to 6")
        if book["available"] < 1:
            raise RefusedError(409, f"every copy of {book['title']} is lent")
        number = next(self.numbers)
        self.loans[number] = {"loan": number, "isbn": book["isbn"], "member": member, "weeks": weeks}
        return self.loans[number]

    def take_back(self, number: str) -> None:
        if not number.isdigit() or self.loans.pop(int(number), None) is None:
            raise RefusedError(404, f"there is no loan {number}")


class Service(BaseHTTPRequestHandler):
    """Answers in JSON; an error is `{"error": …}`."""

    library = Library()
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Route the request by its method and the segments of its path."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        result: Any = None
        try:
            match (self.command, *map(unquote, url.path.strip("/").split("/"))):
                case ("GET", "books"):
                    result = self.library.search(query)
                case ("GET", "books", isbn):
                    result = self.library.book(isbn)
                case ("GET", "branches", branch, "hours"):
                    result = self.library.hours(branch, query)
                case ("GET", "members", number, "loans"):
                    result = self.library.loans_of(number)
                case ("POST", "loans"):
                    status, result = 201, self.library.lend(self.wish(body))
                case ("DELETE", "loans", number):
                    self.library.take_back(number)
                    status = 204
                case _:
                    raise RefusedError(404, f"there is nothing at {self.command} {url.path}")
        except RefusedError as refusal:
            status, result = refusal.status, {"error": str(refusal)}
        data = b"" if result is None else json.dumps(result).encode()
        self.send_response(status)
        if data:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer

    def wish(self, body: bytes) -> dict[str, Any]:
        """The JSON object in a body."""
        try:
            wish = json.loads(body)
        except ValueError:
            wish = None
        if not isinstance(wish, dict):
            raise RefusedError(400, "expected a JSON object with isbn and member")
        return wish

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet: who explores the service sees the answers."""


def server(port: int = PORT) -> ThreadingHTTPServer:
    """The service on this machine alone, with no loans; port 0 takes a free one."""
    return ThreadingHTTPServer(("127.0.0.1", port), type("Fresh", (Service,), {"library": Library()}))


if __name__ == "__main__":
    with server(int(sys.argv[1]) if len(sys.argv) > 1 else PORT) as running:
        print(f"The library answers at http://127.0.0.1:{running.server_port}; Ctrl-C ends it.", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
