# The only entry to the house: `make` alone prints what there is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LIBS := libs/schema libs/runtime libs/storage libs/devstack
SERVICES := producer consumer dashboard
PACKAGES := $(LIBS) $(SERVICES)
BENCH ?= $(sort $(patsubst tests/benchmarks/%.py,%,$(wildcard tests/benchmarks/[a-z]*.py)))
# Compiled for every platform and Python >= 3.11; no index address ever reaches a lock.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --upgrade \
	$(foreach p,schema runtime storage,--no-emit-package vitalstream-$(p))

.DEFAULT_GOAL := help
.PHONY: help env demo test bench lint format docs lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.installed ## make .venv from the hashed lock (needs Python 3.11+ and a package index)

$(VENV)/.installed: requirements/dev.lock $(PACKAGES:%=%/pyproject.toml) requirements/bootstrap.py
	@$(PYTHON) requirements/bootstrap.py $(VENV) requirements/dev.lock $(PACKAGES)
	@touch $@

demo: env ## run everything on this machine; DEMO_SECONDS=40 stops by itself, DEMO_FRESH=1 forgets old data
	@exec $(BIN)/python -m vitalstream_devstack demo

test: env ## every test that needs no cluster, on real Kafka and PostgreSQL
	@$(BIN)/python -m pytest

bench: env ## measure, each beside its limit; BENCH=producer for one of them, ARGS=--help for its options
	@set -e; for name in $(BENCH); do $(BIN)/python -m tests.benchmarks.$$name $(ARGS); done

lint: env ## ruff, mypy, import-linter, shellcheck
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)

format: env ## let ruff write what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: env ## write what is generated: configuration, event, data dictionary
	@$(BIN)/python -m vitalstream_schema docs
	@$(BIN)/python -m tests.configuration.document

lock: env ## resolve the newest dependencies again, with hashes
	@$(LOCK) -o requirements/dev.lock --no-emit-package vitalstream-devstack \
		requirements/dev.in $(PACKAGES:%=%/pyproject.toml)
	@for s in $(SERVICES); do $(LOCK) -o $$s/requirements.lock $$s/pyproject.toml; done
	@$(LOCK) -o libs/storage/requirements.lock libs/storage/pyproject.toml

clean: ## remove the environment, caches and the demo's data
	@rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build
