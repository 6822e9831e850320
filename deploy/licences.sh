#!/usr/bin/env bash
# Prints the licences of all that is linked into the program for ARCH, with the texts as
# their authors give them. A module without a licence file is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "akin is made of the following, beside its own code. ONNX Runtime (MIT), OpenVINO's plugin"
echo "for it (MIT, with parts under Apache-2.0) and models are not part of it: they come with"
echo "their own licences and notices."
GOOS=linux GOARCH=$1 CGO_ENABLED=1 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/akin |
  LC_ALL=C sort -u | while read -r path version dir; do
    mapfile -t files < <(find "$dir" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'patents*' \) | LC_ALL=C sort)
    [ ${#files[@]} -gt 0 ] || { echo "$path $version has no licence file" >&2; exit 1; }
    printf '\n%s\n%s %s\n' "$(printf '=%.0s' {1..78})" "$path" "$version"
    for file in "${files[@]}"; do printf '\n--- %s\n\n' "${file##*/}"; cat "$file"; done
  done
printf '\n%s\nGo and its standard library, %s\n\n' "$(printf '=%.0s' {1..78})" "$(go env GOVERSION)"
cat "$(go env GOROOT)/LICENSE"
