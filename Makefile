# Everything but test-tools and vuln needs only Go, git and make, and for the
# race detector gcc. The Temporal server for demo, dev and test is
# $TEMPORAL_CLI_PATH, else `temporal` on the PATH, else built once from the
# version pinned in tools/go.mod.

LINT      := go tool -modfile=$(CURDIR)/tools/lint/go.mod
VULN      = go tool -modfile=$(CURDIR)/tools/vuln/go.mod govulncheck -db $(VULNDB)
REPLAYED  := $(patsubst %,./%/...,$(wildcard execution lock engine workflows runbook examples))
FUZZTIME  ?= 1m
BENCHTIME ?= 1s
TESTTIME  ?= 90m
SEED      ?= 1
VULNDB    ?= https://vuln.go.dev

# bbolt reads a damaged file by addresses that may be anywhere. A bridge survives that, but for a check that -race adds,
# which nothing can recover from where such an address is of Go's own memory.
NOCHECKPTR := -gcflags=go.etcd.io/bbolt/...=-d=checkptr=0

PROMTOOL  := go -C tools/promtool run -tags remove_all_sd

.PHONY: demo dev temporal promtool build images test explore test-tools test-docker lint vuln bench record fuzz

demo: ## the whole stack, plans and a runbook run end to end, and stopped again
	go run ./internal/demo

dev: ## the whole stack, left running until Ctrl-C
	go run ./internal/demo -dev

build:
	go build ./...

images: ## an image per program, named by the tag or the commit that they are built of
	VERSION=$$(git describe --tags --always --dirty) COMMIT=$$(git rev-parse HEAD) \
		docker compose --profile small --profile full --profile starter build

temporal: ## find the Temporal command line, or build it: some minutes the first time
	@go run ./internal/demo -temporal

promtool: ## build what checks alerts and dashboard: some minutes the first time
	@$(PROMTOOL) github.com/prometheus/prometheus/cmd/promtool --version >/dev/null
	@echo '[]' | $(PROMTOOL) ./selectors >/dev/null

test: temporal promtool ## every test, the end-to-end ones against a real Temporal server too
	go test -race $(NOCHECKPTR) -parallel 8 -timeout $(TESTTIME) $$(go list ./... | grep -v '/e2e$$')
	env -u TEMPORAL_ADDRESS go test -race -parallel 8 -timeout $(TESTTIME) ./e2e
	cd deploy && go test -race -timeout $(TESTTIME) ./...
	cd bench && go test -race -timeout $(TESTTIME) ./...
	cd e2e/console && go test -race -timeout $(TESTTIME) ./...
	cd tools/cliext && go test -race -timeout $(TESTTIME) ./...

explore: ## what decides: every order of events that a few faults allow; runbooks made at random against what they mean (SEED=0: others each time)
	EXPLORE=full go test -count=1 -v -timeout 20m -run '^(TestEveryInterleaving|TestTheExplorerFinds)' ./execution
	EXPLORE=full go test -count=1 -v -timeout 20m -run '^TestTheEngineDoesWhatTheReferenceDoes$$' ./engine -seed $(SEED)
	EXPLORE=full go test -count=1 -v -timeout 30m -run '^TestMutantsAreFound$$' ./engine

test-tools: temporal ## only the tests that make test skips where HAProxy, curl, openssl or Chromium is missing: here they have to be there
	@files=$$(grep -rl --include='*_test.go' 'tool\.Needed(t,' . | grep -v '^./e2e/console/'); \
	tests=$$(awk '/^func Test/ {sub(/\(.*/, "", $$2); test = $$2} /tool\.Needed\(t,/ {print test}' $$files | sort -u | paste -s -d '|' -); \
	DPAFLOW_TOOLS_REQUIRED=yes go test -race -count=1 -timeout $(TESTTIME) -run "^($$tests)\$$" $$(echo "$$files" | sed 's|/[^/]*$$||' | sort -u)
	cd e2e/console && DPAFLOW_TOOLS_REQUIRED=yes go test -race -count=1 -timeout $(TESTTIME) ./...

test-docker: ## the images, and both profiles of docker-compose.yml through kills: some ten minutes, with Docker Engine and Compose
	cd deploy && go test -tags docker -count=1 -timeout 30m -v ./docker

lint:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(LINT) staticcheck ./...
	cd deploy && go vet -tags docker ./... && $(LINT) staticcheck -tags docker ./...
	cd bench && go vet ./... && $(LINT) staticcheck ./...
	cd e2e/console && go vet ./... && $(LINT) staticcheck ./...
	cd tools/cliext && go vet ./... && $(LINT) staticcheck ./...
	$(if $(REPLAYED),$(LINT) workflowcheck -config tools/lint/workflowcheck.yaml $(REPLAYED))

vuln: ## known vulnerabilities in what is called; needs a database, which is at $(VULNDB)
	$(VULN) ./...
	cd deploy && $(VULN) ./...
	cd bench && $(VULN) ./...
	cd e2e/console && $(VULN) ./...

bench: temporal ## what dpaflow costs, into docs/performance.md: some ten minutes on a machine that does nothing else (TEMPORAL_ADDRESS: on that server, into a page of its own)
	cd bench && go run . -out ../docs
	$(if $(TEMPORAL_ADDRESS),,go test -run='^$$' -bench=. -benchmem -benchtime=$(BENCHTIME) -timeout 30m ./...)

record: ## new histories for the replay test, from a real server
	mkdir -p workflows/testdata/histories
	go test ./e2e -run '^TestRecordHistories$$' -parallel 8 -record $(CURDIR)/workflows/testdata/histories

fuzz: ## every fuzz target for $(FUZZTIME)
	@set -e; grep -ro --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's|/[^/]*:func | |' | sort -u | \
	while read -r folder target; do \
		echo "$$folder $$target"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$folder"; \
	done
