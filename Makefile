# make help lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Nothing here speaks HTTP/2 but nginx; without it the binary is half a megabyte smaller.
GO_TAGS := nethttpomithttp2
GO_TOOL := go tool -modfile=tools/go.mod

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-26s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Login, a stand-in for Hasura and SQLite on loopback; nothing but Go is needed
	go run ./dev

.PHONY: build
build: ## The static binary, bin/hasura-login
	CGO_ENABLED=0 go build -trimpath -tags $(GO_TAGS) -ldflags "-s -w -X main.version=$(VERSION)" -o bin/hasura-login ./app

.PHONY: test
test: tools test-go test-scripts ## Everything: install what is missing, then all tests

.PHONY: test-go
# As the program under test is built, so that both are compiled once.
test-go: export CGO_ENABLED = 0
test-go: ## The Go tests, with the real servers they start
	go test -vet=all -timeout 15m ./...
	@go test -v -run '^TestTranscripts$$' ./dev/standin | grep 'transcripts:'

.PHONY: test-scripts
test-scripts: ## The operator scripts: shellcheck, shfmt, bats
	scripts/test

.PHONY: test-race
test-race: ## The Go tests under the race detector
	go test -race -timeout 30m ./...

.PHONY: container-test
container-test: ## Build the image twice, run it read-only, without root or capabilities (installs podman)
	ops/container-smoke

.PHONY: appliance-test
appliance-test: ## Install the whole appliance on a Docker Engine of its own and look at it from outside (root)
	ops/appliance-smoke

.PHONY: appliance-operations-test
appliance-operations-test: ## Operate the whole appliance under load: no request may fail (root; half an hour)
	ops/appliance-operations

.PHONY: tools
tools: ## Install the Debian packages that tests start
	@ops/install-test-tools

.PHONY: lint
lint: ## gofmt, vet, golangci-lint, OpenAPI, YAML, shell
	@test -z "$$(gofmt -l app dev hasura)" || { gofmt -l app dev hasura; echo 'run gofmt -w on these'; exit 1; }
	go vet ./...
	$(GO_TOOL) golangci-lint run ./...
	npx --yes @redocly/cli@2.77.0 lint openapi.yaml
	yamllint -s .
	scripts/lint

.PHONY: bench
bench: ## Measure against the bcrypt bound of the same run; results go to docs/benchmarks.md
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./app/bench

.PHONY: fuzz
fuzz: ## Each fuzz target for 30 seconds
	@set -e; for p in $$(go list ./app/... ./dev/...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime 30s $$p; \
	  done; \
	done
