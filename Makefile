# Callwright. `make` lists what there is; `make demo` is the place to start.
.DEFAULT_GOAL := help
.PHONY: help setup demo up down call kb dead-letters replay kayako-probe doctor test explore bench chaos check lock migration clean
PYTHON_ENV := .venv/bin/python
RUN := $(PYTHON_ENV) -m

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^## / {printf "\n%s\n", substr($$0, 4)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Run
demo: desk ## everything on this machine, one scripted call, its ticket (ONCE=1 stops afterwards; KB=folder)
	@$(RUN) lab demo $(if $(ONCE),--once) $(if $(KB),--kb $(KB))

up: desk ## the platform without the scripted call, with real providers when their keys are set
	@$(RUN) lab up

down: desk ## stop what `make up` or `make demo` started from this folder
	@$(RUN) lab down

call: desk ## place a call on the running demo (SCENARIO=name, TRANSPORT=conversation_relay, or QUESTIONS=file N=20, AT_ONCE=5)
	@$(RUN) lab call $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(TRANSPORT),--transport $(TRANSPORT)) $(if $(QUESTIONS),--questions $(QUESTIONS)) $(if $(N),--count $(N)) $(if $(AT_ONCE),--at-once $(AT_ONCE))

kb: desk ## upload a folder of Markdown or HTML files (DIR=folder, COLLECTION=default)
	@$(RUN) lab kb $(DIR) $(if $(COLLECTION),--collection $(COLLECTION))

## Operate
dead-letters: desk ## tasks that gave up, and why
	@$(RUN) lab dead-letters

replay: desk ## send dead letters again (ID=task id, or ALL=1)
	@$(RUN) lab replay $(if $(ALL),--all,$(ID))

kayako-probe: desk ## what your Kayako tenant can do, and what to mend (WRITE=1 also makes one internal case)
	@$(RUN) lab kayako-probe $(if $(WRITE),--write)

doctor: desk ## what is missing on this machine or in the settings, and how to mend it
	@$(RUN) lab doctor

## Develop
setup: ## prepare .venv for development
	@requirements/install development

desk:
	@requirements/install desk

test: setup check ## everything CI runs: check, then all tests (T=path for some)
	@$(if $(T),true,$(RUN) pytest -m alone)
	@$(RUN) pytest $(if $(T),,-m "not alone") --numprocesses 2 --dist loadfile --no-loadscope-reorder $(T)

explore: setup ## the tests with new random examples for every property (T=path for some)
	@$(RUN) pytest --hypothesis-profile=explore --hypothesis-show-statistics $(or $(T),tests/unit)

bench: setup ## live calls on one voice process: cost, time added, barge-in, memory (CALLS=10 SECONDS=30)
	@$(RUN) tests.bench.voice_calls --calls $(or $(CALLS),10) --seconds $(or $(SECONDS),30)

chaos: setup ## calls while everything is killed, frozen and cut; both sides compared (SEED=number CALLS=300 RATE=3.5; 10000 take 50 minutes)
	@$(RUN) tests.chaos $(if $(SEED),--seed $(SEED)) --calls $(or $(CALLS),300) $(if $(RATE),--rate $(RATE))

check: setup ## lint, format, types, import rules
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache >.local-lint 2>&1 || { cat .local-lint; rm -f .local-lint; exit 1; }; rm -f .local-lint

lock: setup ## write the lock files again (UPGRADE=1 takes newer versions)
	@UPGRADE=$(UPGRADE) requirements/lock

migration: setup ## a migration from the difference between models and schema (M="what it does")
	@$(RUN) lab migration "$(M)"

clean: ## remove what running left behind: data, logs, caches
	rm -rf .local .mypy_cache .ruff_cache .pytest_cache
