# Benchmarks and evaluations: what the numbers of docs/benchmarks.md, docs/quality.md
# and docs/overload.md were made by. Included by the Makefile; make help shows them.

.PHONY: bench-fairness bench-feeds bench-embed bench-precision bench-job bench-ann bench-ann-1m bench-latency bench-overload bench-duplicates bench-cli bench-filter bench-lexical bench-map bench-page eval eval-rerank bench-questions bench-queries

# Peers are measured in an environment of their own.
BENCH_VENV := $(CURDIR)/.akin/bench-venv
LISTINGS   ?= ../shared/data/listings

$(BENCH_VENV)/.ready: testdata/reference/bench-requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Where the CPU has matrix units, setup brings what bf16 needs.
bench-embed: setup $(BENCH_VENV)/.ready ## Measure embedding beside its peers, on the abstracts of LISTINGS.
	go test ./internal/embed -run '^$$' -bench .
	go build -o bin/benchworker ./internal/embed/benchworker
	$(BENCH_VENV)/bin/python testdata/reference/bench_embed.py --worker bin/benchworker --home .akin --texts $(LISTINGS)

PRECISION_COUNT ?= 2000

bench-precision: setup $(BENCH_VENV)/.ready ## Compare the precisions of akin on the abstracts of ABSTRACTS: time, cosine, neighbours.
	go build -o bin/benchworker ./internal/embed/benchworker
	$(BENCH_VENV)/bin/python testdata/reference/bench_precision.py --worker bin/benchworker --home .akin --papers $(ABSTRACTS) --count $(PRECISION_COUNT)

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

# QUERY_BESIDE is another build of akin, asked the same in turn: what a change costs or
# saves. QUERY_DATA is a data directory, that of bench-page.
QUERY_DATA   ?= .akin/page
QUERY_BESIDE ?=

bench-queries: setup ## Measure CPU time and latency of queries over QUERY_DATA, beside QUERY_BESIDE.
	AKIN_QUERY_DATA=$(abspath $(QUERY_DATA)) AKIN_QUERY_BESIDE=$(QUERY_BESIDE) go test ./internal/cli -run 'TestQueryCost$$' -timeout 30m -v -count 1

bench-cli: setup ## Measure commands with --data over the sample papers, from start to end.
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; data=$$scratch/data; export TIMEFORMAT='%3R s'; \
	bin/akin import --data $$data testdata/sample >/dev/null; \
	for command in "get arXiv:1706.03762" "list --ids" "info" "count venue" "export --out $$scratch/out" "search --mode lexical graph" "search graph" "similar arXiv:1706.03762" "delete arXiv:1706.03762"; do \
	  printf '%-34s ' "$${command/$$scratch\//}"; time bin/akin $$command --data $$data >/dev/null; done

bench-overload: setup ## Measure what a server does that is asked for 1, 2 and 5 times what it can do.
	AKIN_BENCH=1 go test ./internal/cli -run 'TestOverload$$' -timeout 30m -v -count 1

bench-fairness: setup ## Measure what one key at full speed does to the searches of another.
	AKIN_BENCH=1 go test ./internal/cli -run 'TestFairness$$' -timeout 30m -v -count 1

bench-filter: ## Measure filters and their index over the papers of ABSTRACTS.
	AKIN_FILTER_CORPUS=$(abspath $(ABSTRACTS)) go test ./internal/filter -run '^$$' -bench Corpus

# Test collections beside the repository. The papers of each are embedded once, into a
# data directory below EVAL_HOME that is kept; those of ABSTRACTS come with VECTORS.
# Everything, in all modes, takes an hour; a part of it:
#   make eval EVAL_SETS="known-item interests" EVAL_QUERIES=100
# Rankings of earlier runs are compared with: EVAL_RUNS=DIR keeps them, EVAL_AGAINST=DIR
# compares, and ends each part with one line a set.
EVAL_DATA    ?= ../shared/data/eval
EVAL_HOME    ?= .akin/eval
EVAL_SETS    ?= search similar known-item reviews interests authors
EVAL_QUERIES ?= 0
EVAL_RUNS    ?= $(EVAL_HOME)/runs
EVAL_AGAINST ?=
MODES        ?= hybrid semantic lexical
STRATEGIES   ?= hybrid svm top-mean best-score mean-vector
AUTHORS      ?= 400
REVIEWS      := Estrogens,NSAIDS,UrinaryIncontinence,Triptans,Antihistamines,OralHypoglycemics
INTERESTS    ?= 5+1 10+2 1+1+1 3+3

EVALUATE = bin/akin eval --queries $(EVAL_QUERIES)
OVER     = --data $(EVAL_HOME)/abstracts --corpus $(ABSTRACTS) --vectors $(VECTORS)
# Where the rankings of a mode or strategy go, and what they are compared with.
KEPT     = --runs $(EVAL_RUNS)/$(1) $$(test -z "$(EVAL_AGAINST)" || test ! -d $(EVAL_AGAINST)/$(1) || echo --against $(EVAL_AGAINST)/$(1))

.PHONY: $(addprefix eval-,search similar known-item reviews interests authors peers)

