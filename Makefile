# Each target says what it is for after `##`; `make` prints them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV     ?= uv
JOBS   ?= 3

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 1))' || { echo "Python 3.11.1 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Installing into $(VENV) from requirements.lock ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## create .venv from the lock file with hashes

run: $(STAMP) ## start the hub with sandbox systems, show the whole path, stay up
	@$(BIN)/deltahub demo

# Tests start hundreds of Python processes: each would compile the whole project where bytecode may not be kept.
test: $(STAMP) ## run every test, in three processes (they wait a lot): JOBS=1 for one
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(JOBS) --dist loadfile

torture: $(STAMP) ## kill a hub under load and give it seven other troubles; check every acknowledged row
	@$(BIN)/python -m tests.torture --kills 100
	@$(BIN)/python -m tests.torture --scenario all

suites: $(STAMP) ## the long forms of tests, written to docs/suites.md (some hours; each has a bound)
	@$(BIN)/python -m tests.suites

bench: $(STAMP) ## measure the hub beside its peers, write bench/RESULTS.md (about 10 minutes)
	@$(BIN)/python -m bench

bench-large: $(STAMP) ## the same, with 1.3 million instruments beside (fills them first: 20 minutes, 15 GB)
	@$(BIN)/python -m bench --large 1300000

check: $(STAMP) ## lint, types, import contracts, fresh generated files
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/deltahub standard --check

fix: $(STAMP) ## format and mend what the linter can mend
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

standard: $(STAMP) ## regenerate schema/published from the records
	@$(BIN)/deltahub standard

lock: ## renew requirements.lock (needs uv)
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

clean: ## remove .venv, caches and the demo's data
	@rm -rf $(VENV) .hub .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.PHONY: help install run test torture suites bench bench-large check fix standard lock clean
.DEFAULT_GOAL := help
