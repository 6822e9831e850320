# Releases: what deploy/ makes of the project.

RELEASE_DIR ?= bin/release
RELEASE_TOOLS := $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod

.PHONY: release release-tools release-check package-check

release-tools:
	@.ci/tools.sh nfpm cyclonedx-gomod

release: release-tools ## Make archives and packages for linux, amd64 and arm64 (needs gcc-aarch64-linux-gnu).
	rm -rf $(RELEASE_DIR)
	@for arch in amd64 arm64; do deploy/release.sh $(VERSION) $$arch $(RELEASE_DIR); done
	@cd $(RELEASE_DIR) && sha256sum akin-* >SHA256SUMS && cat SHA256SUMS

# In two folders, from nothing: neither a path nor the time may be in what comes out.
release-check: release-tools ## Make the release twice, in two folders and from nothing, and compare the bytes.
	@scratch=$$(mktemp -d); trap 'chmod -R u+w "$$scratch"; rm -rf "$$scratch"' EXIT; \
	for copy in one two-with-a-longer-name; do \
	  git clone --quiet . "$$scratch/$$copy"; mkdir -p "$$scratch/$$copy/.akin"; ln -s $(TOOLS) "$$scratch/$$copy/.akin/tools"; \
	  for arch in amd64 arm64; do (cd "$$scratch/$$copy" && GOCACHE="$$scratch/cache-$$copy" deploy/release.sh $(VERSION) $$arch "$$scratch/out-$$copy" >/dev/null); done; done; \
	cd "$$scratch"/out-one && sha256sum akin-* && cmp <(sha256sum akin-*) <(cd ../out-two-with-a-longer-name && sha256sum akin-*) && echo "both releases are the same"

package-check: ## Look into the packages of make release, run them, and lint what deploys them.
	deploy/check.sh $(VERSION) $(RELEASE_DIR)
