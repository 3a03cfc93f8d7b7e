"""Verbs in the names and summaries of tools that say that a call changes something."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ste_graph.text import word_set

WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

DESTROYING = word_set(
    """
    delete destroy drop erase kill purge remove revoke terminate truncate uninstall wipe
    """
)
"""Verbs that mean a loss, whatever their object."""

WRITING = DESTROYING - {"drop"} | word_set(
    """
    abort accept acknowledge activate advertise allocate append approve assign associate attach ban cancel clear
    clone configure continue create deactivate deallocate deauthorize decrease decrement define deprovision
    deregister detach disable disassociate discard disconnect dismiss enable exec execute fork increase increment
    initialize insert install modify promote prune put reactivate reassign rebalance reboot redeem regenerate reject
    reload rename reopen reorder replace reset resize restart resync rollback rotate shutdown subscribe suspend swap
    toggle unassign unban unlock unmute unpublish unregister unset unshare unsubscribe untag upsert withdraw
    """
)
"""Verbs that write and are hardly ever nouns."""

OFTEN_NOUNS = word_set(
    """
    add apply authorize change complete confirm copy drop edit failover import lock monitor move notify pause post
    provision publish purchase refresh register release restore resume run save send set start stop submit tag
    trigger update upgrade upload write
    """
)
"""Verbs that write, but whose words also begin the names of things: `set`, `stop-points`, `upload-sessions`."""

READING = word_set(
    """
    browse check checks count counts describe describes display download downloads exists fetch fetches find finds
    get gets inspect list lists look lookup queries query read reads retrieve retrieves return returns search
    searches show shows validate view views
    """
)

ASKING = frozenset({"queries", "query", "search", "searches"})
"""Objects that one executes or runs without writing."""

APART = {"exec": "execute", "failover": "fail over", "rollback": "roll back", "shutdown": "shut down"}
"""Verbs that names write otherwise than sentences do."""

MANNERS = frozenset({"async", "batch", "bulk", "do"})
"""Words that may precede the verb of a name."""

DETERMINERS = word_set(
    "a all an any current each existing given its multiple my new one single specified the these this your"
)


def split_words(name: str) -> list[str]:
    """The words of a name in camelCase, snake_case or any other case, in lower case."""
    return [word.lower() for word in WORD.findall(name)]


def split_parts(name: str) -> list[list[str]]:
    """The words of each part of a name; parts are separated by other characters: `users/delete_all` has three."""
    return [words for part in re.split(r"[\W_]+", name) if (words := split_words(part))]


def find_verb(name: str, verbs: Collection[str]) -> str | None:
    """The verb with which a name leads (`deleteUser`), or that is all of its last part (`users/delete`), if any."""
    words, parts = split_words(name), split_parts(name)
    if len(words) > 1 and words[0] in MANNERS:
        words = words[1:]
    if words and words[0] in verbs:
        return words[0]
    if len(parts) > 1 and len(parts[-1]) == 1 and not READING.intersection(*parts[:-1]):
        return parts[-1][0] if parts[-1][0] in verbs else None
    return None


def base_forms(word: str) -> Sequence[str]:
    """The word, and the verbs of which it may be the third person: `modifies` that of `modify`."""
    endings = (("", ""), ("s", ""), ("es", ""), ("ies", "y"))
    return [word[: len(word) - len(ending)] + base for ending, base in endings if word.endswith(ending)]


def third_person(verb: str) -> str:
    """The verb as a sentence has it: `deletes` for `delete`."""
    verb, _, adverb = APART.get(verb, verb).partition(" ")
    if verb.endswith("y") and verb[-2] not in "aeiou":
        verb = f"{verb[:-1]}ies"
    else:
        verb += "es" if verb.endswith(("s", "sh", "ch", "x", "z")) else "s"
    return f"{verb} {adverb}".strip()
