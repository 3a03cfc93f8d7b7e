"""Write the weights of a GGUF file as a folder that transformers and vLLM load: `python convert.py FILE.gguf FOLDER`.

Run with the package `gguf` on its path, in a process of its own. The weights become bfloat16: a rounding of what
their four bits stand for, and so not the weights as they were trained.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

source, target = Path(sys.argv[1]), sys.argv[2]
found = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
model = AutoModelForCausalLM.from_pretrained(
    **found, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
)
model.save_pretrained(target)
AutoTokenizer.from_pretrained(**found).save_pretrained(target)
