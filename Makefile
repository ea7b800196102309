# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

GO       ?= go
FUZZTIME ?= 60s
# What the binary says of itself: nothing where this is no checkout.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS   = -X main.version=$(VERSION) -X main.commit=$(COMMIT)
LINT      = $(GO) tool -modfile=deploy/tools/golangci-lint/go.mod golangci-lint
CLIENTLINT = $(GO) -C $(CLIENT) tool -modfile=../deploy/tools/golangci-lint/go.mod golangci-lint
# Charts and compose files are tried in a module of their own.
CHARTTEST = deploy/helm/charttest
# Alert rules are tried by Prometheus' own code, in another.
RULESTEST = deploy/prometheus/rulestest
# The Go client has one requirement, and none of the service's.
CLIENT    = client
BENCHSTAT = $(GO) tool -modfile=deploy/tools/benchstat/go.mod benchstat
NEW      ?= bin/bench.txt
# The playground's page: its bundle of MSAL.js, its types, its pictures.
PAGES     = cmd/issuer/internal/playground/browser
BROWSER  ?= chromium
DEADCODE  = $(GO) tool -modfile=deploy/tools/deadcode/go.mod deadcode
# The TypeScript client and its tools, installed anew when the lock file changes.
TS        = clients/typescript
TSTOOLS   = $(TS)/node_modules/.package-lock.json
# The site of the documents.
SITE      = docs/site
SITETOOLS = $(SITE)/node_modules/.package-lock.json
SBOM      = $(GO) tool -modfile=deploy/tools/cyclonedx-gomod/go.mod cyclonedx-gomod

##@ Work
.PHONY: help dev build image setup test test-rooms test-beside client-ts weather bench bench-overload bench-plots plots bench-parts bench-replicas bench-footprint bench-compare fuzz soak
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

dev: ## Run everything in one process: a fake Entra tenant, roles and keys in memory
	$(GO) run ./cmd/issuer dev

build: ## Build the static binary bin/issuer
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)" -o bin/issuer ./cmd/issuer

image: ## Build the container image issuer, with the version and commit of this checkout
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) -t issuer .

setup: ## Install what the tests need (Postgres, Redis, gateways, shells, mandoc, Node, Chromium), where it is missing and may be installed
	@scripts/setup.sh

test: setup build $(TSTOOLS) ## Run all tests but those of the weather, with the race detector
	@$(MAKE) --no-print-directory -j2 test-rooms test-beside

# Both at once: either one leaves a processor idle at times.
test-rooms test-beside: export TEST_BINARY = $(CURDIR)/bin/issuer
test-rooms:
	$(GO) test -race -count=1 -timeout 30m $$($(GO) list ./... | grep -v '/cmd/issuer/weather$$')

test-beside:
	$(GO) -C $(CHARTTEST) test -count=1 ./...
	$(GO) -C $(RULESTEST) test -count=1 ./...
	$(GO) -C $(CLIENT) test -race -count=1 ./...
	@$(MAKE) --no-print-directory client-ts

client-ts: setup $(TSTOOLS) ## Test the TypeScript client, against the program and in Chromium
	npm --prefix $(TS) test

$(TSTOOLS): $(TS)/package-lock.json
	npm --prefix $(TS) ci

weather: setup ## Run the program as processes while what it stands on is slow, silent, gone or broken
	$(GO) test -race -count=1 -timeout 30m ./cmd/issuer/weather

bench: setup ## Measure what requests cost, beside plain handlers that do the same, into bin/bench.txt
	@mkdir -p bin
	BENCH_OUT=$(CURDIR)/bin/bench.txt $(GO) test -run '^$$' -bench Servers -benchtime 1x -timeout 0 ./cmd/issuer/bench

bench-overload: setup ## Ask more than the program can do, and see what becomes of whom
	BENCH_ROUNDS=$${BENCH_ROUNDS:-5} $(GO) test -run '^$$' -bench Overload -benchtime 1x -timeout 0 ./cmd/issuer/bench

bench-plots: setup ## Measure how an exchange's cost grows, and draw it into docs/performance
	BENCH_OUT=$(CURDIR)/docs/performance/growth.txt BENCH_ROUNDS=$${BENCH_ROUNDS:-5} BENCH_SPAN=$${BENCH_SPAN:-500ms} $(GO) test -run '^$$' -bench Growth -benchtime 1x -timeout 0 ./cmd/issuer/bench
	@$(MAKE) --no-print-directory plots

plots: ## Draw docs/performance/growth.txt anew
	$(GO) run ./cmd/issuer/bench/plot docs/performance

