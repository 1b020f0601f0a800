# Heed. `make run` starts it, `make test` tests it; `make check` is all that CI runs.
GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
CLI      := heed/gateway/internal/cli
LDFLAGS  := -X $(CLI).version=$(VERSION) -X $(CLI).commit=$(COMMIT)
TOOL     := $(GO) tool -modfile=configs/tools/go.mod
FUZZTIME ?= 60s
RACED    := ./suppression/... ./senders/... ./gateway/internal/...

.PHONY: build run test check race fuzz e2e lint bench fmt peers

build: ## bin/heed and bin/heed-bench
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/heed ./gateway
	$(GO) build -o bin/heed-bench ./bench

run: build ## the gateway on loopback, with an inbox and an SMS simulator
	bin/heed serve --dev --data data/dev --port 8080

test: peers ## all tests, the end-to-end campaign included
	$(GO) test -timeout 20m ./...

e2e: peers ## the end-to-end campaign alone, with what it saw
	$(GO) test -count=1 -v -timeout 20m ./gateway/e2e

peers: ## the real peers that the end-to-end tests meet
	@sh .ci/peers

race: ## the concurrent packages under the race detector
	$(GO) test -race -short -timeout 20m $(RACED)

fuzz: ## every fuzz target for FUZZTIME
	@sh .ci/fuzz $(FUZZTIME)

bench: ## the benchmarks beside the hot paths
	$(GO) test -run '^$$' -bench . -benchmem ./suppression/... ./gateway/internal/...

lint: ## vet, staticcheck, layering and shape
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(GO) test -count=1 -run 'TestLayering|TestShape' ./gateway

fmt:
	gofmt -w gateway suppression senders bench

check: build lint test race ## all that CI runs
	@test -z "$$(gofmt -l gateway suppression senders bench)" || { gofmt -l gateway suppression senders bench; echo 'run make fmt'; exit 1; }
