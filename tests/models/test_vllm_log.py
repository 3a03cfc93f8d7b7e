"""Reading the log of a vLLM server: lines as version 0.32 writes them."""

import pytest

from ste_graph.models.vllm.log import cause, last_error, stage

CORE = "(EngineCore pid=10) {} 11-20 11:41:44 [core.py:133] "
MEMORY = "Available memory on node 0 (7/10 GiB) on kv cache allocation is less than requested memory for kv (900 GiB)."


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ""),
        (CORE.format("INFO") + "Resolved architecture: LlamaForCausalLM", "reading the model's settings"),
        (CORE.format("INFO") + "Initializing a V1 LLM engine with config: model='/Downloading'", "starting the engine"),
        (CORE.format("INFO") + "Starting to load model /models/tiny...", "loading weights"),
        ("\rLoading safetensors checkpoint shards:  50% Completed | 1/2 [00:03<00:03]\r", "loading weights, 50 %"),
        (CORE.format("INFO") + "Loading weights took 2.93 seconds", "preparing the engine"),
        (CORE.format("INFO") + "Starting torch.compile", "compiling"),
        (CORE.format("WARNING") + "Enforce eager set, disabling torch.compile, CUDAGraphs", ""),
        ("Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  12%|#", "capturing CUDA graphs"),
        ("INFO:     Application startup complete.", "answering"),
    ],
)  # fmt: skip
def test_the_stage_is_what_the_last_telling_line_shows(line, expected):
    assert stage(f"first\n{line}\nlast") == expected


def test_the_fault_is_the_last_error_that_points_to_no_other():
    log = "\n".join(
        [
            "(Worker pid=2) WARNING 11-20 11:42:57 [system_utils.py:255] This can cause `OSError: …`.",
            f"(Worker pid=2) ERROR 11-20 11:43:08 [multiproc_executor.py:1063] ValueError: {MEMORY}",
            CORE.format("ERROR") + f"RuntimeError: Worker failed with error '{MEMORY}', please check the stack",
            "    raise RuntimeError(",
            "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
            "resource_tracker.py:254: UserWarning: resource_tracker: There appear to be 1 leaked shared_memory objects",
        ]
    )  # fmt: skip
    assert last_error(log) == f"ValueError: {MEMORY}"
    assert cause(last_error(log)) == "memory"


@pytest.mark.parametrize(
    ("log", "error", "kind"),
    [
        ("", "its log is empty", None),
        ("usage: api_server.py [-h]\napi_server.py: error: unrecognized arguments: --no-such",
         "api_server.py: error: unrecognized arguments: --no-such", None),
        ("OSError: [Errno 98] Address already in use", "OSError: [Errno 98] Address already in use", "port"),
        ("pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
         "  Value error, User-specified max_model_len (99999) is too great. [type=value_error, input_value=…]\n"
         "    For further information visit a page", "User-specified max_model_len (99999) is too great.", None),
        ("huggingface_hub.errors.LocalEntryNotFoundError: Cannot find a cached snapshot folder",
         "huggingface_hub.errors.LocalEntryNotFoundError: Cannot find a cached snapshot folder", "model"),
        ("/bin/python: No module named vllm", "/bin/python: No module named vllm", "package"),
    ],
)  # fmt: skip
def test_a_fault_is_one_line_and_its_cause_is_known_where_there_is_a_remedy(log, error, kind):
    assert (last_error(log), cause(last_error(log))) == (error, kind)
