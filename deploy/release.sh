#!/usr/bin/env bash
# Makes what a release has, for one machine: deploy/release.sh VERSION ARCH OUT. The same
# commit and toolchain give the same bytes, wherever and whenever it runs. Needs
# nfpm and cyclonedx-gomod (make release-tools), and Debian's gcc-aarch64-linux-gnu and
# libc6-dev-arm64-cross for arm64.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 arch=$2 out=$3
tools=$PWD/.akin/tools
commit=$(git rev-parse HEAD)
day=$(git log -1 --format=%cs)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
name=akin-$version-linux-$arch
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$out" "$stage/$name/completions"

flags="-buildid= -X akin/internal/cli.Version=$version -X akin/internal/cli.Commit=$commit -X akin/internal/cli.Date=$day"
build() { go build -trimpath -buildmode=pie -buildvcs=false -ldflags "$flags" -o "$1" ./cmd/akin; }
case $arch in
arm64) CC=aarch64-linux-gnu-gcc CGO_ENABLED=1 GOARCH=arm64 build "$stage/$name/akin" ;;
amd64) GOARCH=amd64 build "$stage/$name/akin" ;;
*) echo "no release for $arch: it is amd64 or arm64" >&2; exit 2 ;;
esac

# The command tree says itself what its page and its completions are.
build "$stage/host"
"$stage/host" man >"$stage/$name/akin.1"
gzip -9n <"$stage/$name/akin.1" >"$stage/$name/akin.1.gz"
"$stage/host" completion bash >"$stage/$name/completions/akin.bash"
"$stage/host" completion zsh >"$stage/$name/completions/_akin"
"$stage/host" completion fish >"$stage/$name/completions/akin.fish"
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
