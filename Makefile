# Kantsten's workshop. What is needed beforehand: Go, make and git; for `make
# test` also a C compiler, which the race detector wants. The rest is fetched.

SHELL   := bash
# nodynamic: the decoder of HEIC stands in the program, and no library of the
# system is looked for.
TAGS    := nomsgpack,nodynamic
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
BIN     := $(CURDIR)/.bin
LINTER  := 2.15.0
GATEWAY := 1.8.0
FUZZ    := 10s
# More for the throw-away PostgreSQL, such as PGTEST=-fsync=false on a slow disk.
PGTEST  :=
# For the figures, such as BENCH=-quick.
BENCH   :=

.DEFAULT_GOAL := help
.PHONY: help run build test check bench fuzz generate generate-check lint vet tools race-tools gateway

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the demo on http://127.0.0.1:8311
	dist/kantsten serve --demo

# One static file that runs on any Linux of the same processor: no C, and the
# time zones inside.
build: ## build dist/kantsten
	CGO_ENABLED=0 go build -tags $(TAGS),timetzdata -trimpath \
		-ldflags "-s -w -X main.version=$(VERSION)" -o dist/kantsten ./cmd/kantsten

# One go test over everything, on one PostgreSQL; every package that has a
# database test runs it on SQLite and on PostgreSQL, and the end-to-end test
# builds and runs the program. Missing PostgreSQL and PostGIS are installed as
# root on Debian and Ubuntu; without PostGIS two tests are skipped, and fail
# where CI is true.
test: race-tools generate-check vet lint $(BIN)/pgtest ## check generated files, vet, lint, and run every test
	$(BIN)/pgtest -install $(PGTEST) -- go test -tags $(TAGS) -race -shuffle=on -timeout 20m ./...

# The variables hold for test too, which check makes, and beside a given PGTEST.
# npm fetches tus-js-client into a temporary folder; without npm check fails. So it
# does where the S3 server does not start.
check: override PGTEST += -postgis
check: export KANTSTEN_TEST_TUS_JS := 1
check: export KANTSTEN_TEST_LONG := 1
check: export KANTSTEN_TEST_VERSITYGW := $(BIN)/versitygw
check: gateway test fuzz ## all of test, insisting on PostGIS, with tus-js-client, a real S3 server and five times the damaged photos, and every fuzz target for 10 s (FUZZ=1m for longer)

bench: $(BIN)/pgtest ## measure, side by side with the bare database, and print the figures
	$(BIN)/pgtest -install -- go run -tags $(TAGS) ./internal/bench $(BENCH)

# `go test -list` prints the targets of a package and then its name. When its time is
# up while a worker is busy, Go's fuzzing before 1.27 at times fails by that alone
# (https://github.com/golang/go/issues/75804): then, and only then, it is run again.
fuzz: ## run every fuzz target for 10 s (FUZZ=1m for longer)
	@set -euo pipefail; mkdir -p $(BIN); \
	targets=$$(go test -tags $(TAGS) -list '^Fuzz' ./... | \
		awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}'); \
	while read -r package name; do \
		[ -n "$$name" ] || continue; \
		echo "fuzz $$package $$name"; \
		fuzz() { go test -tags $(TAGS) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZ) "$$package" </dev/null 2>&1 | tee $(BIN)/fuzz.log; }; \
		fuzz || { grep -q 'context deadline exceeded' $(BIN)/fuzz.log && ! grep -q 'Failing input' $(BIN)/fuzz.log && fuzz; }; \
	done <<<"$$targets"

generate: ## make the generated files anew
	go generate -tags $(TAGS) ./...

# Compared with the files as they lie here, not with the last commit, so that
# work in progress passes.
generate-check: ## fail when a generated file is not what its source makes
	@set -euo pipefail; \
	sums() { git ls-files -z --cached --others --exclude-standard | sort -zu | xargs -0 cksum 2>/dev/null || true; }; \
	before=$$(sums); \
	go generate -tags $(TAGS) ./...; \
	after=$$(sums); \
	if [ "$$before" != "$$after" ]; then \
		echo "these generated files were out of date and are made anew; look at them and commit them:" >&2; \
		{ diff <(echo "$$before") <(echo "$$after") || true; } | awk '/^[<>]/ {print $$4}' | sort -u >&2; \
		exit 1; \
	fi

vet:
	go vet -tags $(TAGS) ./...

lint: tools ## run the linters of .golangci.yml
	$(BIN)/golangci-lint run

# The first time takes some minutes; after that the version is only asked for.
tools:
	@if [ "$$($(BIN)/golangci-lint version --short 2>/dev/null)" != "$(LINTER)" ]; then \
		echo "installing golangci-lint $(LINTER) into .bin, once"; \
		GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINTER); \
	fi

# A real S3 server, over a folder. It does not know its version; its build does.
gateway:
	@if ! go version -m $(BIN)/versitygw 2>/dev/null | grep -q "versitygw[[:space:]]v$(GATEWAY)[[:space:]]"; then \
		echo "installing versitygw $(GATEWAY) into .bin, once"; \
		GOBIN=$(BIN) go install github.com/versity/versitygw/cmd/versitygw@v$(GATEWAY); \
	fi

# The race detector needs cgo and with it a C compiler.
race-tools:
	@if ! command -v $$(go env CC) >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing a C compiler for the race detector, once"; \
			apt-get -q update >/dev/null; \
			DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends gcc libc6-dev >/dev/null; \
		else \
			echo "make test needs a C compiler for the race detector: install gcc (Debian and Ubuntu: apt-get install gcc libc6-dev; Fedora: dnf install gcc; macOS: xcode-select --install)" >&2; \
			exit 1; \
		fi; \
	fi

# Not `go run`, which would not pass the exit code on.
.PHONY: $(BIN)/pgtest
$(BIN)/pgtest:
	@go build -tags $(TAGS) -o $@ ./internal/pgtest/cmd/pgtest
