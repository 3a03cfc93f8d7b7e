import json
from pathlib import Path

import pytest

from ste_graph.training.rows import Row


def test_a_student_is_a_folder_that_transformers_loads_and_vllm_can_serve(student: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = json.loads((Path(student) / "config.json").read_text("utf-8"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(student), AutoTokenizer.from_pretrained(student)
    assert (config["architectures"], config["head_dim"]) == (["LlamaForCausalLM"], 32)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer.decode(tokenizer("Hello, 42!")["input_ids"]) == "Hello, 42!"


def test_each_head_of_the_first_layer_begins_by_looking_one_place_further_back(student: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(student)
    model = AutoModelForCausalLM.from_pretrained(student, attn_implementation="eager")
    text = tokenizer("User Query: Please write 123 as a numeral.\n", return_tensors="pt")
    with torch.no_grad():
        first = model(text["input_ids"], output_attentions=True).attentions[0][0]
    for head, seen in enumerate(first):
        place = seen.shape[0] - 1
        assert int(seen[place].argmax()) == place - head - 1
        assert float(seen[place].max()) > 0.7


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2)])
def test_a_seed_decides_the_weights(rows: list[Row], tmp_path: Path, seeds: tuple[int, int]) -> None:
    from ste_graph.training.student import Student, new_student

    shape = Student(hidden=32, layers=1, heads=1, inner=32, length=64)
    made = [new_student(rows, tmp_path / str(n), shape, seed=seed) for n, seed in enumerate(seeds)]
    weights = [(folder / "model.safetensors").read_bytes() for folder in made]
    assert (weights[0] == weights[1]) is (seeds[0] == seeds[1])
