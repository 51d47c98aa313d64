# make demo   a merged pull request, played through the real action on this machine alone; SCENARIO=operations: the
#             operations on what is deployed already
# make test   unit and integration tests
# Every target makes the environment that it needs; nothing has to be installed but Python 3.11+ and make.

PYTHON ?= python3
SCENARIO ?= merge
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 17

$(BIN)/uv: requirements/uv.txt
	@echo 'making the environment $(VENV) (once)'
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/sandbox.stamp: $(BIN)/uv requirements/sandbox.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/sandbox.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/sandbox.stamp requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements/dev.txt
	@touch $@

.PHONY: environment
environment: $(VENV)/dev.stamp ## everything for developing, in .venv

.PHONY: lock
lock: $(BIN)/uv ## resolve the dependencies anew
	@scripts/lock

.PHONY: demo
demo: $(VENV)/sandbox.stamp ## a merged pull request, played through the real action on this machine; or SCENARIO=operations
	@$(BIN)/python -m sandbox.demo --scenario $(SCENARIO)

.PHONY: test
test: $(VENV)/dev.stamp ## unit and integration tests
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadfile

.PHONY: bench
bench: $(VENV)/sandbox.stamp ## the action against `python flow.py … create`, as ratios
	@$(BIN)/python -m benchmarks

.PHONY: e2e
e2e: $(VENV)/dev.stamp ## act runs the workflows in Docker, with the action's own image, against the sandbox
	@$(BIN)/python -m pytest tests/e2e --numprocesses 3 --dist loadscope

.PHONY: airflow
airflow: $(VENV)/dev.stamp ## real Airflows, 2 and 3, against the sandbox and its cluster (docs/airflow.md)
	@$(BIN)/python -m pytest tests/airflow

.PHONY: compat
compat: $(VENV)/sandbox.stamp ## try releases of Metaflow with each kind of Argo's CRDs and on AWS (docs/compatibility.md)
	@$(BIN)/python scripts/compatibility.py
	@$(BIN)/python scripts/generate_docs.py

.PHONY: features
features: $(VENV)/dev.stamp ## deploy every kind of flow with Metaflow and with the action (docs/metaflow-features.md)
	@METAFLOW_FEATURES_WRITE=1 $(BIN)/python -m pytest tests/features
	@$(BIN)/python scripts/generate_docs.py

.PHONY: cluster
cluster: $(VENV)/sandbox.stamp ## a real Kubernetes with Argo Workflows on this machine (docs/cluster.md)
	@$(BIN)/python -m sandbox.kubernetes up

.PHONY: cluster-down
cluster-down: $(VENV)/sandbox.stamp ## take that cluster away, without a trace
	@$(BIN)/python -m sandbox.kubernetes down

.PHONY: cluster-modules
cluster-modules: $(VENV)/sandbox.stamp ## after a version in sandbox/kubernetes/modules/*/go.mod was changed
	@$(BIN)/python -m sandbox.kubernetes.go_modules

.PHONY: lint
lint: $(VENV)/dev.stamp ## every linter; all of them run, also after one that fails
	@scripts/lint

.PHONY: docs
docs: $(VENV)/sandbox.stamp ## write the generated parts of the README, docs/operations.md, docs/compatibility.md, docs/metaflow-features.md
	@$(BIN)/python scripts/generate_docs.py
