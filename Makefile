# Countersign. The two that matter: make run, make test.

.PHONY: run build release test race lint bench bench-short fuzz clean

# The binary is static, and what is tested is what is built.
export CGO_ENABLED = 0

GO ?= go
BUILD := build
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
FUZZTIME ?= 60s

## run: a working server; follow the link it prints to become the first administrator
run: build
	@mkdir -p $(BUILD)
	@exec $(BUILD)/countersign serve --database sqlite:$(BUILD)/countersign.db

## build: the static binary, build/countersign
build:
	$(GO) build -ldflags '-s -w -X main.version=$(VERSION)' -o $(BUILD)/countersign ./cmd/countersign

## release: the same, reproducible anywhere, with its checksum
release:
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $(BUILD)/countersign ./cmd/countersign
	cd $(BUILD) && sha256sum countersign > countersign.sha256

# Most tests wait, for disks, timers and browsers: more of them run at once than there are
# processors. No test may be skipped.
STRICT := $(GO) run ./internal/scripts/strict
ATONCE ?= -p 3 -parallel 6

## test: everything: unit, SQLite, PostgreSQL, official SDKs, real Chromium
test:
	internal/scripts/need chromium postgresql pgbouncer openssl nginx-light caddy
	internal/scripts/gently internal/scripts/in-memory internal/scripts/with-postgres $(STRICT) -timeout 30m $(ATONCE) ./...
	@$(GO) test -v -run TestEveryOperationIsAccountedFor ./internal/server | sed -n 's/.*: \([0-9]* operations: .*\)/wire contract: \1/p'

## race: the packages with concurrency, under the race detector (needs a C compiler)
race:
	internal/scripts/need postgresql pgbouncer openssl
	CGO_ENABLED=1 internal/scripts/in-memory internal/scripts/with-postgres $(STRICT) -race -timeout 60m ./api/... ./client/... ./guard/... ./internal/auth/... ./internal/keyring/... ./internal/server/... ./internal/service/... ./internal/store/... ./internal/verify/webauthn/... ./internal/acceptance/attack

## lint: gofmt, vet, staticcheck
lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'run gofmt -w on these files'; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

## bench: what a registration costs, on both databases, next to the floor
bench: build
	internal/scripts/need postgresql
	internal/scripts/with-postgres $(GO) run ./internal/bench

## bench-short: the same in half a minute, on SQLite alone
bench-short: build
	$(GO) run ./internal/bench -short

## fuzz: every fuzz target for FUZZTIME each (default 60s)
fuzz:
	internal/scripts/fuzz $(FUZZTIME)

clean:
	rm -rf $(BUILD)
