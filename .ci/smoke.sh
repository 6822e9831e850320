#!/usr/bin/env bash
# Runs `make run` as the README does and talks to it with grpcurl and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(mktemp -d)
log=$(mktemp)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data" "$log"' EXIT
make --no-print-directory run DATA="$data/papers" GRPC_ADDR=127.0.0.1:0 HTTP_ADDR=127.0.0.1:0 >"$log" 2>&1 &
server=$!
for _ in $(seq 300); do
  grep -q '^HTTP ' "$log" && break
  kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
  sleep 1
done
grpc=$(awk '$1 == "gRPC" {print $2}' "$log")
http=$(awk '$1 == "HTTP" {print $2}' "$log")
.akin/tools/grpcurl -plaintext "$grpc" list | grep -x akin.v1.SearchService
.akin/tools/grpcurl -plaintext -d '{"query":"graph neural networks","page_size":1,"read_mask":{"paths":["id","title"]}}' "$grpc" akin.v1.SearchService/Search | grep '"title"'
.akin/tools/grpcurl -plaintext -d '{"paper_ids":["arXiv:1706.03762"],"page_size":1,"read_mask":{"paths":["id","title"]}}' "$grpc" akin.v1.SearchService/Similar | grep '"title"'
.akin/tools/grpcurl -plaintext -d '{"positive":[{"paper_id":"arXiv:1706.03762"}],"page_size":1,"read_mask":{"paths":["id","title"]}}' "$grpc" akin.v1.SearchService/Recommend | grep '"title"'
curl -sf "$http/v1/info" | grep -o '"paperCount":132'
pkill -TERM -P "$server" -f 'akin serve' || kill "$server"
wait "$server" || true
echo "smoke test passed"
