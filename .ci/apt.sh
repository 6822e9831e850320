#!/usr/bin/env bash
# Installs Debian's packages that are not there yet, as root. Debian's signatures stand for
# digests.
set -euo pipefail
missing=()
for package in "$@"; do
  [[ $(dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null) == *'ok installed' ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install --yes -qq --no-install-recommends "${missing[@]}"
