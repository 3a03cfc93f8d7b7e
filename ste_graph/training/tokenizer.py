"""The student's tokenizer: common words and phrases are one token each, all else is spelt out letter by letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ste_graph.training.rows import Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PIECE: Final = r" ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Words and punctuation with the space before them, single digits, white space."""

END: Final = "</s>"
PAD: Final = "<pad>"
CHAT: Final = "{% for message in messages %}{{ message.content }}{% endfor %}"
"""The chat template: the texts as they are. vLLM serves no chat without one."""

Phrase: TypeAlias = tuple[str, ...]


def hybrid_tokenizer(
    rows: Sequence[Row], *, words: int = 2000, phrases: int = 200, seldom: int = 3
) -> PreTrainedTokenizerFast:
    """A tokenizer for these rows that keeps argument values apart from the words around them.

    A value has to be copied from the request into the call, which is easy to learn only where both spell it alike. So
    the vocabulary is made of the rows with their values cut out: a word found there is one token, so is a phrase that
    is frequent there, and every other word is spelt in bytes. So are the words of values, but for frequent ones that
    stand behind other words: what is inside a value looks the same wherever it stands. No text is lost.

    Differs: byte-pair merges would join parts of values too, and others after a space than after a quote.

    Args:
        rows: The examples to make the vocabulary of.
        words: At most so many words and marks become tokens, the most frequent ones.
        phrases: At most so many phrases become tokens. They halve the length of a text, and so the time it takes.
        seldom: A word that occurs less often is spelt out.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    splitting = pre_tokenizers.Split(Regex(PIECE), "isolated")
    parts = Counter(tuple(piece for piece, _ in splitting.pre_tokenize_str(text)) for text in templates(rows))
    counts: Counter[str] = Counter()
    for part, times in parts.items():
        for piece in part:
            counts[piece] += times
    within: Counter[str] = Counter()  # in values, without the space before it
    behind: Counter[str] = Counter()  # in values, behind another word
    for row in rows:
        for value in row.values:
            spelt_out = [piece for piece, _ in splitting.pre_tokenize_str(value)]
            within.update(piece.strip() for piece in spelt_out)
            behind.update(piece for piece in spelt_out[1:] if piece[0] == " " and piece[1:].isalpha())
    common = [piece for piece, count in counts.items() if count >= max(seldom, within[piece.strip()])]
    counts.update(behind)
    common += [piece for piece, count in behind.items() if count >= seldom and piece not in common]
    common = sorted(common, key=lambda piece: (-counts[piece], piece))[:words]
    joined = ["".join(phrase) for phrase in frequent_phrases(parts, phrases, at_least=max(seldom, len(rows) // 200))]

    letter = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    spelt = [letter.pre_tokenize_str(text)[0][0] for text in (*common, *joined)]
    vocabulary = dict.fromkeys((PAD, END, *sorted(pre_tokenizers.ByteLevel.alphabet()), *spelt))
    tokenizer = Tokenizer(
        models.BPE(vocab={token: number for number, token in enumerate(vocabulary)}, merges=[], ignore_merges=True)
    )
    longest_first = sorted(joined, key=lambda phrase: (-len(phrase), phrase))
    pieces = Regex("|".join((*map(_pattern, longest_first), PIECE)))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(pieces, "isolated"), letter])
    tokenizer.decoder = decoders.ByteLevel()
    made: Any = PreTrainedTokenizerFast  # untyped
    fast: PreTrainedTokenizerFast = made(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, padding_side="left", chat_template=CHAT
    )
    return fast


def templates(rows: Sequence[Row]) -> Iterator[str]:
    """What is left of the rows' texts, in parts, when the argument values of each are cut out of it."""
    for row in rows:
        values = sorted({value for value in row.values if value}, key=lambda value: (-len(value), value))
        # Only whole words: a value such as `en` stands in many a word by chance.
        cut = re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in values)) if values else None
        for text in (row.prompt, row.completion):
            yield from cut.split(text) if cut else (text,)


def frequent_phrases(parts: Mapping[Phrase, int], most: int, *, at_least: int) -> list[Phrase]:
    """Neighbouring pieces joined, the most frequent pair first, again and again, as byte-pair encoding joins letters.

    A space or a digit is never joined to anything: a value may begin there.

    Args:
        parts: Texts as sequences of pieces, with how often each occurs.
        most: At most so many phrases.
        at_least: A pair that occurs less often is not joined.
    """
    texts: Mapping[tuple[Phrase, ...], int]
    texts = {tuple((piece,) for piece in part): times for part, times in parts.items()}
    found: list[Phrase] = []
    while len(found) < most:
        pairs: Counter[tuple[Phrase, Phrase]] = Counter()
        for text, times in texts.items():
            for left, right in pairwise(text):
                if _joins(left) and _joins(right):
                    pairs[left, right] += times
        best = max(pairs, key=lambda pair: (pairs[pair], pair), default=None)
        if best is None or pairs[best] < at_least:
            break
        found.append(best[0] + best[1])
        merged: Counter[tuple[Phrase, ...]] = Counter()
        for text, times in texts.items():
            merged[_merged(text, best)] += times
        texts = merged
    return found


def _joins(phrase: Phrase) -> bool:
    return not any(piece.isdigit() or piece.strip(" ") == "" for piece in phrase)


def _merged(text: tuple[Phrase, ...], pair: tuple[Phrase, Phrase]) -> tuple[Phrase, ...]:
    made: list[Phrase] = []
    at = 0
    while at < len(text):
        if text[at : at + 2] == pair:
            made.append(pair[0] + pair[1])
            at += 2
        else:
            made.append(text[at])
            at += 1
    return tuple(made)


def _pattern(phrase: str) -> str:
    """The phrase, where it does not end or begin within a word or a run of marks."""
    begins = r"(?<!\p{L})" if phrase[0].isalpha() else r"(?<![^\s\p{L}\p{N}])" if not phrase[0].isspace() else ""
    ends = r"(?!\p{L})" if phrase[-1].isalpha() else r"(?![^\s\p{L}\p{N}])" if not phrase[-1].isspace() else ""
    return begins + re.escape(phrase) + ends
