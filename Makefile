# akin: see README.md. Everything that these targets need beyond Go, a C
# compiler and Python's pip is fetched by them, pinned and checked by digest.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON      ?= python3
DATA        ?= .akin/data
GRPC_ADDR   ?= 127.0.0.1:7411
HTTP_ADDR   ?= 127.0.0.1:7412
VERSION     ?= 0.1.0-dev
TOOLS       := $(CURDIR)/.akin/tools
VENV        := $(CURDIR)/.akin/venv

.PHONY: help setup setup-bf16 build run test test-bf16 test-race test-properties test-crash test-kill ci-full lint gen gen-docs gen-check check-deploy gen-tools tools test-python test-clients test-mail test-models test-page page-picture clean

help: ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

# The same commit gives the same bytes, wherever it is built: no paths, no times
# but the commit's own. The program can be loaded at any address.
COMMIT     := $(shell git rev-parse HEAD 2>/dev/null)
COMMIT_DAY := $(shell git log -1 --format=%cs 2>/dev/null)
BUILD      := go build -trimpath -buildmode=pie -buildvcs=false -ldflags "-buildid= -X akin/internal/cli.Version=$(VERSION) -X akin/internal/cli.Commit=$(COMMIT) -X akin/internal/cli.Date=$(COMMIT_DAY)"

OUT ?= bin/akin

build: ## Build bin/akin.
	@mkdir -p $(dir $(OUT))
	$(BUILD) -o $(OUT) ./cmd/akin

setup: build ## Fetch the model and ONNX Runtime (needs pip and a registry once).
	@bin/akin setup --home .akin --python $(PYTHON)

# What precision bf16 takes, also where it does not help: tests run it in float32.
setup-bf16: setup ## Fetch OpenVINO's plugin for precision bf16, and build its graph (needs pip and a registry once).
	@bin/akin setup --home .akin --python $(PYTHON) --precision bf16

# AKIN_LISTINGS=path imports other files, into a data directory of their own.
ifdef AKIN_LISTINGS
RUN_INPUT := $(AKIN_LISTINGS)
RUN_DATA  := .akin/data-$(shell printf '%s' "$(abspath $(AKIN_LISTINGS))" | cksum | cut -d' ' -f1)
else
RUN_INPUT := testdata/sample
RUN_DATA  := $(DATA)
endif

run: setup ## Fetch, build, import the sample corpus (or AKIN_LISTINGS=path), and serve.
	@echo "importing $(RUN_INPUT) into $(RUN_DATA)"
	@code=0; bin/akin import --data $(RUN_DATA) --quarantine $(RUN_DATA).quarantine.jsonl $(RUN_INPUT) || code=$$?; \
	  if [ $$code -ne 0 ] && [ $$code -ne 3 ]; then exit $$code; fi
	@exec bin/akin serve --data $(RUN_DATA) --grpc-addr $(GRPC_ADDR) --http-addr $(HTTP_ADDR) --hint

# Packages of whose tests the race detector finds nothing that other tests would not: they
# start no goroutine and share nothing (TestNothingMeetsInPlainPackages), or they only start
# what others test with it: a month of all that sends mails. make test-race runs them with
# it too.
PLAIN := catalog/move cite dedup feed/ledger feed/match follow/register harvest librarian library library/shelf model monthtest \
	notify/letter notify/outbox paper pending rank rpc/wire sentence settings share source/logbook source/rest splitmix syndicate text unpack vec vecfile
PLAIN_DIRS := $(foreach p,$(PLAIN),./internal/$(p))

# What properties are tried on is drawn from one seed, so that no run fails by what it drew;
# make test-properties draws anew.
test: export RAPID_SEED ?= 1
# A test that hangs is found by -timeout, which is for a package, and long enough for a
# machine that has other work.
test: setup ## Run all tests that need no extra program, with the race detector where goroutines meet.
	go test -race -timeout 60m $$(go list ./... | grep -vxF "$$(go list $(PLAIN_DIRS))")
	go test -timeout 60m $(PLAIN_DIRS) ./internal/store
	go test -short -timeout 60m ./internal/ann
	go test -short -timeout 60m -run 'Memory|SampleCorpus' ./internal/ingest

# Also what one goroutine does, and more of what is drawn by lot. Half an hour on two cores.
test-race: setup ## Run all tests with the race detector, and power cuts of 25 seeds.
	AKIN_RACE_ALL=1 go test -race -timeout 4h ./...
	AKIN_CRASH_ROUNDS=25 go test -race -count 1 -timeout 4h -run 'PowerCuts' ./internal/notify

PROPERTY_CHECKS ?= 1000

test-properties: ## Try properties on PROPERTY_CHECKS cases each, drawn anew each time (some minutes).
	RAPID_CHECKS=$(PROPERTY_CHECKS) go test -count 1 -timeout 6h $$(go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '/pgregory.net.rapid/ {print $$1}')

