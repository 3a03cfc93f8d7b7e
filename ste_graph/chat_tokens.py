"""The special tokens of chat templates that servers leave in a reply."""

from __future__ import annotations

import re


def strip_chat_tokens(text: str) -> str:
    """A reply without the tokens that open and end a turn, and without the turns that a model added after its own.

    A token within a line is data.
    """
    if "<" not in text and "[" not in text:
        return text
    header = _HEADER.match(text)
    start = header.end() if header else 0
    end = _END.search(text, start)
    return text[start : end.start() if end else len(text)].strip() if header or end else text


_ENDS = (
    r"<\|(?:im_end|eot_id|eom_id|endoftext|end_of_text|end|return|call|eos|eot|user|end_of_turn|END_OF_TURN_TOKEN"
    r"|tool_calls_section_end|/?assistant|im_start)\|>"
    r"|</s>|<eos>|<end_of_turn>|<end_of_utterance>|<turn\|>|<\uff5cend\u2581of\u2581sentence\uff5c>|\[EOS\]|\[/INST\]"
)
_END = re.compile(rf"(?:{_ENDS})(?=\s*+(?:\Z|<[|\uff5c]|<start_of_turn>|<s>|\[INST\]|{_ENDS}))")
_HEADER = re.compile(
    r"\s*+(?:(?:<s>|<bos>|<\|begin_of_text\|>|<\|im_start\|>(?:assistant)?|<start_of_turn>(?:model)?"
    r"|<\|start_header_id\|>assistant<\|end_header_id\|>|<\|assistant\|>|<\uff5cAssistant\uff5c>|<\|START_RESPONSE\|>"
    r"|(?:<\|start\|>\s*(?:assistant)?\s*)?<\|channel\|>\s*final[^<\n]*(?:<\|constrain\|>[^<\n]*)?<\|message\|>)\s*+)++"
)
