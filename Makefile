# One list of tasks for people and CI. `make` prints it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV   := .venv
PYTHON := $(VENV)/bin/python
BIN    := $(VENV)/bin
BUF    := tools/node/node_modules/.bin/buf
PROTOS := $(shell find proto -name '*.proto')

.PHONY: help
help: ## Print this list.
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.PHONY: api
api: ## Generate nova/api from proto/ (committed, never edited).
	find nova/api -name '*_pb2*' -delete
	$(PYTHON) -m grpc_tools.protoc --proto_path=proto --python_out=. --grpc_python_out=. \
	  --mypy_out=quiet:. --mypy_grpc_out=quiet,only_async:. $(PROTOS:proto/%=%)
