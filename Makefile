# One list of tasks for people and CI. `make` prints it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV    := .venv
BIN     := $(VENV)/bin
PYTHON  := $(BIN)/python
NODE    := tools/node/node_modules
BUF     := $(NODE)/.bin/buf
HELM    := tools/bin/helm
COMPOSE := tools/bin/docker-compose
PROTOS  := $(shell find proto -name '*.proto')
NATIVE  := $(shell find native -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

# A process of a room starts in two thirds of the CPU when its byte code lies beside it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Print this list.
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: up
up: $(VENV)/.installed ## Install all and run the whole platform, with a living world in it.
	@exec $(BIN)/nova up $(ARGS)

.PHONY: test
test: $(VENV)/.developed ## The development extras and the whole default suite.
	cargo test --quiet --locked
	$(PYTHON) -m pytest --numprocesses 2 --no-loadscope-reorder $(ARGS)

.PHONY: test-long
test-long: $(VENV)/.developed ## What takes minutes by itself: whole platforms killed, rolled, benched; a world recounted.
	$(PYTHON) -m pytest -m long $(ARGS)

.PHONY: lint
lint: $(VENV)/.developed $(NODE)/.installed ## Formatting, types, layers, stubs, clippy, migrations, protobuf.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTHON) -m mypy.stubtest nova._native
	cargo fmt --all --check
	PYO3_PYTHON=$(CURDIR)/$(PYTHON) cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(PYTHON) -m nova.app.migrate
	$(BUF) lint
	$(BUF) breaking --against proto/released.binpb

.PHONY: audit
audit: $(VENV)/.developed $(NODE)/.installed ## The GraphQL-over-HTTP audit against a running gateway.
	$(PYTHON) tools/audit.py

.PHONY: manifests
manifests: $(VENV)/.deployed $(HELM) $(COMPOSE) ## Check compose.yaml; render the Helm chart, check every object by its schema, and all against each other.
	$(COMPOSE) --profile '*' config --quiet
	$(PYTHON) tools/manifests.py $(HELM)
	$(PYTHON) -m pytest -q tests/unit/deploy

.PHONY: engines
engines: $(VENV)/.developed ## Fetch and start Kafka, Neo4j, PostgreSQL, PgBouncer, Valkey and SeaweedFS on this machine, without containers.
	@$(PYTHON) -m tools.engines start

.PHONY: engines-stop
engines-stop: ## End the engines; what they keep stays in .nova-engines.
	@$(PYTHON) -m tools.engines stop

.PHONY: test-real
test-real: engines ## What is marked `real`, on these engines, which are emptied for it.
	NOVA_TEST_ENGINES=$(CURDIR)/.nova-engines/env $(PYTHON) -m pytest -m real $(ARGS)

.PHONY: native
native: ## Build the native core again, in release.
	@touch Cargo.toml
	@$(MAKE) --no-print-directory $(VENV)/.installed

.PHONY: api
api: $(VENV)/.developed ## Generate nova/api and tests/proto from their protos (committed, never edited).
	find nova/api tests/proto -name '*_pb2*' -delete
	$(call generate,proto,$(ASYNC),$(PROTOS:proto/%=%))
	$(call generate,.,quiet,tests/proto/echo.proto)

ASYNC := quiet,only_async
define generate
	PATH=$(CURDIR)/$(BIN):$$PATH $(PYTHON) -m grpc_tools.protoc --proto_path=$(1) --python_out=. --grpc_python_out=. \
	  --mypy_out=quiet:. --mypy_grpc_out=$(2):. $(3)
endef

.PHONY: schema
schema: $(VENV)/.installed ## Write the GraphQL schema of the code to nova/gateway/schema.graphql.
	$(PYTHON) -m nova.gateway.sdl

.PHONY: lock
lock: ## Resolve requirements/*.txt again.
	$(call resolve,run,)
	$(call resolve,dev,--extra dev)
	$(call resolve,bench,--extra dev --extra bench)
	$(call resolve,deploy,--extra dev --extra deploy)

define resolve
	uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --python-version 3.11 $(2) pyproject.toml requirements/build.in -o requirements/$(1).txt
endef

.PHONY: clean
clean: ## Remove what building left behind; the data folder stays.
	rm -rf $(VENV) target $(NODE) .mypy_cache .ruff_cache .hypothesis

# The native core is built in release by the editable install; what it was built from decides when to do it again.
$(VENV)/.installed: pyproject.toml requirements/run.txt $(NATIVE)
	@tools/install.sh $(VENV) run
	@touch $@

$(VENV)/.developed: $(VENV)/.installed requirements/dev.txt
	@tools/install.sh $(VENV) dev
	@touch $@

$(VENV)/.deployed: $(VENV)/.developed requirements/deploy.txt
	@tools/install.sh $(VENV) deploy
	@touch $@

$(HELM) $(COMPOSE): | go
.PHONY: go
go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer, then repeat this command."; exit 1; }

$(HELM):
	GOBIN=$(CURDIR)/$(@D) go install helm.sh/helm/v3/cmd/helm@v3.19.2

# Built in the folder of its module, with the hashes of its own go.sum: `go install` takes no module that excludes versions.
$(COMPOSE):
	go mod download github.com/docker/compose/v5@v5.6.0
	go -C "$$(go env GOMODCACHE)/github.com/docker/compose/v5@v5.6.0" build -o $(CURDIR)/$@ ./cmd

$(NODE)/.installed: tools/node/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20 or newer, then repeat this command."; exit 1; }
	npm ci --prefix tools/node --no-audit --no-fund --silent
	@touch $@
