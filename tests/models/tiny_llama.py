"""A random Llama of some 0.13 million parameters with a tokenizer of its own; run as a file, in a process of its own.

`tiny_llama.py FOLDER` makes it; `tiny_llama.py FOLDER PROMPT…` prints its greedy replies as JSON.
"""

import json
import sys
from pathlib import Path

SENTENCES = [
    "User Query: How many days are left until the first of March?",
    'Thought: I need a tool.\nAction: add_days\nAction Input: {"date": "2024-02-28", "days": 30}',
    "Observation: 2024-03-29",
    "Thought: I know it now.\nFinal Answer: the 29th of March",
    'Respond with "Yes" or "No".',
]
CHAT = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CONTEXT = 4096


def make(folder: Path) -> None:
    """Save model and tokenizer. Two heads of 32: vLLM's attention on CPU knows no head of 16."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>")
    fast.chat_template = CHAT
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)


def replies(folder: Path, prompts: list[str]) -> list[str]:
    """The greedy reply of up to 32 tokens to each prompt."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    texts = []
    for prompt in prompts:
        asked = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            given = model.generate(**asked, max_new_tokens=32, do_sample=False)
        texts.append(tokenizer.decode(given[0, asked["input_ids"].shape[1] :], skip_special_tokens=True))
    return texts


if __name__ == "__main__":
    if sys.argv[2:]:
        print(json.dumps(replies(Path(sys.argv[1]), sys.argv[2:])))
    else:
        make(Path(sys.argv[1]))
