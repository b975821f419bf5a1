# The commands of the project. `make test` sets up what the tests need and runs
# them all; `go test ./...` runs without any of it and says what it skipped.

GOLANGCI_LINT_VERSION = v2.15.0
BIN = .bin

.PHONY: build test lint bench cover setup clean

build: ## the one binary
	go build -trimpath -o tandem ./cmd/tandem

setup: ## PostgreSQL, Chromium, Node packages: installed where that may be done
	scripts/test-setup.sh

test: setup ## everything, with the race detector, on both databases, in a browser
	scripts/test.sh

lint: $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## static checks, see .golangci.yaml
	$< run ./...

# Kept out of go.mod: the linter's dependencies are not ours.
$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	mkdir -p $(BIN)
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(BIN)/golangci-lint $@

bench: setup ## the figures of docs/benchmarks.md; takes some minutes
	scripts/bench.sh

cover: setup ## coverage by package, and cover.out
	scripts/test.sh -cover

clean:
	scripts/test-postgres.sh stop
	rm -rf tandem artifacts cover.out $(BIN)