eval: ## Measure retrieval quality on the collections of EVAL_DATA: EVAL_SETS, EVAL_QUERIES of each, beside the runs of EVAL_AGAINST.
	@for part in $(EVAL_SETS); do $(MAKE) --no-print-directory eval-$$part || exit 1; done

eval-search: setup
	@for mode in $(MODES); do for set in cranfield scifact-train scitldr-dev; do echo; echo "search/$$set, $$mode"; \
	  $(EVALUATE) --data $(EVAL_HOME)/$$set --mode $$mode --metrics nDCG@10,R@100,MRR $(call KEPT,$$mode) $(EVAL_DATA)/search/$$set || exit 1; done; done

eval-similar: setup
	@for mode in $(MODES); do echo; echo "similar/csfcube-fold1, $$mode"; \
	  $(EVALUATE) --data $(EVAL_HOME)/csfcube-fold1 --mode $$mode --metrics nDCG%20,MAP $(call KEPT,$$mode) $(EVAL_DATA)/similar/csfcube-fold1 || exit 1; done

eval-known-item: setup
	@for mode in $(MODES); do echo; echo "known-item, $$mode"; \
	  $(EVALUATE) $(OVER) --mode $$mode --metrics MRR,P@1,R@10 $(call KEPT,$$mode) $(EVAL_DATA)/known-item/* || exit 1; done

eval-reviews: setup
	@for given in 80% 5; do for strategy in $(STRATEGIES); do echo; echo "recommend/reviews, $$strategy"; \
	  $(EVALUATE) --data $(EVAL_HOME)/reviews --sets $(REVIEWS) --given $$given --strategy $$strategy --metrics R@20,R@50,nDCG@10 $(call KEPT,$$strategy) \
	    $(EVAL_DATA)/recommend/reviews || exit 1; done; done

eval-interests: setup
	@for strategy in $(STRATEGIES); do for given in $(INTERESTS); do echo; echo "interests, $$given, $$strategy"; \
	  $(EVALUATE) $(OVER) --given $$given --strategy $$strategy --metrics I@20,P@20 $(call KEPT,$$strategy) testdata/eval/interests || exit 1; done; done

eval-authors: setup
	@for strategy in $(filter hybrid svm top-mean,$(STRATEGIES)); do echo; echo "recommend/authors, $$strategy"; \
	  $(EVALUATE) $(OVER) --sample $(AUTHORS) --strategy $$strategy --metrics R@20,R@50,nDCG@10 $(call KEPT,$$strategy) $(EVAL_DATA)/recommend/authors || exit 1; done

eval-peers: setup $(BENCH_VENV)/.ready ## Compare the rankings of eval-authors with tf-idf by scikit-learn.
	$(BENCH_VENV)/bin/python testdata/reference/authors_tfidf.py --corpus $(ABSTRACTS) --labels $(EVAL_DATA)/recommend/authors/labels.tsv \
	  --ids $(dir $(VECTORS))ids.txt --out $(EVAL_HOME)/tfidf
	bin/akin eval --sample $(AUTHORS) --corpus $(ABSTRACTS) --vectors $(VECTORS) --metrics R@20,R@50,nDCG@10 --score $(EVAL_HOME)/tfidf.mean \
	  $(foreach s,hybrid svm top-mean,--score $(EVAL_RUNS)/$(s)/authors.trec) $(EVAL_DATA)/recommend/authors

eval-rerank: setup ## Measure re-ranking by sentences on the same collections (an hour).
	@for set in search/cranfield search/scifact-train search/scitldr-dev similar/csfcube-fold1; do \
	  for n in 0 20 50 100; do echo; echo "$$set, rerank $$n"; \
	    bin/akin eval --data .akin/eval/$$(basename $$set) --rerank $$n --metrics nDCG@10,nDCG%20,MAP $(EVAL_DATA)/$$set; done; done

bench-questions: ## Let people answer what to rate, over VECTORS, and recommend by that.
	AKIN_QUESTIONS_VECTORS=$(abspath $(VECTORS)) go test ./internal/rank -run TestRealQuestions -timeout 30m -v -count 1

bench-map: ## Lay out all VECTORS: time, quality and size of the map, and the names of its groups.
	AKIN_MAP_VECTORS=$(abspath $(VECTORS)) AKIN_MAP_PAPERS=$(abspath $(ABSTRACTS)) go test ./internal/layout -run TestRealMap -timeout 20m -v -count 1

# The data directory of bench-page: the papers of ABSTRACTS that have vectors, which are
# imported once.
PAGE_DATA ?= .akin/page

bench-page: setup ## Measure the page in Chromium over the papers of ABSTRACTS that have VECTORS.
	AKIN_PAGE_DATA=$(abspath $(PAGE_DATA)) AKIN_PAGE_VECTORS=$(abspath $(VECTORS)) AKIN_PAGE_PAPERS=$(abspath $(ABSTRACTS)) .ci/page.sh -v -run BrowserBudget -timeout 40m
	@$(MAKE) --no-print-directory bench-map

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

bench-feeds: ## Measure 10,000 feeds against an import of the papers of ABSTRACTS, and hold them against brute force.
	AKIN_FEEDS_CORPUS=$(abspath $(dir $(ABSTRACTS))..) go test ./internal/courier -run 'TestBench$$' -timeout 60m -v -count 1
