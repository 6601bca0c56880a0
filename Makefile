# What a person can do here: make help.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# A bundle over its budget must fail again the next time.
.DELETE_ON_ERROR:

TOOLS        := $(CURDIR)/.tools
GOLANGCI_VERSION := v2.15.0
GOLANGCI     := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
BIN          := bin/sportello
GO           := go
TESTFLAGS    ?=
BENCHFLAGS   ?=

.PHONY: soak bench-booking help setup setup-run setup-test deps assets warm build run test test-go test-web test-e2e lint lint-go lint-web bench bench-sfu bench-files screenshots generate fmt clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

setup: setup-test deps ## Install whatever is missing (PostgreSQL, Redis, Chromium, Firefox; npm packages)

setup-run:
	@scripts/setup run

setup-test:
	@scripts/setup test

deps: node_modules/.installed

# npm ci only where the lock file is newer than what is installed.
node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	touch $@

# Whatever the bundles are made of; room's texts are among them.
ASSET_SOURCES := $(shell find web/src web/styles web/templates web/locales web/static -type f -not -path '*/dist/*') $(wildcard web/*.go)

assets: web/static/dist/manifest.json ## Build scripts, styles, fonts and icons into web/static/dist

web/static/dist/manifest.json: node_modules/.installed web/build.mjs $(ASSET_SOURCES)
	@node web/build.mjs

# What needs no assets compiles while npm fetches: a third of a cold start.
warm:
	@$(GO) build ./booking/... ./sfu ./signaling ./internal/devstack

build: ## Build the binary, bin/sportello
	@$(MAKE) -j2 warm assets
	$(GO) build -o $(BIN) ./cmd/sportello

run: setup-run build ## Run a whole counter here, with a demonstration town and a call to try
	@exec $(BIN) dev

test: setup-test lint assets ## Check everything: format, lint, types, Go tests with -race, browser tests
	@$(MAKE) test-go
	$(MAKE) test-web
	$(MAKE) test-e2e

test-go: ## Go tests, with the race detector, on real PostgreSQL and Redis
	@echo "== go test -race"
	$(GO) test -race -timeout 10m $(TESTFLAGS) ./...

test-web: deps ## Unit tests of the TypeScript
	@echo "== node --test (units)"
	node web/e2e/run.mjs unit

test-e2e: assets ## Browser tests in Chromium and Firefox
	@echo "== node --test (Chromium, Firefox)"
	node web/e2e/run.mjs browser

lint: lint-go lint-web ## Format and lint, Go and TypeScript

lint-go: $(GOLANGCI)
	@echo "== gofmt, go vet, golangci-lint"
	unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go'))
	if [[ -n $$unformatted ]]; then echo "gofmt is due on:" $$unformatted; exit 1; fi
	$(GO) vet ./...
	$(GOLANGCI) run ./...

lint-web: deps
	@echo "== tsc, eslint, prettier"
	npx tsc --noEmit
	npx eslint --max-warnings=0 web
	npx prettier --check --log-level warn .

bench: ## Benchmarks
	$(GO) test -run '^$$' -bench . -benchmem $(TESTFLAGS) ./...

bench-booking: ## The agenda at 1, 100 and 8,000 municipalities, beside plain inserts; filling takes a quarter of an hour
	SPORTELLO_BENCH_TOWNS=1,100,8000 $(GO) test ./booking -run '^$$' -bench 'Scale|RollForward' -benchtime 3s -timeout 60m

SOAK ?= 1000000
soak: ## Play random bookings from many clients, killing program and database in the midst: SOAK operations
	SPORTELLO_SOAK=$(SOAK) $(GO) test -run '^TestNothingIsLost$$' -v -timeout 0 ./booking

screenshots: assets ## Take the README's pictures from the running system
	npx esbuild web/e2e/screenshots.ts --bundle --platform=node --format=esm --packages=external --outfile=web/e2e/out/screenshots.mjs --log-level=warning
	node web/e2e/out/screenshots.mjs

bench-sfu: ## What a call costs the media server, beside plain pion/webrtc; BENCHFLAGS=-help for more
	@$(GO) build -o bin/sportello-bench ./cmd/sportello-bench
	bin/sportello-bench $(BENCHFLAGS)

FILES ?= 3
bench-files: assets ## A file of 100 MB from one Chromium to another beside their call, FILES times
	@npx esbuild web/e2e/bench-files.ts --bundle --platform=node --format=esm --packages=external --outfile=web/e2e/out/bench-files.mjs --log-level=warning
	FILES=$(FILES) node web/e2e/out/bench-files.mjs

generate: ## Write what is generated from one source (the wire protocol's TypeScript)
	$(GO) generate ./...

fmt: deps $(GOLANGCI) ## Format everything
	$(GOLANGCI) fmt ./...
	npx prettier --write --log-level warn .

$(GOLANGCI):
	@echo "Building golangci-lint $(GOLANGCI_VERSION), once"
	mkdir -p $(TOOLS)
	GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(TOOLS)/golangci-lint $@

clean: ## Remove what was built; .dev (the data of make run) stays
	rm -rf bin node_modules $(TOOLS) web/e2e/out
	find web/static/dist -mindepth 1 ! -name .gitkeep -delete
