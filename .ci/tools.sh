#!/usr/bin/env bash
# Installs the developer tools, pinned, into .akin/tools (ignored by git): those that are
# named, or all but those that only releases need. What is there in the right version is
# left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .akin/tools
export GOBIN="$PWD/.akin/tools"
tools=(
  google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
  google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2
  github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway@v2.32.0
  github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-openapiv3@v2.32.0
  github.com/bufbuild/buf/cmd/buf@v1.75.0
  github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
  github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
)
release_tools=(
  github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.0 # what comes after does not resolve everywhere
  github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
)
[ $# -eq 0 ] || tools+=("${release_tools[@]}")
for tool in "${tools[@]}"; do
  name=${tool##*/}
  name=${name%@*}
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  version=${tool#*@}
  if [ -x "$GOBIN/$name" ] && [ "$(go version -m "$GOBIN/$name" | awk '$1 == "mod" {print $3}')" = "$version" ]; then
    continue
  fi
  echo "installing $name $version"
  (cd / && go install "$tool") # outside the module: its versions stay its own
done
