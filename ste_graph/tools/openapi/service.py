"""The HTTP side of an API: the hosts that it may reach, what is sent with each request, and the answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import quote, urldefrag, urljoin, urlsplit

from ste_graph.contracts import Observation
from ste_graph.redaction import Redactor, address_secrets
from ste_graph.tools.openapi.answer import observe_response, read_body
from ste_graph.tools.openapi.auth import Auth
from ste_graph.tools.openapi.request import HTTPRequest

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 5
SHORTEST_HEADER_SECRET = 8
"""Characters from which a header of the settings counts as a secret where a service repeats it."""

COOKIE_SAFE = "!#$%&'()*+-./:<=>?@[]^_`{|}~"
"""The characters that a cookie's value has as they are (RFC 6265, section 4.1.1)."""

HostPort = tuple[str, int]
"""A host and a port."""


def host_and_port(url: str) -> HostPort:
    """The host and the port of a web address. Raises `ValueError` if the port is not valid."""
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)


class Service:
    """Sends requests to the servers of an API and nowhere else.

    `trusted` are the API's own addresses: only they get `auth` and `headers`. `allowed` are further hosts, each with a
    port or with any. No connection is opened before the first request.
    """

    def __init__(
        self,
        trusted: Iterable[str],
        *,
        allowed: Iterable[str] = (),
        auth: Auth | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        addresses = list(trusted)
        self._trusted = {host_and_port(address) for address in addresses}
        self._allowed = {entry.lower() for entry in allowed}
        self._auth = auth
        self._headers = {**(headers or {}), **(auth.headers if auth else {})}
        self._redactor = Redactor(collect_secrets(addresses, auth, headers or {}))
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"Service({', '.join(sorted(f'{host}:{port}' for host, port in self._trusted))})"

    async def send(self, request: HTTPRequest) -> Observation:
        """The observation of the answer; of kind `transport` if there was none."""
        import httpx

        try:
            observation = await self._follow_redirects(request)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            message = f"{type(error).__name__}: {error}".rstrip(": ")
            host = urlsplit(request.url).netloc.rpartition("@")[2]
            observation = Observation(ok=False, kind="transport", text=f"No answer from {host}: {message}")
        text = self._redactor.redact(observation.text)
        if observation.truncated:  # a secret may have been cut in two
            text = text[: max(0, len(text) - self._redactor.longest)]
        return observation.model_copy(update={"text": text, "data": self._redactor.redact_data(observation.data)})

    async def close(self) -> None:
        """Closes the connections."""
        logging.getLogger("httpx").removeFilter(self._redact_record)
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    async def _follow_redirects(self, request: HTTPRequest) -> Observation:
        for _ in range(MOST_REDIRECTS + 1):
            if refusal := self._refusal(request.url):
                return Observation(ok=False, kind="refused", text=refusal)
            response, data, cut = await self._exchange(request)
            target = response.headers.get("location")
            if not response.has_redirect_location or target is None:
                return observe_response(response, data, cut)
            request = redirect_request(request, response.status_code, urljoin(request.url, target))
        return Observation(ok=False, kind="tool_error", text=f"Gave up after {MOST_REDIRECTS} redirects.")

    def _refusal(self, url: str) -> str | None:
        try:
            host, port = host_and_port(url)
        except ValueError:
            return f"Not sent: `{url:.200}` is not a web address."
        shown = f"[{host}]" if ":" in host else host
        scheme = urlsplit(url).scheme
        if scheme in ("http", "https") and (self._is_trusted(url) or {shown, f"{shown}:{port}"} & self._allowed):
            return None
        return (
            f"Not sent: {scheme}://{shown}:{port} is not a server of this API. "
            f'To allow it: allow_hosts: ["{shown}:{port}"]'
        )

    def _is_trusted(self, url: str) -> bool:
        host, port = host_and_port(url)
        upgraded = port == 443 and url.startswith("https:") and (host, 80) in self._trusted
        return (host, port) in self._trusted or upgraded

    async def _exchange(self, request: HTTPRequest) -> tuple[httpx.Response, bytes, bool]:
        url, headers, cookies = request.url, dict(request.headers), list(request.cookies)
        if self._is_trusted(url):
            ours = {name.lower() for name in self._headers}
            headers = {name: value for name, value in headers.items() if name.lower() not in ours} | self._headers
            key = self._auth.api_key if self._auth else None
            if key and key.where == "query":
                pair = f"{quote(key.name, safe='')}={quote(key.value, safe='')}"
                url = url if pair in urlsplit(url).query.split("&") else url + ("&" if "?" in url else "?") + pair
            elif key and key.where == "cookie":
                cookies.append((key.name, quote(key.value, safe=COOKIE_SAFE)))
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
        raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
        async with self._open_client().stream(request.method, url, headers=raw, content=request.content) as response:
            if response.has_redirect_location:
                return response, b"", False
            data, cut = await read_body(response)
            return response, data, cut

    def _open_client(self) -> httpx.AsyncClient:
        import httpx

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._loop = loop
            logging.getLogger("httpx").addFilter(self._redact_record)
            self._client = httpx.AsyncClient(
                timeout=None,  # the call has a time limit of its own
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # no call may depend on an earlier one
                headers={"Accept": "application/json, */*;q=0.8", "User-Agent": "ste-graph"},
                limits=httpx.Limits(max_connections=None),
            )
        return self._client

    def _redact_record(self, record: logging.LogRecord) -> bool:
        """Keeps secrets out of the log of httpx, which names the URL of every request."""
        record.msg, record.args = self._redactor.redact(record.getMessage()), ()
        return True


def collect_secrets(addresses: Iterable[str], auth: Auth | None, headers: Mapping[str, str]) -> list[str]:
    """Texts that must not be shown: all of `auth`, and the parts of headers and addresses that may be secret."""
    found = auth.secrets if auth else []
    for value in headers.values():
        found += [part for part in {value, value.rpartition(" ")[2]} if len(part) >= SHORTEST_HEADER_SECRET]
    return found + [secret for address in addresses for secret in address_secrets(address)]


def redirect_request(request: HTTPRequest, status: int, target: str) -> HTTPRequest:
    """The request that follows a redirect (RFC 9110, section 15.4); one host's cookies do not go to another."""
    target = urldefrag(target)[0]
    method, content, headers = request.method, request.content, dict(request.headers)
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, content = "GET", None
        headers.pop("Content-Type", None)
    try:
        same = host_and_port(request.url) == host_and_port(target)
    except ValueError:
        same = False
    return HTTPRequest(method, target, headers, request.cookies if same else [], content)
