#!/usr/bin/env bash
# Fetches the google/api, longrunning, rpc and type .proto files that ours
# import, pinned by digest, into .akin/googleapis (ignored by git).
set -euo pipefail
cd "$(dirname "$0")/.."
dest=.akin/googleapis
version=1.76.0
contents="$version api longrunning rpc type"
[ -f "$dest/.version" ] && [ "$(cat "$dest/.version")" = "$contents" ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/requirements.txt" <<EOF
googleapis-common-protos==$version --hash=sha256:59e13344a9f3651aa201a03e2bee815a3bf43a4baf1f9ff8a9b62a840ce25fac
EOF
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --require-hashes --dest "$tmp" -r "$tmp/requirements.txt"
python3 -m zipfile -e "$tmp"/*.whl "$tmp/out"
rm -rf "$dest"
mkdir -p "$dest/google"
for part in api longrunning rpc type; do
  (cd "$tmp/out" && find "google/$part" -name '*.proto' -print0 | tar --null -T - -cf -) | tar -xf - -C "$dest"
done
# The package has it under the name that its Python goes by.
mv "$dest/google/longrunning/operations_proto.proto" "$dest/google/longrunning/operations.proto"
echo "$contents" >"$dest/.version"
