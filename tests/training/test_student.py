import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ste_graph.training.rows.row import TrainingRow


def test_a_student_is_a_folder_that_transformers_loads_and_vllm_can_serve(student: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = json.loads((Path(student) / "config.json").read_text("utf-8"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(student), AutoTokenizer.from_pretrained(student)
    assert (config["architectures"], config["head_dim"]) == (["LlamaForCausalLM"], 32)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer.decode(tokenizer("Hello, 42!")["input_ids"]) == "Hello, 42!"


@pytest.fixture(scope="module")
def untrained(rows: list[TrainingRow], tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from ste_graph.training.student.student import create_student

    folder = create_student(rows, tmp_path_factory.mktemp("whole"))
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager"), AutoTokenizer.from_pretrained(
        folder
    )


def test_heads_of_the_first_layer_begin_by_looking_one_place_further_back_each(untrained: Any) -> None:
    import torch

    model, tokenizer = untrained
    text = tokenizer("User Query: Please write 123 as a numeral, and 456 as another one.\n", return_tensors="pt")
    with torch.no_grad():
        first = model(text["input_ids"], output_attentions=True).attentions[0][0]
    place = first.shape[-1] - 1
    for head, seen in enumerate(first[:3]):
        assert int(seen[place].argmax()) == place - head - 1
        assert float(seen[place].max()) > 0.9


def test_an_untrained_student_goes_on_as_the_same_digits_went_on_before(untrained: Any) -> None:
    import torch

    model, tokenizer = untrained
    right = 0
    for start in range(10):
        digits = "7305914826"[start:] + "7305914826"[:start]
        text = tokenizer(f"Please write {digits} as a numeral. {digits[:4]}", return_tensors="pt")
        with torch.no_grad():
            best = model(text["input_ids"]).logits[0, -1].argmax()
        right += tokenizer.decode(best) == digits[4]
    assert right >= 8


@pytest.mark.parametrize("shape", [{"layers": 1}, {"hidden": 32}, {"hidden": 100}])
def test_a_shape_without_room_to_copy_is_refused(shape: dict[str, int]) -> None:
    from ste_graph.training.student.student import StudentShape

    with pytest.raises(
        ValidationError, match="to begin able to copy, a student needs at least two layers and a width of 64, 96, …"
    ):
        StudentShape(**shape)
    assert StudentShape(**shape, copies=False)


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2)])
def test_a_seed_decides_the_weights(rows: list[TrainingRow], tmp_path: Path, seeds: tuple[int, int]) -> None:
    from ste_graph.training.student.student import StudentShape, create_student

    shape = StudentShape(hidden=32, layers=1, heads=1, inner=32, length=64, copies=False)
    folders = [create_student(rows, tmp_path / str(n), shape, seed=seed) for n, seed in enumerate(seeds)]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert (weights[0] == weights[1]) is (seeds[0] == seeds[1])
