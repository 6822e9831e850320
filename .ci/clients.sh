#!/usr/bin/env bash
# Checks what the world makes of the API: the protos are compiled outside of this
# tree by the commands that docs/clients.md shows, a client in Python and one in
# JavaScript call a server, and the OpenAPI file is read by a linter and by a
# generator of clients. Needs Node with npm, and Python with venv; what they fetch
# is pinned in testdata/clients and kept in .akin/clients.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
kept=$root/.akin/clients
mkdir -p "$kept"
if ! cmp -s testdata/clients/requirements.txt "$kept/requirements.txt"; then
  python3 -m venv "$kept/venv"
  "$kept/venv/bin/pip" install --quiet --disable-pip-version-check -r testdata/clients/requirements.txt
  cp testdata/clients/requirements.txt "$kept/"
fi
if ! cmp -s testdata/clients/package.json "$kept/installed.json"; then
  cp testdata/clients/package.json "$kept/package.json"
  (cd "$kept" && npm install --silent --no-audit --no-fund --ignore-scripts --no-package-lock)
  cp testdata/clients/package.json "$kept/installed.json"
fi
export PATH="$kept/venv/bin:$kept/node_modules/.bin:$PATH"

scratch=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
mkdir -p "$scratch/proto/akin/v1"
cp proto/akin/v1/*.proto "$scratch/proto/akin/v1/"
cp testdata/clients/client.* "$scratch/"
ln -s "$kept/node_modules" "$scratch/node_modules"
cd "$scratch"
export GOOGLEAPIS=node_modules/google-proto-files

# shown NAME: the block of docs/clients.md that is marked with it.
shown() {
  awk -v mark='```sh '"$1" '$0 == mark {on = 1; next} /^```/ {on = 0} on' "$root/docs/clients.md"
}
for name in protoc python javascript; do
  mkdir -p "out-$name"
  commands=$(shown "$name")
  [ -n "$commands" ] || { echo "docs/clients.md shows no command for $name"; exit 1; }
  echo "$name:"
  bash -euo pipefail -c "$commands"
  [ -n "$(find "out-$name" -type f -print -quit)" ] || { echo "the command for $name made nothing"; exit 1; }
done

"$root/bin/akin" import --home "$root/.akin" --data "$scratch/data" --quarantine "$scratch/quarantine" "$root/testdata/sample" >/dev/null
"$root/bin/akin" serve --home "$root/.akin" --data "$scratch/data" --grpc-addr 127.0.0.1:0 --http-addr '' >"$scratch/log" 2>&1 &
server=$!
for _ in $(seq 100); do
  grep -q '^gRPC ' "$scratch/log" && break
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log"; exit 1; }
  sleep 0.2
done
address=$(awk '$1 == "gRPC" {print $2}' "$scratch/log")
PYTHONPATH=out-python python client.py "$address" | tee "$scratch/said"
node client.js "$address" | tee -a "$scratch/said"
[ "$(grep -cx 'results: 3' "$scratch/said")" = 2 ] || { echo "a client did not get its results"; exit 1; }

redocly lint "$root/internal/rpc/akin.openapi.json" 2>&1 | grep -v '^ *[╔║╚]' | tail -4
openapi-python-client generate --path "$root/internal/rpc/akin.openapi.json" --meta none --output-path "$scratch/openapi" --fail-on-warning
echo "clients passed"
