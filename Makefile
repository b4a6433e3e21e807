# Each target does all the set-up it needs. Only relative paths here: make splits absolute ones at spaces.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup cluster drill nightly test variants e2e check golden lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv: Python, pinned packages, the servers' files (again: at once, without network)
	@scripts/setup.sh

cluster: setup ## What `workbench cluster up` needs of this machine: Debian's packages (as root), a Go
	@scripts/cluster.sh

drill: setup ## One whole drill: predict, seal, kill a broker, observe, compare (ARGS="--seed 7")
	@.venv/bin/workbench drill broker-loss $(ARGS)

# With nothing given it is the suite "nightly"; records that are kept make the history's beginning.
nightly: setup ## A suite of drills, judged against earlier nights (ARGS="smoke --history FILE")
	@scripts/nightly.sh $(ARGS)

test: setup ## All tests, those with real servers too (ARGS="tests/unit" for some of them)
	@scripts/test.sh $(ARGS)

variants: setup ## Tests on hubs of other kinds, and of a burst of the load
	@.venv/bin/python -m pytest tests/variants $(ARGS)

e2e: setup ## A real Kubernetes of its own: manifests, scheduler, a node's power-off (as root)
	@scripts/e2e.sh $(ARGS)

check: setup ## Format, lint, types, import contracts, scenarios and experiments
	@scripts/check.sh

golden: setup ## Write the golden files anew from what the code gives now (then read the diff)
	@.venv/bin/python -m tests.golden.cases

lock: setup ## Resolve pyproject.toml into requirements.txt anew (needs network)
	@scripts/lock.sh

clean: ## Remove .venv and tool caches; runs in reports/out and downloads stay
	@scripts/clean.sh