bench-parts: setup ## Run the benchmarks of the parts
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v '/cmd/issuer/bench$$')

bench-replicas: setup ## Measure what a request costs one, two and four replicas together
	$(GO) test -run '^$$' -bench Replicas -benchtime 1x -timeout 0 ./cmd/issuer/bench

bench-footprint: setup ## Measure the memory of a process that knows 100,000 callers, and the time it takes to start
	$(GO) test -run '^$$' -bench Footprint -benchtime 1x -timeout 0 ./cmd/issuer/bench

bench-compare: ## Hold the measurements in the files OLD and NEW (bin/bench.txt) against each other
	$(BENCHSTAT) $(OLD) $(NEW)

fuzz: ## Run every fuzz target for FUZZTIME (60s)
	@scripts/fuzz.sh $(FUZZTIME)

soak: setup ## Mint for SOAK (15m) while keys change every few minutes, and show each token to engines
	$(GO) test -tags soak -run '^TestSoak$$' -v -count=1 -timeout 0 ./cmd/issuer/weather

.PHONY: page-packages page-bundle page-types page-pictures
page-packages:
	@cd $(PAGES) && npm ci --silent

page-bundle: page-packages ## Bundle what the playground uses of MSAL.js anew, by the lock file
	cd $(PAGES) && node bundle.mjs

page-types: page-packages ## Check the types of our pages' modules
	cd $(PAGES) && npx tsc -p .

page-pictures: build page-packages ## Take the pictures of docs/pictures from the program
	cd $(PAGES) && BROWSER=$$(command -v $(BROWSER)) node pictures.mjs $(CURDIR)/bin/issuer $(CURDIR)/docs/pictures

.PHONY: docs docs-serve
docs: setup $(SITETOOLS) ## Build the site of the documents into docs/site/dist, and check it (SITE_BASE: the path that it will lie under)
	npm --prefix $(SITE) run --silent build

docs-serve: docs ## Build it and show it at http://127.0.0.1:4173/
	npm --prefix $(SITE) run --silent preview -- --host 127.0.0.1

$(SITETOOLS): $(SITE)/package-lock.json
	npm --prefix $(SITE) ci --ignore-scripts --no-fund --no-audit

##@ Check
.PHONY: fmt lint lint-client-ts tidy dead vet ci
fmt: ## Format the code; the TypeScript client's where its tools are installed (make client-ts)
	$(LINT) fmt
	$(CLIENTLINT) fmt
	@if [ -e $(TSTOOLS) ]; then npm --prefix $(TS) run format; fi

lint: ## Run the linters, which also hold the walls between the rooms
	$(LINT) run
	$(CLIENTLINT) run

lint-client-ts: setup $(TSTOOLS) ## Check the TypeScript client: format, lint, types, and the shape it would be published in
	npm --prefix $(TS) run lint
	npm --prefix $(TS) run shape

tidy: ## Fail if go.mod or go.sum are not tidy
	$(GO) mod tidy -diff
	$(GO) -C $(CHARTTEST) mod tidy -diff
	$(GO) -C $(RULESTEST) mod tidy -diff
	$(GO) -C $(CLIENT) mod tidy -diff

dead: ## Fail if there is code that nothing reaches
	@out=$$($(DEADCODE) -test ./...) || exit 1; if [ -n "$$out" ]; then echo "$$out"; exit 1; fi

vet: ## Run shellcheck and systemd-analyze where they are installed; go vet is among the linters
	@if command -v shellcheck >/dev/null; then shellcheck scripts/*.sh .ci/run deploy/compose/*.sh deploy/compose/postgres/*.sh deploy/hasura/v2/*.sh deploy/systemd/issuer-run; fi
	@scripts/units.sh

.PHONY: vuln sbom reproducible
vuln: ## Look for known vulnerabilities, where their database can be reached; else say that nothing was checked
	@GO="$(GO)" scripts/vuln.sh

sbom: build ## Write what the binary is made of to bin/issuer.cdx.json (CycloneDX)
	$(SBOM) bin -json -std -noserial -version "$(or $(VERSION),unknown)" -output bin/issuer.cdx.json bin/issuer

reproducible: ## Build twice, in two folders and from two caches, and fail if a byte differs
	@GO="$(GO)" LDFLAGS="$(LDFLAGS)" scripts/reproducible.sh

ci: tidy ## All checks, the build and the tests, as CI runs them
	$(LINT) fmt --diff
	$(CLIENTLINT) fmt --diff
	$(MAKE) --no-print-directory lint-client-ts
	$(MAKE) --no-print-directory -j2 lint vet dead vuln build
	$(MAKE) --no-print-directory test
