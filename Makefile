# Everything needs only Go and make. The Temporal server for demo, dev and test
# is $TEMPORAL_CLI_PATH, else `temporal` on the PATH, else built once from the
# version pinned in tools/go.mod.

LINT      := go tool -modfile=$(CURDIR)/tools/lint/go.mod
REPLAYED  := $(patsubst %,./%/...,$(wildcard workflows runbook examples))
FUZZTIME  ?= 1m
BENCHTIME ?= 1s

PROMTOOL  := go -C tools/promtool run -tags remove_all_sd

.PHONY: demo dev temporal promtool build test lint bench record fuzz

demo: ## the whole stack, plans and a runbook run end to end, and stopped again
	go run ./internal/demo

dev: ## the whole stack, left running until Ctrl-C
	go run ./internal/demo -dev

build:
	go build ./...

temporal: ## find the Temporal command line, or build it: some minutes the first time
	@go run ./internal/demo -temporal

promtool: ## build what checks alerts and dashboard: some minutes the first time
	@$(PROMTOOL) github.com/prometheus/prometheus/cmd/promtool --version >/dev/null
	@echo '[]' | $(PROMTOOL) ./selectors >/dev/null

test: temporal promtool ## every test, the end-to-end ones against a real Temporal server too
	go test -race -parallel 8 -timeout 30m ./...
	cd deploy && go test -race ./...
	cd bench && go test -race ./...

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(LINT) staticcheck ./...
	cd deploy && go vet ./... && $(LINT) staticcheck ./...
	cd bench && go vet ./... && $(LINT) staticcheck ./...
	$(if $(REPLAYED),$(LINT) workflowcheck -config tools/lint/workflowcheck.yaml $(REPLAYED))

bench: temporal ## what dpaflow costs, into docs/performance.md: some ten minutes on a machine that does nothing else
	cd bench && go run . -out ../docs
	go test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) -timeout 30m ./...

record: ## new histories for the replay test, from a real server
	mkdir -p workflows/testdata/histories
	go test ./e2e -run '^TestRecordHistories$$' -parallel 8 -record $(CURDIR)/workflows/testdata/histories

fuzz: ## every fuzz target for $(FUZZTIME)
	@set -e; grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|/[^/]*:func | |' | sort -u | \
	while read -r folder target; do \
		echo "$$folder $$target"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$folder"; \
	done
