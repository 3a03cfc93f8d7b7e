"""What a settings field may hold in YAML beyond its type.

The language looks for these markers on fields of `use:` classes. A field of such a type is a plain `str` to its owner:
the language has resolved it before the object is made.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias


class PathMarker:
    """Marks a path: in YAML it is relative to the file it stands in (in `--set`: to the current folder)."""


class PathOrURLMarker(PathMarker):
    """Marks a path or a web address: what starts with `http://` or `https://` stays as it is, all else is a path."""


class HubMarker(PathMarker):
    """Marks a name on a model hub or a path: what starts with `.`, `/` or `~` is a path, all else stays as it is."""


class ModuleMarker:
    """Marks a module: a dotted name stays as it is, what ends in `.py` (perhaps with `:function`) is a path."""


class SecretMarker:
    """Marks a secret: `{env: NAME}` is allowed; never written to the run. Give the field `repr=False`."""


class AddressMarker:
    """Marks an address: `{env: NAME}` and `{env: NAME, default: x}` are allowed; never written to the run."""


class SourcesMarker:
    """Marks further sources of tools: mappings with a `use` each, whose settings are resolved as an entry's are."""


RelativePath: TypeAlias = Annotated[str, PathMarker()]
PathOrURL: TypeAlias = Annotated[str, PathOrURLMarker()]
HubPath: TypeAlias = Annotated[str, HubMarker()]
ModulePath: TypeAlias = Annotated[str, ModuleMarker()]
Secret: TypeAlias = Annotated[str, SecretMarker()]
Address: TypeAlias = Annotated[str, AddressMarker()]
