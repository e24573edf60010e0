# Two commands from nothing: `make demo` and `make test`. Everything is installed into .venv, nothing elsewhere.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: demo test lint types tests format docs bench clean

demo: $(VENV)/.base
	$(RUN)/tamis demo $(DEMO)

test: lint types tests

lint: $(VENV)/.dev
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .

types: $(VENV)/.dev
	$(RUN)/pyright --pythonpath $(RUN)/python

tests: $(VENV)/.dev
	$(RUN)/python -m pytest -n 2 --dist loadfile

format: $(VENV)/.dev
	$(RUN)/ruff check --fix --quiet . || true
	$(RUN)/ruff format .

docs: $(VENV)/.dev
	$(RUN)/python docs/generate.py

# Under half an hour on two cores, once the peers are installed; make bench BENCH="load start" runs only these.
# docs/performance.md says what they ask.
bench: $(VENV)/.base
	$(RUN)/python benchmarks/run_all.py $(BENCH)

clean:
	rm -rf $(VENV) runs .tamis .pytest_cache .ruff_cache .hypothesis

# The constraint keeps torch's CPU build; without it pip takes the newest build with several GB of CUDA packages.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tamis needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(RUN)/pip install --disable-pip-version-check -q -c constraints.txt -e .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(RUN)/pip install --disable-pip-version-check -q -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.base
