"""One JSON object with the slips that models make, turned into strict JSON text on a single walk."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ste_graph.protocols.repairs import Repair


class ObjectRepairer:
    """One walk from an opening brace to the one that closes it, repairing on the way.

    Text without slips is passed over in stretches: a walk token by token would be too slow for long replies.
    """

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.end = start
        self.repairs: list[Repair] = []

    def pieces(self) -> Iterator[str]:
        """The object as JSON text, piece by piece. Raises `ValueError` where only a guess could repair it."""
        closers: list[str] = []
        last, spaced, comma = "", False, False  # `last`: the last token that is not space; `comma`: one is held back
        while True:
            stretch = self._stretch()
            if core := stretch.rstrip(_SPACE):
                if comma:
                    yield ","
                last, spaced, comma = _last_token(core), len(core) < len(stretch), core[-1] == ","
                yield core[:-1] if comma else core
            elif stretch:
                spaced = True
            token = self._next()
            if not token:
                self._end_without_brace(last, spaced, comma)
                yield from (closer[0] for closer in reversed(closers))
                return
            if token.isspace():
                spaced = True
                continue
            if token in ("}", "]"):
                if comma:
                    self.repairs.append("trailing comma")
                if not closers or closers[-1][0] != token:
                    raise ValueError("the brackets do not pair")
                if closers.pop() == "}}":
                    self._skip("}")
            else:
                if last not in _BEFORE_A_VALUE or (last == "{" and token in ("{", "[")):
                    raise ValueError("two values are side by side")
                if comma:
                    yield ","
                if token in ("{", "["):
                    self._open(token, closers)
            yield self._as_json(token, last)
            if not closers:
                return
            last, spaced, comma = token, False, False

    def _end_without_brace(self, last: str, spaced: bool, comma: bool) -> None:
        if comma or not (last[:1] in _CLOSED or last in _WORDS or spaced) or last == ":":
            raise ValueError("where the object ends can only be guessed")
        self.repairs.append("missing brace")

    def _open(self, token: str, closers: list[str]) -> None:
        if len(closers) == _DEPTH:
            raise ValueError("so deep a nesting is not repaired")
        closers.append({"{": "}", "[": "]"}[token])
        if token == "{" and self._skip("{"):
            closers[-1] = "}}"
            self.repairs.append("doubled braces")

    def _stretch(self) -> str:
        """The next text that is JSON, or becomes it by changing words and strings alone; brackets end it."""
        start = self.end
        found = _STRETCH.match(self.text, start)
        self.end = found.end() if found else start
        following = self.text[self.end : self.end + 1]
        if following == "'":
            single = _SINGLE_STRETCH.match(self.text, start)
            if single is not None and single.end() > self.end:
                self.end = single.end()
                self.repairs.append("single quotes")
                return _SINGLE_PART.sub(self._part, single[0]).replace("'", '"')
        elif following == '"' or following.isalpha():
            loose = _LOOSE_STRETCH.match(self.text, start)
            if loose is not None and loose.end() > self.end:
                self.end = loose.end()
                return _LOOSE_PART.sub(self._part, loose[0])
        return self.text[start : self.end]

    def _part(self, found: re.Match[str]) -> str:
        """A word or string of a stretch as JSON writes it."""
        part = found[0]
        if part[0] == "'":
            return part
        if part[0] == '"':
            return self._string(part)
        if part not in _WORDS:
            self.repairs.append("unquoted key")
            return f'"{part}"'
        if _WORDS[part] != part:
            self.repairs.append("python literal")
        return _WORDS[part]

    def _as_json(self, token: str, last: str) -> str:
        match token[0]:
            case '"':
                return self._string(token)
            case "'":
                self.repairs.append("single quotes")
                return self._string('"' + _INNER.sub(_requote, token[1:-1]) + '"')
        if token in _WORDS:
            if _WORDS[token] != token:
                self.repairs.append("python literal")
            return _WORDS[token]
        if last in ("{", ",") and token.isidentifier():
            self.repairs.append("unquoted key")
            return f'"{token}"'
        return token

    def _string(self, token: str) -> str:
        if "\n" not in token and "\t" not in token and "\r" not in token:
            return token
        self.repairs.append("line break in a string")
        return token.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")

    def _next(self) -> str:
        if self.end == len(self.text):
            return ""
        found = _TOKEN.match(self.text, self.end)
        if found is None:
            raise ValueError("a string is not closed")
        self.end = found.end()
        return found[0]

    def _skip(self, token: str) -> bool:
        if not self.text.startswith(token, self.end):
            return False
        self.end += 1
        return True


def _last_token(core: str) -> str:
    """The last token of a stretch, as far as it matters: its kind."""
    if core[-1] in ',:"]}':
        return core[-1]
    return "true" if core.endswith(("true", "false", "null")) else "0"


def _requote(part: re.Match[str]) -> str:
    return {'"': '\\"', "\\'": "'"}.get(part[0], part[0])


_DEPTH = 30
# Possessive quantifiers: no text may make the matching take more than linear time.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|\'(?:[^\'\\]|\\.)*+\'|[{}\[\],:]|\s++|[^\s{}\[\],:"\']++', re.DOTALL)
_SPACE = " \t\n\r"
_GAP = r"[ \t\n\r,:]++"
_VALUE = r"(?:true|false|null|-?[0-9][0-9.eE+-]*+)(?=[ \t\n\r,:}\]]|\Z)"
_TEXT = r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+"'
_FLAT = rf"(?:{_GAP}|{_TEXT}|{_VALUE})*+(?<=[^\s,:])"
_STRETCH = re.compile(rf"(?:{_GAP}|{_TEXT}|{_VALUE}|\[{_FLAT}\]|\{{{_FLAT}\}})++")
_SINGLE_STRETCH = re.compile(rf"(?:{_GAP}|'[^'\"\\\x00-\x1f]*+'|{_VALUE}|(?:True|False|None)(?=[ \t\n\r,:}}\]]|\Z))++")
_SINGLE_PART = re.compile(r"'[^']*+'|True|False|None")
_LOOSE_STRETCH = re.compile(
    rf"(?:{_GAP}|\"(?:[^\"\\]|\\[^\n\t\r])*+\"|{_VALUE}"
    r"|(?:True|False|None)(?=[ \t\n\r,:}\]]|\Z)|[A-Za-z_]\w*+(?=[ \t]*+:))++"
)
_LOOSE_PART = re.compile(r'"(?:[^"\\]|\\.)*+"|(?<!\w)[A-Za-z_]\w*+', re.DOTALL)
_BEFORE_A_VALUE = frozenset({"", "{", "[", ",", ":"})
_INNER = re.compile(r'\\.|"', re.DOTALL)
_WORDS = {"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null"}
_CLOSED = frozenset("\"'}]{")
