# A real cluster of Weaviate on this machine: see docs/scaling.md. It needs Linux, iproute2,
# util-linux, curl, and root or user namespaces.

CLUSTER := testdata/cluster/cluster.sh

.PHONY: cluster-up cluster-down cluster-wipe test-cluster test-cluster-serve test-cluster-short bench-cluster plan-cluster

cluster-up: ## Build (once, for minutes) and start a cluster of three Weaviate nodes.
	@$(CLUSTER) up
	@$(CLUSTER) status
	@echo "run commands beside it with: $(CLUSTER) exec COMMAND; its address is $$($(CLUSTER) address)"

cluster-down: ## Stop the cluster; what it holds stays.
	@$(CLUSTER) down

cluster-wipe: ## Stop the cluster, and remove what it holds.
	@$(CLUSTER) wipe

# Nothing in the namespaces of the cluster reaches a network, so tests are compiled before.
CLUSTER_TEST = go test -c -o bin/weaviate.test ./internal/catalog/weaviate && \
	cd internal/catalog/weaviate && AKIN_TEST_CLUSTER="$$(../../../$(CLUSTER) address)" AKIN_TEST_CLUSTER_CONTROL="$(CURDIR)/$(CLUSTER)" \
	../../../$(CLUSTER) exec ../../../bin/weaviate.test -test.timeout 60m -test.v

# Servers over a cluster are processes of the test's own program.
SERVE_TEST = go test -c -o bin/cli.test ./internal/cli && \
	cd internal/cli && AKIN_TEST_CLUSTER="$$(../../$(CLUSTER) address)" AKIN_TEST_CLUSTER_CONTROL="$(CURDIR)/$(CLUSTER)" \
	../../$(CLUSTER) exec ../../bin/cli.test -test.timeout 30m -test.v -test.run "$${AKIN_CLUSTER_TESTS:-TestCluster}"

# Migrations are killed, and go on.
MOVE_TEST = go test -c -o bin/app.test ./internal/app && \
	cd internal/app && AKIN_TEST_CLUSTER="$$(../../$(CLUSTER) address)" \
	../../$(CLUSTER) exec ../../bin/app.test -test.timeout 30m -test.v -test.run TestClusterMigrate

test-cluster: cluster-wipe cluster-up ## The contract, nodes killed, cut off and halted, and servers that take over, on a real cluster.
	$(CLUSTER_TEST)
	$(SERVE_TEST)
	$(MOVE_TEST)
	$(CLUSTER) down
	$(MAKE) test-cluster-serve

test-cluster-serve: export AKIN_CLUSTER_KEY := sesame
test-cluster-serve: export AKIN_CLUSTER_TLS := $(CURDIR)/bin/cluster-tls/node
test-cluster-serve: ## Servers over a cluster that speaks TLS and asks for a key.
	mkdir -p bin/cluster-tls
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=cluster \
		-addext "subjectAltName=IP:10.77.0.1,IP:10.77.0.2,IP:10.77.0.3" -keyout $(AKIN_CLUSTER_TLS).key -out $(AKIN_CLUSTER_TLS).crt
	$(CLUSTER) wipe
	$(CLUSTER) up
	$(SERVE_TEST)
	$(CLUSTER) wipe

test-cluster-short: cluster-wipe cluster-up ## The contract once, and one node killed.
	$(CLUSTER_TEST) -test.short
	$(CLUSTER) down

# AKIN_CLUSTER_DATA has abstracts/ and vectors/; AKIN_CLUSTER_PAPERS are sizes, each grown
# from the one before; AKIN_CLUSTER_QUERIES is how many queries both are asked at each;
# AKIN_CLUSTER_REPLICAS is the factor.
AKIN_CLUSTER_DATA     ?= ../shared/data
AKIN_CLUSTER_PAPERS   ?= 5000 20000
AKIN_CLUSTER_QUERIES  ?= 200
AKIN_CLUSTER_REPLICAS ?= 3

bench-cluster: cluster-wipe cluster-up ## Fill one machine and the cluster with AKIN_CLUSTER_PAPERS papers of AKIN_CLUSTER_DATA; compare both with an exact search; measure.
	AKIN_CLUSTER_DATA="$(abspath $(AKIN_CLUSTER_DATA))" AKIN_CLUSTER_PAPERS="$(AKIN_CLUSTER_PAPERS)" AKIN_CLUSTER_QUERIES="$(AKIN_CLUSTER_QUERIES)" \
		AKIN_CLUSTER_REPLICAS="$(AKIN_CLUSTER_REPLICAS)" bash -c '$(CLUSTER_TEST) -test.run TestFigures'
	$(CLUSTER) status
	$(CLUSTER) down

# PLAN_FLAGS are other constants, prices and points to check; see the program's --help.
PLAN_FLAGS ?= --check 20000:3:1:234:95 --check 20000:3:3:441:298 --check 5000:3:3:252:83

plan-cluster: ## Print what 1M to 1B papers take: memory, disk, machines, money.
	@$(PYTHON) testdata/reference/plan_cluster.py $(PLAN_FLAGS)
