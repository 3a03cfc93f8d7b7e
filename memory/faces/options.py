"""The options that the commands of `ste memory` share."""

from __future__ import annotations

from typing import Annotated

import typer

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="STORE",
        help="A run, a pack, a store of exemplars, or a Chroma server's address.",
        show_default=False,
    ),
]
Store = Annotated[
    str | None,
    typer.Argument(
        metavar="STORE", help="A run, a pack, a store of exemplars, or a Chroma server's address.", show_default=False
    ),
]
StoreOption = Annotated[
    str | None, typer.Option("--from", metavar="STORE", help="The same, as in `search`.", show_default=False)
]
OnlyIf = Annotated[
    str | None,
    typer.Option(
        "--only-if",
        metavar="RUN",
        help="Refuse exemplars that the evaluation in this run did not adopt.",
        show_default=False,
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="MODEL",
        help="The store's own, if it cannot be found by its name; for a run, any. Unset: the store's, or MiniLM.",
        show_default=False,
    ),
]


def choose_store(argument: str | None, option: str | None) -> str:
    """The store that a command is about: its argument, or `--from`. Raises `BadParameter` unless it is one of them."""
    if (argument is None) == (option is None):
        raise typer.BadParameter("expected one store: STORE, or --from STORE")
    return argument or option or ""
