"""Sums: arithmetic expressions as their numbers, and whether they do with them what a request says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ste_graph.distil.composed.composition import Atom, Composition

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<word>[a-z_][\w.]*)|(?P<sign>\*\*|//|[-+*/%^(),\u00d7\u00f7]))"
)
_FUNCTIONS = {
    "sqrt": "root", "log": "log", "ln": "log", "log10": "log", "log2": "log", "exp": "exp|e to", "abs": "absolute",
    "sin": "sin", "cos": "cos", "tan": "tan", "round": "round|nearest|decimal|places",
    "floor": "floor|round|down|whole",
    "ceil": "ceil|round|up|whole", "max": "max|large|great|high|more|bigg", "min": "min|small|less|low",
    "sum": "sum|add|total|plus|together", "pow": "power|squared?|cubed?|to the", "mean": "mean|average",
    "factorial": "factorial", "gcd": "gcd|common divisor", "lcm": "lcm|common multiple", "mod": "mod|remainder",
}  # fmt: skip
_CONSTANTS = {"pi": r"pi\b|circle|circular|radius|diameter|round", "e": r"\be\b|euler"}
_WORDS = {
    "+": r"plus|add(?:ed|ing)?|sum|total|altogether|together|increased by|more than|and then add",
    "-": r"minus|subtract(?:ed|ing)?|less|deduct(?:ed|ing)?|take away|taken from|difference|reduced by|fewer than",
    "*": r"times|multipl\w+|product|twice|double|triple",
    "/": r"divide[ds]?|dividing|over|split|shared|half|halve|third|quarter|quotient|ratio|average|mean",
}
_FROM = re.compile(r"\b(?:subtract|take|deduct)\b.*\bfrom\b")


def decompose_sum(value: str) -> Iterator[Composition]:
    """Yields an arithmetic expression as its numbers; the operators name its signs and functions."""
    plain, place = value.strip().lower(), 0
    atoms: list[Atom] = []
    operators: list[str] = []
    ordered: dict[str, list[tuple[int, int]]] = {"-": [], "/": []}
    while place < len(plain):
        match = _TOKEN.match(plain, place)
        if match is None:
            return
        place = match.end()
        if number := match["number"]:
            if atoms and operators[-1] in ordered:
                ordered[operators[-1]].append((len(atoms) - 1, len(atoms)))
            atoms.append(Atom(number, alternatives=tuple(_alternatives(float(number), operators[-1:]))))
        elif word := match["word"]:
            name = word.removeprefix("math.")
            if name not in _FUNCTIONS and name not in _CONSTANTS:
                return
            operators.append(name)
        elif match["sign"] not in ("(", ")", ","):
            operators.append({"\u00d7": "*", "\u00f7": "/", "^": "**"}.get(match["sign"], match["sign"]))
        else:
            operators.append(match["sign"])
    signs = [operator for operator in operators if operator not in ("(", ")", ",")]
    if atoms and signs:
        quotients = [pair for pair in ordered["/"] if not atoms[pair[1]].alternatives]
        yield Composition("sum", tuple(atoms), tuple(quotients), tuple(ordered["-"]), tuple(operators))


def contradicts_words(operators: tuple[str, ...], request: str) -> bool:
    """True if a request in lower case speaks of other operations than a sum has, or not of a function that it has."""
    functions = [_FUNCTIONS.get(operator) or _CONSTANTS.get(operator) for operator in operators]
    if any(words and not re.search(rf"\b(?:{words})", request) for words in functions):
        return True
    asked = {sign for sign, words in _WORDS.items() if re.search(rf"\b(?:{words})\b", request)}
    asked |= {sign for sign in "+*/" if re.search(rf"\d ?{re.escape(sign)} ?\d", request)}
    if re.search(r"%|per ?cent", request):
        return False  # `1,250 less 15 percent` is a product, too
    made = {operator for operator in operators if operator in _WORDS}
    return bool(asked and made - asked and asked - made)


def is_turned(request: str) -> bool:
    """True if a request names what is subtracted before what it is subtracted from."""
    return _FROM.search(request) is not None


def _alternatives(number: float, operator: list[str]) -> Iterator[float]:
    """The numbers that may be stated in place of one.

    A half where it is divided by 2, `minus one` where 1 is subtracted, 19 % where 1.19 is given.
    """
    if operator == ["/"] and number in (2, 3, 4, 100):
        yield 1 / number
    if operator == ["-"]:
        yield -number
    if 0 < number < 2 and number != 1:
        yield round(abs(1 - number), 9)
