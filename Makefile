# Each target does its own set-up: Python 3.11 or later, make and a package registry are all that is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= 2

.PHONY: demo test lint bench clean format

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(READY)

demo: $(READY)   ## the main job on the embedded sandbox: plan, apply, kill -9, status, resume, verify
	$(BIN)/python -m tests.demo

test: $(READY)   ## everything that runs by default, under two minutes on two cores
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: $(READY)   ## ruff, mypy strict, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(READY)   ## ratios and counts, measured in one run
	$(BIN)/python -m tests.bench

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
