#!/usr/bin/env bash
# Makes what a release has, for one machine: deploy/release.sh VERSION ARCH OUT. The same
# commit and toolchain give the same bytes, wherever and whenever it runs. Needs
# nfpm and cyclonedx-gomod (make release-tools), and Debian's gcc-aarch64-linux-gnu and
# libc6-dev-arm64-cross for arm64.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 arch=$2 out=$3
tools=$PWD/.akin/tools
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
name=akin-$version-linux-$arch
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$out" "$stage/$name/completions"

build() { make --silent build VERSION="$version" OUT="$1"; }
case $arch in
arm64) CC=aarch64-linux-gnu-gcc CGO_ENABLED=1 GOARCH=arm64 build "$stage/$name/akin" ;;
amd64) GOARCH=amd64 build "$stage/$name/akin" ;;
*) echo "no release for $arch: it is amd64 or arm64" >&2; exit 2 ;;
esac

# The command tree says itself what its page and its completions are.
host=$stage/$name/akin
if [ "$arch" != "$(go env GOHOSTARCH)" ]; then
  host=$stage/host
  build "$host"
fi
"$host" man >"$stage/$name/akin.1"
gzip -9n <"$stage/$name/akin.1" >"$stage/$name/akin.1.gz"
"$host" completion bash >"$stage/$name/completions/akin.bash"
"$host" completion zsh >"$stage/$name/completions/_akin"
"$host" completion fish >"$stage/$name/completions/akin.fish"
"$tools/cyclonedx-gomod" bin -json -noserial -notimestamp -version "$version" -output "$stage/$name/akin.cdx.json" "$stage/$name/akin" 2>/dev/null
deploy/licences.sh "$arch" >"$stage/$name/THIRD-PARTY.txt"
cp LICENSE README.md CHANGELOG.md "$stage/$name/"

STAGE=$stage/$name ARCH=$arch PACKAGE_VERSION=${version//-/\~}
export STAGE ARCH PACKAGE_VERSION
for kind in deb rpm; do
  "$tools/nfpm" package --config deploy/package/nfpm.yaml --packager "$kind" --target "$out/$name.$kind" >/dev/null
done
rm "$stage/$name/akin.1.gz"
tar --create --directory "$stage" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu "$name" |
  gzip -9n >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name".*)
