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

.PHONY: help setup build run test test-crash ci-full lint gen gen-check gen-tools tools test-python test-clients bench-embed bench-job bench-ann bench-ann-1m bench-latency bench-overload bench-duplicates bench-cli bench-filter bench-lexical eval eval-rerank clean

help: ## Show the targets.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

# The same commit gives the same bytes, wherever it is built: no paths, no times
# but the commit's own. The program can be loaded at any address.
COMMIT     := $(shell git rev-parse HEAD 2>/dev/null)
COMMIT_DAY := $(shell git log -1 --format=%cs 2>/dev/null)
BUILD      := go build -trimpath -buildmode=pie -buildvcs=false -ldflags "-buildid= -X akin/internal/cli.Version=$(VERSION) -X akin/internal/cli.Commit=$(COMMIT) -X akin/internal/cli.Date=$(COMMIT_DAY)"

build: ## Build bin/akin.
	@mkdir -p bin
	$(BUILD) -o bin/akin ./cmd/akin

setup: build ## Fetch the model and ONNX Runtime (needs pip and a registry once).
	@bin/akin setup --home .akin --python $(PYTHON)

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

test: setup ## Run all tests that need no extra program, with the race detector.
	go test -race -timeout 20m ./...
	go test -timeout 10m -run 'Memory|SampleCorpus|Contract/Coder|CoderOutlives' ./internal/ingest ./internal/ann

# How often each test kills, copies or damages what it tests; make test does it a
# few times. docs/reliability.md says which promise each is for.
CRASH_ROUNDS ?= 60

test-crash: setup ## Kill, copy and damage again and again, CRASH_ROUNDS times a test.
	AKIN_CRASH_ROUNDS=$(CRASH_ROUNDS) go test -race -count 1 -timeout 60m -run 'Kill|Crash|Damage' -v ./internal/... | grep -E '^(---|===? ?FAIL|FAIL|ok|panic)|^ +[a-z_]+_test.go'

# What takes longer than .ci/run: every round of the kills, two builds from
# nothing, and what a server does under overload. An hour and a half on two cores.
ci-full: ## Run .ci/run, all crash rounds, the build twice, and the overload.
	.ci/run
	$(MAKE) test-crash
	$(MAKE) release-check
	$(MAKE) bench-overload

# The tests that compare with Python's stack need packages of their own.
$(VENV)/.ready: testdata/reference/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	touch $@

test-python: setup $(VENV)/.ready ## Run the tests that compare with Python's reference implementations.
	AKIN_PYTHON=$(VENV)/bin/python AKIN_EVAL_DATA=$(wildcard $(CURDIR)/../shared/data/eval) go test -timeout 30m -run 'Reference|Python' ./internal/embed/... ./internal/eval/... ./internal/vecfile/... ./internal/ingest/...

# Peers are measured in an environment of their own.
BENCH_VENV := $(CURDIR)/.akin/bench-venv
LISTINGS   ?= ../shared/data/listings

$(BENCH_VENV)/.ready: testdata/reference/bench-requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench-embed: setup $(BENCH_VENV)/.ready ## Measure embedding beside its peers, on the abstracts of LISTINGS.
	go test ./internal/embed -run '^$$' -bench .
	go build -o bin/benchworker ./internal/embed/benchworker
	$(BENCH_VENV)/bin/python testdata/reference/bench_embed.py --worker bin/benchworker --home .akin --texts $(LISTINGS)

# The rows of a large file, for the part of the job that is not embedding.
JOB_ROWS ?= 1000000
ABSTRACTS ?= ../shared/data/abstracts/abstracts.jsonl.gz

bench-job: setup $(BENCH_VENV)/.ready ## Measure akin embed: beside the bare rate and a peer, and reading and writing alone.
	go build -o bin/benchworker ./internal/embed/benchworker
	go build -o bin/jobworker ./internal/job/benchworker
	$(BENCH_VENV)/bin/python testdata/reference/bench_job.py --akin bin/akin --worker bin/benchworker --home .akin --papers $(ABSTRACTS)
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; bin/jobworker -rows $(JOB_ROWS) -dir "$$scratch"

# The nearest-neighbour index beside its peers, on ANN_SETS: all VECTORS (an npy
# file), 20,000 of them with coder/hnsw as well, and synthetic ones. ANN_FLAGS adds
# to the run.
ANN_VENV  := $(CURDIR)/.akin/ann-venv
VECTORS   ?= ../shared/data/vectors/abstracts.f16.npy
ANN_SETS  ?= --sample 0 --sample 20000 --synthetic 100000
ANN_FLAGS ?= --threads

