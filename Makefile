# Each target does its own set-up: Python 3.11 or later, make and a package registry are all that is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
BED := $(VENV)/.bed
WORKERS ?= 2
export UPGRADER_BED_KUBERNETES ?= $(KUBERNETES)
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
FAST := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: demo test long journeys bed e2e bench-bed lint bench clean format

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	@$(PIP) uv || true
	$(FAST) -e . 2>/dev/null || $(PIP) -e .   # pip where uv does not find the registry
	@touch $(INSTALLED)

$(READY): $(INSTALLED)
	$(FAST) -e '.[dev]' 2>/dev/null || $(PIP) -e '.[dev]'
	@touch $(READY)

$(BED): $(READY)
	$(FAST) -e '.[dev,bed]' 2>/dev/null || $(PIP) -e '.[dev,bed]'
	@touch $(BED)

demo: $(INSTALLED)   ## the main job on the embedded sandbox: plan, apply, kill -9, status, resume, verify
	$(BIN)/python -m tests.demo

test: $(READY)   ## everything that runs by default, some four minutes on two cores
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

long: $(READY)   ## meshes of every kind, faults at every change, signals; some minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m long

journeys: $(READY)   ## whole upgrades: killed and resumed, rolled back, of upstream's charts; and every kubectl
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m journey

bed: $(BED)   ## build a real API server, istiod and istioctl into a cache: some fifteen minutes once, then nothing (Go)
	$(BIN)/python -m tests.bed build

e2e: $(BED)   ## whole upgrades of real meshes in a network of its own; KUBERNETES=1.32 TESTS=… (root, Linux, Go)
	$(BIN)/python -m tests.bed test $(TESTS)

bench-bed: $(BED)   ## looking at 5,000 injected pods on the bed: ours beside istioctl and the official client
	$(BIN)/python -m tests.bed bench

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
