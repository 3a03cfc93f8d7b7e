"""The page about a run: one HTML file that needs neither a network nor another file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final

from ste_graph.errors import RunError, WorkflowError
from ste_graph.files.atomic import write_atomically
from ste_graph.files.cache import cache_folder
from ste_graph.report.content import PageContent

_SCRIPTS: Final = ("dom.js", "charts.js", "entries.js", "page.js")


def render_page(content: PageContent, *, follow: str = "") -> str:
    """The page as HTML. With `follow`, an address on its own server, it asks there for newer content.

    What models and tools wrote is data of the page, compressed and encoded; its scripts put it on the screen as text.
    Only scripts of the package run: the page names their hashes, and allows nothing else.
    """
    script = "\n".join(_read(name) for name in _SCRIPTS)
    bundle = read_bundle()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash(script)} {_hash(bundle)}",
            "style-src 'unsafe-inline'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            *(("connect-src 'self'",) if follow else ()),
        )
    )
    return Template(_read("page.html")).substitute(
        policy=escape(policy, quote=True),
        title=escape(content.title),
        state=escape(content.state),
        simulated=f'<p class="simulated">{escape(content.simulated)}</p>' if content.simulated else "",
        follow=escape(follow, quote=True),
        style=_read("page.css"),
        data=encode_content(content),
        script=script,
        bundle=bundle,
    )


def write_page(content: PageContent, file: Path) -> None:
    """Writes the page. Raises `WorkflowError` if the file cannot be written."""
    page = render_page(content)
    try:
        write_atomically(file, page)
    except RunError as error:
        raise WorkflowError(f"{error}; give another file with --out") from None


def encode_content(content: PageContent) -> str:
    """The content as compressed JSON in base64: it can hold nothing that a parser of HTML would take for a tag."""
    about = content.model_dump(mode="json", exclude={"entries"})
    data = json.dumps(about | {"entries": content.entries}, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(data.encode("utf-8", "replace"), compresslevel=6, mtime=0)).decode("ascii")


def read_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which sets `vegaEmbed`, made of what vl-convert brings.

    It takes seconds to make, and is kept in the user's cache.
    """
    try:
        import vl_convert
    except ImportError:
        raise WorkflowError("the page of a run needs packages: pip install 'ste-graph[report]'") from None
    file = cache_folder("report") / f"vega-{version('vl-convert-python')}.js"
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError):
        pass
    converter: Any = vl_convert
    script: str = converter.javascript_bundle()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, script)
    except (OSError, RunError):
        pass  # made again the next time
    return script


def _read(name: str) -> str:
    return (files("ste_graph.report") / "web" / name).read_text("utf-8")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
