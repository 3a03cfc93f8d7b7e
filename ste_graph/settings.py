"""Markers of settings fields, for the values that YAML may hold there beyond the field's type.

The language looks for these markers on fields of `use:` classes. To its owner, a field of such a type is a plain `str`:
the language resolves the value before it makes the object.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from ste_graph.addresses import check_address


class PathMarker:
    """Marks a path: in YAML it is relative to the file that holds it, in `--set` to the current folder."""


class PathOrURLMarker(PathMarker):
    """Marks a path or a web address: a text that starts with `http://` or `https://` stays as it is."""


class VariableMarker:
    """Marks a text for which `{env: NAME}` and `{env: NAME, default: x}` are allowed; its value is kept in the run."""


class HubMarker(PathMarker, VariableMarker):
    """Marks a name on a model hub or a path: only a text that starts with `.`, `/` or `~` is a path."""


class ModuleMarker:
    """Marks a module: a dotted name stays as it is, a text that ends in `.py` (perhaps with `:function`) is a path."""


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
Variable: TypeAlias = Annotated[str, VariableMarker()]
Secret: TypeAlias = Annotated[str, SecretMarker()]
Address: TypeAlias = Annotated[str, AddressMarker()]
WebAddress: TypeAlias = Annotated[str, AddressMarker(), AfterValidator(check_address)]
