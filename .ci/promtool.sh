#!/usr/bin/env bash
# Puts Debian's promtool into .akin/tools, out of the package prometheus, whose server
# is not installed. It needs apt, and root or sudo only where apt's lists are missing or old.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -x .akin/tools/promtool ] || command -v promtool >/dev/null; then
  exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
(cd "$scratch" && { apt-get download prometheus || { "${sudo[@]}" apt-get update -qq && apt-get download prometheus; }; } && dpkg -x prometheus_*.deb .)
mkdir -p .akin/tools
cp "$scratch/usr/bin/promtool" .akin/tools/promtool.new
mv .akin/tools/promtool.new .akin/tools/promtool
