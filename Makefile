# make help lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# The commit's date, so that two builds of it are identical.
DATE ?= $(shell TZ=UTC git log -1 --date=iso-strict-local --format=%cd 2>/dev/null || echo unknown)
BINARY ?= bin/hasura-login
STAMP := -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)
# Only nginx speaks HTTP/2; without it the binary is half a megabyte smaller.
GO_TAGS := nethttpomithttp2
GO_TOOL := go tool -modfile=tools/go.mod

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-26s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
# Built first, with the name of each package as it is compiled: the first build takes a
# minute or more. Then in a process group of its own, which gets the terminal, so that
# Ctrl-C ends the program and not make.
run: export CGO_ENABLED = 0
run: ## Login, a stand-in for Hasura and SQLite on loopback; nothing but Go is needed (DATABASE_URL=…, ARGS='--listen …')
	@[ -x bin/dev ] || echo 'The first build compiles some 300 packages, which takes a minute or more.'
	@go build -v -o bin/dev ./dev
	@set -m; bin/dev $(ARGS); exit $$?

.PHONY: build
build: ## The static binary, bin/hasura-login
	CGO_ENABLED=0 go build -trimpath -tags $(GO_TAGS) -ldflags "-s -w $(STAMP)" -o $(BINARY) ./app

.PHONY: graphiql
graphiql: ## Build GraphiQL for make run's console, after a change in dev/console/graphiql (Node.js 20.19)
	cd dev/console/graphiql && npm ci --silent && npm run --silent build

.PHONY: graphiql-test
graphiql-test: graphiql ## Whether the GraphiQL in dev/console/page is what its sources build
	git diff --exit-code -- dev/console

.PHONY: test
test: tools test-go test-clients test-scripts ## Everything: install what is missing, then all tests

.PHONY: test-go
# With the flags of the program under test, so that packages are compiled only once. The
# linters vet.
test-go: export CGO_ENABLED = 0
test-go: ## The Go tests, with the real servers they start
	go test -vet=off -timeout 15m $$(go list ./... | grep -v '/clients$$')
	@go test -v -run '^TestTranscripts$$' ./dev/standin | grep 'transcripts:'

.PHONY: test-clients
test-clients: tools ## The npm package: its own tests, in a fresh app, and in Chromium against the real service (Node.js 20.19)
	CGO_ENABLED=0 go test -count 1 -timeout 15m ./clients

.PHONY: test-scripts
test-scripts: ## The operator scripts: shellcheck, shfmt, bats
	scripts/test

# Packages that share memory between goroutines. Left out: the tests that measure a million
# places, which the detector makes ten times slower, the one that kills a process of one
# goroutine a thousand times, and the packages that start whole servers. The longest come first.
RACE_PACKAGES := ./app/login ./app/token ./app/audit ./app/httpapi ./app/logsink ./app/password ./app/secretfile \
	./app/ratelimit ./dev/standin/auth

.PHONY: test-race
test-race: tools ## The packages with concurrency, under the race detector
	CGO_ENABLED=1 go test -race -vet=off -skip "Million|SurvivesKills" -timeout 15m $(RACE_PACKAGES)

.PHONY: nginx-test
nginx-test: ## The gateway's tests with the nginx that .env.example names, built from the tag of its release
	@folder=$$(mktemp -d) && trap "rm -rf $$folder" EXIT && chmod 755 "$$folder" && \
	  install "$$(ops/build-nginx)/nginx" "$$folder/" && PATH="$$folder:$$PATH" go test -count 1 ./app/appliance

# HASURA_LINE is "pinned", or a line such as v2.51, whose newest -ce image is used.
HASURA_LINE ?= pinned
.PHONY: hasura-conformance
hasura-conformance: ## Replay all recorded cases against the real engine, by Docker, or go through the one at HASURA_URL with ADMIN_SECRET; the report is bin/hasura-conformance.txt
	ops/hasura-conformance $(HASURA_LINE)

.PHONY: debian-test
debian-test: ## The operator scripts' tests on Debian 13, in a folder of its own (root)
	ops/debian-test trixie

.PHONY: container-test
container-test: ## Build the image twice, run it read-only, without root or capabilities (installs podman)
	ops/container-smoke

.PHONY: appliance-test
appliance-test: ## Install the whole appliance on a Docker Engine of its own and look at it from outside (root)
	ops/appliance-smoke

.PHONY: appliance-operations-test
appliance-operations-test: ## Operate the whole appliance under load: no request may fail (root; half an hour)
	ops/appliance-operations

.PHONY: kubernetes-test
kubernetes-test: ## Install the chart on a Kubernetes of two nodes, operate it under load, lose a node and a database (root, Debian)
	ops/kubernetes-test

.PHONY: tools
tools: ## Install the Debian packages that tests start
	@ops/install-test-tools

.PHONY: lint
lint: lint-code lint-workflows lint-scripts lint-chart ## gofmt, golangci-lint, OpenAPI, YAML, workflows, shell, Helm chart

.PHONY: lint-code
# With the flags of the tests, for the same reason.
lint-code: export CGO_ENABLED = 0
lint-code: tools
	@test -z "$$(gofmt -l app dev hasura)" || { gofmt -l app dev hasura; echo 'run gofmt -w on these'; exit 1; }
	$(GO_TOOL) golangci-lint run ./...
	npx --yes @redocly/cli@2.77.0 lint openapi.yaml
	yamllint -s .

.PHONY: lint-scripts
lint-scripts: tools
	scripts/lint

.PHONY: lint-workflows
lint-workflows: tools ## The workflow files of .github, with the shell in them
	go tool -modfile=tools/actionlint/go.mod actionlint

.PHONY: lint-chart
# Not from the cache of results, which does not see files outside the module.
lint-chart: ## The Helm chart: helm lint, its schema, kubeconform, and that it is what a VPS has
	CGO_ENABLED=0 go test -C tools/helm -count 1 .

.PHONY: vulnerabilities
vulnerabilities: ## Known vulnerabilities that our code reaches
	go tool -modfile=tools/govulncheck/go.mod govulncheck ./...

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

.PHONY: image
image: ## The image hasura-login:dev, by Docker
	docker build --build-arg GO_IMAGE=$$(sed -n 's/^GO_IMAGE=//p' .env.example) --build-arg VERSION=$(VERSION) \
	  --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) --tag hasura-login:dev .

.PHONY: image-vulnerabilities
image-vulnerabilities: ## Known vulnerabilities in every pinned image (needs Docker)
	ops/check-pins --vulnerabilities

.PHONY: pins
pins: ## Whether every pinned image is there for amd64 and arm64, and how long its line is maintained (needs Docker)
	ops/check-pins

.PHONY: release-notes release-binaries release-image release-sign release-publish release-package release-registry
release-notes release-binaries release-image release-sign release-publish release-package release-registry: release-%: ## A step of a release: VERSION=v1.2.0 OWNER=…
	ops/release $*
