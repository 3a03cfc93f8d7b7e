"""The student's tokenizer: common words and phrases are one token each, everything else is spelt out in bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ste_graph.training.rows.row import TrainingRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PIECE: Final = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Words and punctuation with the space before them, single digits, white space."""

END: Final = "</s>"
PAD: Final = "<pad>"
CHAT: Final = "{% for message in messages %}{{ message.content }}{% endfor %}"
"""The chat template: the texts as they are. vLLM serves no chat without one."""

Phrase: TypeAlias = tuple[str, ...]


def build_tokenizer(
    rows: Sequence[TrainingRow], *, words: int = 2000, phrases: int = 200, min_count: int = 3
) -> PreTrainedTokenizerFast:
    """A tokenizer for these rows that keeps argument values apart from the words around them.

    A value has to be copied from the request into the call, which is easy to learn only if both spell it alike. So the
    vocabulary is built from the rows with their values cut out: a word found there is one token, so is a phrase that is
    frequent there, and every other word is spelt in bytes. So are the words of values, except frequent ones that follow
    another word: the inside of a value looks the same wherever the value is. No text is lost.

    Differs: byte-pair merges would join parts of values too, and differently after a space than after a quote.

    Args:
        rows: The rows to build the vocabulary from.
        words: The number of words and marks that become tokens, the most frequent ones, at most.
        phrases: The number of phrases that become tokens, at most. They halve the length of a text, and so its cost.
        min_count: A word that occurs less often is spelt out.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    splitter = pre_tokenizers.Split(Regex(PIECE), "isolated")
    parts = Counter(tuple(piece for piece, _ in splitter.pre_tokenize_str(text)) for text in templates(rows))
    counts: Counter[str] = Counter()
    for part, times in parts.items():
        for piece in part:
            counts[piece] += times
    inside: Counter[str] = Counter()  # in values, without the space before it
    after_word: Counter[str] = Counter()  # in values, after another word
    for row in rows:
        for value in row.values:
            pieces = [piece for piece, _ in splitter.pre_tokenize_str(value)]
            inside.update(piece.strip() for piece in pieces)
            after_word.update(piece for piece in pieces[1:] if piece[0] == " " and piece[1:].isalpha())
    common = [piece for piece, count in counts.items() if count >= max(min_count, inside[piece.strip()])]
    counts.update(after_word)
    common += [piece for piece, count in after_word.items() if count >= min_count and piece not in common]
    common = sorted(common, key=lambda piece: (-counts[piece], piece))[:words]
    phrase_texts = [
        "".join(phrase) for phrase in frequent_phrases(parts, phrases, min_count=max(min_count, len(rows) // 200))
    ]

    letter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokens = [letter.pre_tokenize_str(text)[0][0] for text in (*common, *phrase_texts)]
    vocabulary = dict.fromkeys((PAD, END, *sorted(pre_tokenizers.ByteLevel.alphabet()), *tokens))
    tokenizer = Tokenizer(
        models.BPE(vocab={token: number for number, token in enumerate(vocabulary)}, merges=[], ignore_merges=True)
    )
    longest_first = sorted(phrase_texts, key=lambda phrase: (-len(phrase), phrase))
    pattern = Regex("|".join((*map(_pattern, longest_first), PIECE)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, "isolated"), letter])
    tokenizer.decoder = decoders.ByteLevel()
    untyped: Any = PreTrainedTokenizerFast
    fast: PreTrainedTokenizerFast = untyped(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, padding_side="left", chat_template=CHAT
    )
    return fast


def templates(rows: Sequence[TrainingRow]) -> Iterator[str]:
    """The parts of the rows' texts that are left when the argument values of each row are cut out of it."""
    for row in rows:
        values = sorted({value for value in row.values if value}, key=lambda value: (-len(value), value))
        # Only whole words: a value such as `en` is part of many words by chance.
        values_pattern = (
            re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in values)) if values else None
        )
        for text in (row.prompt, row.completion):
            yield from values_pattern.split(text) if values_pattern else (text,)


def frequent_phrases(parts: Mapping[Phrase, int], limit: int, *, min_count: int) -> list[Phrase]:
    """Neighbouring pieces joined, the most frequent pair first, again and again, as byte-pair encoding joins letters.

    A space or a digit is never joined to anything: a value may begin there.

    Args:
        parts: Texts as sequences of pieces, with how often each occurs.
        limit: The number of phrases, at most.
        min_count: A pair that occurs less often is not joined.
    """
    texts: Mapping[tuple[Phrase, ...], int]
    texts = {tuple((piece,) for piece in part): times for part, times in parts.items()}
    found: list[Phrase] = []
    while len(found) < limit:
        pairs: Counter[tuple[Phrase, Phrase]] = Counter()
        for text, times in texts.items():
            for left, right in pairwise(text):
                if _can_join(left) and _can_join(right):
                    pairs[left, right] += times
        best = max(pairs, key=lambda pair: (pairs[pair], pair), default=None)
        if best is None or pairs[best] < min_count:
            break
        found.append(best[0] + best[1])
        merged: Counter[tuple[Phrase, ...]] = Counter()
        for text, times in texts.items():
            merged[_merge(text, best)] += times
        texts = merged
    return found


def _can_join(phrase: Phrase) -> bool:
    return not any(piece.isdigit() or piece.strip(" ") == "" for piece in phrase)


def _merge(text: tuple[Phrase, ...], pair: tuple[Phrase, Phrase]) -> tuple[Phrase, ...]:
    merged: list[Phrase] = []
    at = 0
    while at < len(text):
        if text[at : at + 2] == pair:
            merged.append(pair[0] + pair[1])
            at += 2
        else:
            merged.append(text[at])
            at += 1
    return tuple(merged)


def _pattern(phrase: str) -> str:
    """The phrase, where it does not end or begin within a word or a run of marks."""
    begins = r"(?<!\p{L})" if phrase[0].isalpha() else r"(?<![^\s\p{L}\p{N}])" if not phrase[0].isspace() else ""
    ends = r"(?!\p{L})" if phrase[-1].isalpha() else r"(?![^\s\p{L}\p{N}])" if not phrase[-1].isspace() else ""
    return begins + re.escape(phrase) + ends
