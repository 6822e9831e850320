#!/usr/bin/env bash
# The tests of the page in a real browser: Debian's Chromium, and axe-core from npm, by
# digest. Screenshots go to bin/page. Needs bin/akin and the model (make setup), Node with
# npm, and root or sudo if Chromium is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
axe=4.14.1
digest=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==

.ci/apt.sh chromium fonts-dejavu-core
if [ ! -f ".akin/tools/axe-$axe.js" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  (cd "$scratch" && npm pack --silent "axe-core@$axe" >/dev/null)
  got=sha512-$(openssl dgst -sha512 -binary "$scratch/axe-core-$axe.tgz" | openssl base64 -A)
  if [ "$got" != "$digest" ]; then
    echo "axe-core $axe has the digest $got, not $digest" >&2
    exit 1
  fi
  tar -xzf "$scratch/axe-core-$axe.tgz" -C "$scratch" package/axe.min.js
  mkdir -p .akin/tools
  mv "$scratch/package/axe.min.js" ".akin/tools/axe-$axe.js"
fi
rm -rf bin/page
mkdir -p bin/page
export AKIN_PROGRAM=$PWD/bin/akin AKIN_AXE=$PWD/.akin/tools/axe-$axe.js AKIN_SCREENSHOTS=$PWD/bin/page
go vet -tags page ./internal/web
go test -tags page -count 1 -timeout 20m -run 'Browser' "$@" ./internal/web