$(ANN_VENV)/.ready: testdata/reference/ann-requirements.txt
	$(PYTHON) -m venv $(ANN_VENV)
	$(ANN_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

ANN_BENCH := $(ANN_VENV)/bin/python testdata/reference/bench_ann.py --worker bin/annworker

bench-ann: $(ANN_VENV)/.ready ## Measure the index beside its peers, on VECTORS and on synthetic ones.
	go build -o bin/annworker ./internal/ann/benchworker
	$(ANN_BENCH) --vectors $(VECTORS) $(ANN_SETS) $(ANN_FLAGS)

bench-ann-1m: $(ANN_VENV)/.ready ## The same for a million vectors, beside hnswlib: 20 minutes, 12 GB.
	go build -o bin/annworker ./internal/ann/benchworker
	$(ANN_BENCH) --synthetic 1000000 --only hnswlib $(ANN_FLAGS)

bench-duplicates: setup ## List the versions among the real abstracts, to be judged by reading.
	AKIN_BENCH=1 go test ./internal/cli -run 'TestRealDuplicates' -timeout 30m -v -count 1

bench-latency: setup ## Measure a query through gRPC, idle and during a bulk import.
	AKIN_BENCH=1 go test ./internal/cli -run 'TestLatency|TestQueryLatency' -timeout 30m -v -count 1

bench-cli: setup ## Measure commands with --data over the sample papers, from start to end.
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; data=$$scratch/data; export TIMEFORMAT='%3R s'; \
	bin/akin import --data $$data testdata/sample >/dev/null; \
	for command in "get arXiv:1706.03762" "list --ids" "info" "count venue" "export --out $$scratch/out" "search --mode lexical graph" "search graph" "similar arXiv:1706.03762" "delete arXiv:1706.03762"; do \
	  printf '%-34s ' "$${command/$$scratch\//}"; time bin/akin $$command --data $$data >/dev/null; done

bench-overload: setup ## Measure what a server does that is asked for 1, 2 and 5 times what it can do.
	AKIN_BENCH=1 go test ./internal/cli -run 'TestOverload$$' -timeout 30m -v -count 1

bench-filter: ## Measure filters and their index over the papers of ABSTRACTS.
	AKIN_FILTER_CORPUS=$(abspath $(ABSTRACTS)) go test ./internal/filter -run '^$$' -bench Corpus

# Test collections beside the repository; the papers of each are embedded once,
# into a data directory that is kept.
EVAL_DATA ?= ../shared/data/eval
AUTHORS   ?= 400
REVIEWS   := Estrogens,NSAIDS,UrinaryIncontinence,Triptans,Antihistamines,OralHypoglycemics

eval: setup $(BENCH_VENV)/.ready ## Measure retrieval quality on the collections of EVAL_DATA, in all modes.
	@for set in search/cranfield search/scifact-train search/scitldr-dev similar/csfcube-fold1; do \
	  for mode in hybrid semantic lexical; do echo; echo "$$set, $$mode"; \
	    bin/akin eval --data .akin/eval/$$(basename $$set) --mode $$mode --metrics nDCG@10,R@100,MRR,nDCG%20,MAP $(EVAL_DATA)/$$set; done; done
	@for given in 80% 5; do for strategy in hybrid svm top-mean best-score mean-vector; do echo; echo "recommend/reviews, $$strategy"; \
	  bin/akin eval --data .akin/eval/reviews --sets $(REVIEWS) --given $$given --strategy $$strategy --metrics R@20,R@50,nDCG@10 $(EVAL_DATA)/recommend/reviews; done; done
	$(BENCH_VENV)/bin/python testdata/reference/authors_tfidf.py --corpus $(ABSTRACTS) --labels $(EVAL_DATA)/recommend/authors/labels.tsv \
	  --ids $(dir $(VECTORS))ids.txt --out .akin/eval/tfidf
	@for strategy in hybrid svm top-mean; do echo; echo "recommend/authors, $$strategy"; \
	  bin/akin eval --data .akin/eval/authors --corpus $(ABSTRACTS) --vectors $(VECTORS) --sample $(AUTHORS) --strategy $$strategy \
	    --baseline .akin/eval/tfidf.mean --metrics R@20,R@50,nDCG@10 $(EVAL_DATA)/recommend/authors; done

eval-rerank: setup ## Measure re-ranking by sentences on the same collections (an hour).
	@for set in search/cranfield search/scifact-train search/scitldr-dev similar/csfcube-fold1; do \
	  for n in 0 20 50 100; do echo; echo "$$set, rerank $$n"; \
	    bin/akin eval --data .akin/eval/$$(basename $$set) --rerank $$n --metrics nDCG@10,nDCG%20,MAP $(EVAL_DATA)/$$set; done; done

LEXICAL_VENV := $(CURDIR)/.akin/lexical-venv

$(LEXICAL_VENV)/.ready: testdata/reference/lexical-requirements.txt
	$(PYTHON) -m venv $(LEXICAL_VENV)
	$(LEXICAL_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench-lexical: $(LEXICAL_VENV)/.ready ## Measure lexical search beside bleve, tantivy and bm25s over ABSTRACTS, and its ranking.
	@mkdir -p bin
	cd internal/lexical/benchbleve && go build -o $(CURDIR)/bin/benchbleve .
	$(LEXICAL_VENV)/bin/python testdata/reference/bench_lexical.py --papers $(ABSTRACTS) --worker bin/benchbleve
	AKIN_BENCH=1 go test ./internal/lexical -run 'TestLatency|TestQuality|TestVariants' -timeout 30m -v -count 1

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

gen-check: gen ## Fail if committed generated code is not current.
	git diff --exit-code -- proto internal/rpc/akin.openapi.json internal/vec
	@test -z "$$(git status --porcelain -- proto)" || { git status --porcelain -- proto; exit 1; }

test-clients: setup ## Check what foreign tools make of the protos and the OpenAPI file (needs Node and npm).
	.ci/clients.sh

include release.mk

clean: ## Remove what was built; fetched files and data stay.
	rm -rf bin
