# `make demo` and `make test` do all set-up themselves; `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
PYTHON_DIRS := crds node-agent operator e2e tests bench
ARGS ?=
WORKERS ?= 2
RUNS ?= 50000
TRIALS ?= 1000

.PHONY: help setup demo test lint types layers generated unit fuzz format crds lock e2e-kernel e2e-cluster \
	bench-agent-cost bench-kill-latency bench-kernel-log bench-killorder bench-nodes bench-pods bench-agent-vs-kubelet \
	bench-forecast bench-recommender bench-writes clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## .venv with the locked dependencies
	@scripts/setup

demo: setup ## real containers, a real OOM kill, and the pod annotated (ARGS=--keep leaves it running)
	@$(BIN)/oomsight-sandbox demo $(ARGS)

test: lint types layers generated unit ## everything that needs no cluster: lint, types, layers, generated files, tests

lint: setup
	$(BIN)/ruff check $(PYTHON_DIRS)
	$(BIN)/ruff format --check $(PYTHON_DIRS)

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

generated: setup
	$(BIN)/oomsight-crds --check

unit: setup
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(ARGS)

fuzz: setup ## the kernel log's parser under atheris: RUNS inputs, coverage-guided, from the real logs
	$(BIN)/python tests/fuzz/fuzz_kernel_log.py $(RUNS)

format: setup ## format the code
	$(BIN)/ruff check --fix $(PYTHON_DIRS)
	$(BIN)/ruff format $(PYTHON_DIRS)

crds: setup ## write the CRD YAML from the models
	$(BIN)/oomsight-crds

COMPILE := uv pip compile -q --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 --universal
lock: setup ## compile the requirements files, with hashes and without any index
	$(BIN)/$(COMPILE) requirements/build.in -o requirements/build.txt
	$(BIN)/$(COMPILE) pyproject.toml -o requirements/agent.txt
	$(BIN)/$(COMPILE) pyproject.toml --extra operator -o requirements/operator.txt
	$(BIN)/$(COMPILE) pyproject.toml --extra dev -o requirements/dev.txt

e2e-kernel: setup ## every OOM told once, on this kernel and on Debian's in virtual machines with cgroup v2 (root on Debian 12, 20 minutes)
	@PYTHONPATH=e2e/kernel $(BIN)/python -m oomsight_kernel_vm.suite $(ARGS)

e2e-cluster: setup ## a real cluster (KUBECONFIG's, kind's, or one built from Debian's packages), the chart, real kills (ARGS=--help)
	@PYTHONPATH=e2e/kernel:e2e/cluster $(BIN)/python -m oomsight_cluster.suite $(ARGS)

bench-agent-cost: setup ## cost of the agent's scan of 330 containers against a C loop
	$(BIN)/python bench/agent_cost.py $(ARGS)

bench-recommender: setup ## limits by oomsight, VPA and KRR replayed on recorded traces (ARGS="--traces DIR [--json]")
	$(BIN)/python bench/recommender.py $(ARGS)

bench-kill-latency: setup ## from a real kill to the agent's answer, the annotation and the Event
	$(BIN)/python bench/kill_latency.py $(ARGS)

bench-killorder: setup ## whom the product names before an OOM against whom real kernels kill: TRIALS random scenarios (root on Debian 12)
	@PYTHONPATH=e2e/kernel $(BIN)/python -m oomsight_kill_order.suite --trials $(TRIALS) $(ARGS)

bench-nodes: setup ## what judging whole nodes costs: metrics of all, and one question to the API
	$(BIN)/python bench/node_assessments.py $(ARGS)

bench-pods: setup ## what judging a pod costs whose memory trembles and that needs no write (ARGS="--pods 2000 --rounds 6")
	$(BIN)/python bench/pod_judgements.py $(ARGS)

bench-agent-vs-kubelet: setup ## the agent's metrics beside the kubelet's cAdvisor in a real cluster: values, and what each costs
	@PYTHONPATH=e2e/kernel:e2e/cluster $(BIN)/python bench/agent_vs_kubelet.py $(ARGS)

bench-forecast: setup ## what the forecast foresees of generated series and of traces, against predict_linear and a threshold (ARGS='--seed 7 --each 8 --traces DIR')
	$(BIN)/python bench/forecast.py $(ARGS)

bench-kernel-log: setup ## lines a second of the kernel log's reader and parser
	$(BIN)/python bench/kernel_log.py $(ARGS)

bench-writes: setup ## how often MemoryRecommendations are written (ARGS="--workloads 200 --days 3")
	$(BIN)/python bench/recommendation_writes.py $(ARGS)

clean: ## remove what make made
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
