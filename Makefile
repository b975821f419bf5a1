# The commands of the project. `make test` sets up what the tests need and runs
# them all; `go test ./...` runs without any of it and says what it skipped.

BIN = .bin
GOLANGCI_LINT = $(BIN)/golangci-lint-v2.15.0
GOVULNCHECK = $(BIN)/govulncheck-v1.9.0
DEADCODE = $(BIN)/deadcode-v0.52.0

# The commit, with a + where files differ from it; empty outside a repository.
COMMIT = $(shell git rev-parse HEAD 2>/dev/null)$(shell git rev-parse --git-dir >/dev/null 2>&1 && { git diff-index --quiet HEAD -- || echo +changed; })

.PHONY: build licences test lint bench bench-scale prove-rivals cover setup clean

build: ## the one binary
	go build -trimpath -ldflags "-X main.linkedCommit=$(COMMIT)" -o tandem ./cmd/tandem

setup: ## PostgreSQL, Chromium, Node and Java packages: installed where that may be done
	scripts/test-setup.sh

test: setup ## everything, with the race detector, on both databases, in a browser
	scripts/test.sh

lint: $(GOLANGCI_LINT) $(DEADCODE) $(GOVULNCHECK) ## static checks, see .golangci.yaml; dead code; known weaknesses
	$(GOLANGCI_LINT) run ./...
	scripts/deadcode.sh $(DEADCODE)
	scripts/vulncheck.sh $(GOVULNCHECK)

# Kept out of go.mod: what the tools depend on is not ours. Each is installed
# under its name and version, tool-vX.Y.Z.
$(GOLANGCI_LINT): PACKAGE = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(GOVULNCHECK): PACKAGE = golang.org/x/vuln/cmd/govulncheck
$(DEADCODE): PACKAGE = golang.org/x/tools/cmd/deadcode
$(GOLANGCI_LINT) $(GOVULNCHECK) $(DEADCODE):
	mkdir -p $(BIN)
	GOBIN=$(CURDIR)/$(BIN) go install $(PACKAGE)@v$(lastword $(subst -v, ,$@))
	mv $(BIN)/$(notdir $(PACKAGE)) $@

licences: ## what `tandem licences` shows: after a change of go.mod
	go run ./scripts/licences ./cmd/tandem > licences.tmp
	mv licences.tmp cmd/tandem/licences.txt

bench: setup ## the figures of docs/benchmarks.md; takes some minutes
	scripts/bench.sh

bench-scale: setup ## what shows only with millions of rows; takes long
	scripts/bench-scale.sh

prove-rivals: setup ## the isolation of Keycloak, which is fetched, beside ours; takes some minutes
	scripts/prove-rivals.sh

cover: setup ## coverage by package, and cover.out
	scripts/test.sh -cover

clean:
	scripts/test-postgres.sh stop
	rm -rf tandem artifacts cover.out $(BIN)