# How often each test kills, copies or damages what it tests; make test does it a
# few times. docs/reliability.md says which promise each is for.
CRASH_ROUNDS ?= 60

SESSIONS ?= 10000
SOAK     ?= 30m

test-bf16: setup-bf16 ## Open and close SESSIONS sessions of precision bf16, and let them work for SOAK (an hour and a half).
	AKIN_REQUIRE=1 AKIN_SESSIONS=$(SESSIONS) AKIN_SOAK=$(SOAK) go test -count 1 -timeout 6h -run 'Matrix|BFloat16' -v ./internal/embed ./internal/embed/onnx | grep -E '^(---|===? ?FAIL|FAIL|ok|panic|fatal|SIG)|_test.go'

test-crash: setup ## Kill, copy and damage again and again, CRASH_ROUNDS times a test.
	AKIN_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -race -count 1 -timeout 6h -run 'Kill|Crash|Damage' -v ./internal/... | grep -E '^(---|===? ?FAIL|FAIL|ok|panic)|^ +[a-z_]+_test.go'

test-kill: ## Kill the process that matches feeds and sends digests, CRASH_ROUNDS times (the tests of .ci/run do it three times).
	AKIN_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -count 1 -timeout 6h -run 'TestKillDigests' -v ./internal/monthtest

# What takes longer than .ci/run: all tests with the race detector, every round of the kills, two builds from
# nothing, and what a server does under overload. An hour and a half on two cores.
ci-full: ## Run .ci/run, all tests with the race detector, more of each property, all crash rounds, the cluster, the build twice, and the overload.
	.ci/run
	$(MAKE) test-race
	$(MAKE) test-properties
	$(MAKE) test-crash
	$(MAKE) test-cluster
	$(MAKE) release-check
	$(MAKE) bench-overload

# The tests that compare with Python's stack need packages of their own.
$(VENV)/.ready: testdata/reference/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

test-python: setup $(VENV)/.ready ## Run the tests that compare with Python's reference implementations.
	AKIN_PYTHON=$(VENV)/bin/python AKIN_EVAL_DATA=$(wildcard $(CURDIR)/../shared/data/eval) go test -timeout 30m -run 'Reference|Python' ./internal/embed/... ./internal/eval/... ./internal/vecfile/... ./internal/ingest/... ./internal/syndicate/...

include bench.mk
include cluster.mk

tools: ## Install the pinned developer tools into .akin/tools.
	@.ci/tools.sh

lint: tools ## Lint Go and protos.
	$(TOOLS)/golangci-lint run ./...
	.ci/fetch-googleapis.sh
	$(TOOLS)/buf lint proto

gen: tools ## Generate Go and OpenAPI from the protos, and the vector kernels.
	.ci/fetch-googleapis.sh
	rm -rf bin/openapi
	PATH="$(TOOLS):$$PATH" $(TOOLS)/buf generate
	go run ./internal/rpc/openapi -in bin/openapi -out internal/rpc/akin.openapi.json
	go generate ./internal/vec

gen-docs: setup ## Write docs/configuration.md, from the program's flags.
	bin/akin config reference > docs/configuration.md

# Alert rules and dashboard: a second, where promtool is there.
check-deploy: ## Check the alert rules, their tests, and that every metric named in deploy exists.
	.ci/promtool.sh
	AKIN_REQUIRE=1 go test -count 1 -run 'Deploy|Linted' -v ./internal/telemetry

gen-check: gen ## Fail if committed generated code is not current.
	git diff --exit-code -- proto internal/rpc/akin.openapi.json internal/vec
	@test -z "$$(git status --porcelain -- proto)" || { git status --porcelain -- proto; exit 1; }

test-models: setup ## Fetch bge-small-en-v1.5 and e5-small-v2 (needs Maven), and compare them with their plain exports.
	for name in bge-small-en-v1.5 e5-small-v2; do bin/akin setup --home .akin --python $(PYTHON) --model $$name || exit 1; done
	AKIN_REQUIRE=1 AKIN_MODELS_HOME=$(CURDIR)/.akin go test -count 1 -run ExportedModels -v ./internal/embed

test-clients: setup ## Check what foreign tools make of the protos and the OpenAPI file (needs Node and npm).
	.ci/clients.sh

test-mail: ## Send mails to aiosmtpd (PyPI) and Debian's postfix, with TLS, greylisting and refusals.
	.ci/mail.sh

include release.mk

test-page: setup ## Test the page in Debian's Chromium (installs it), with screenshots in bin/page.
	.ci/page.sh

page-picture: setup ## Take the README's picture of the page, docs/page.png.
	AKIN_PICTURE=$(CURDIR)/docs/page.png .ci/page.sh -v -run BrowserPicture

clean: ## Remove what was built; fetched files and data stay.
	rm -rf bin
