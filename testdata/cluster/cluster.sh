#!/usr/bin/env bash
# A Weaviate cluster for tests: nodes in network namespaces that are connected with each
# other and with nothing else, for several of Weaviate's ports cannot be bound to loopback.
# What asks them runs in the outer one of these namespaces.
#   cluster.sh build | up | down | wipe | status | address | exec COMMAND…
#   cluster.sh kill I | start I | pause I | resume I | cut I | heal I
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${AKIN_CLUSTER:-$(cd "$here/../.." && pwd)/.akin/cluster}
nodes=${AKIN_CLUSTER_NODES:-3}
memory=${AKIN_CLUSTER_MEMORY:-2GiB} # of each node, for Go
key=${AKIN_CLUSTER_KEY:-} # that the nodes ask for; none by default
tls=${AKIN_CLUSTER_TLS:-} # what the files of a certificate begin with: it and .crt, .key; none by default
patience=${AKIN_CLUSTER_PATIENCE:-180} # seconds until a node is ready
version=$(sed -n 's|^\tgithub.com/weaviate/weaviate \(v[0-9.]*\).*|\1|p' "$here/go.mod")
server=$home/weaviate-server-$version
run=${AKIN_CLUSTER_RUN:-$home/run} # what one cluster holds; several may run beside each other

# Each node is alone in a namespace, behind a bridge in the one where clients run.
address() { echo "10.77.0.$(($1 + 1))"; }

alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# The version is pinned in go.mod, and what is fetched is checked with go.sum and Go's
# checksum database. A build takes ten minutes on two cores; it is kept.
build() {
  [ -x "$server" ] && return 0
  mkdir -p "$home"
  echo "building Weaviate $version; this is done once, and takes minutes" >&2
  (cd "$here" && GOFLAGS=-trimpath CGO_ENABLED=0 nice -n 10 go build -p "${AKIN_CLUSTER_JOBS:-2}" -ldflags '-s -w' \
    -o "$server.part" github.com/weaviate/weaviate/cmd/weaviate-server)
  mv "$server.part" "$server"
}

# hold starts a process that does nothing in a network namespace of its own, below that
# of another one's, and notes its id.
hold() { # file, command before
  local file=$1
  shift
  alive "$file" && return 0
  rm -f "$file.up"
  setsid "$@" bash -c 'ip link set lo up && touch "$0.up" && exec sleep infinity' "$file" </dev/null >"$file.log" 2>&1 &
  echo $! >"$file"
  for _ in $(seq 100); do
    [ -e "$file.up" ] && return 0
    sleep 0.1
  done
  echo "there is no network namespace to be had: $(cat "$file.log")" >&2
  return 1
}

namespaces() {
  mkdir -p "$run"
  alive "$run/holder" && return 0
  if [ "$(id -u)" = 0 ]; then hold "$run/holder" unshare -n; else hold "$run/holder" unshare -Urn; fi
  inside ip link add bridge type bridge
  inside ip address add 10.77.0.254/24 dev bridge
  inside ip link set bridge up
  local i
  for ((i = 0; i < nodes; i++)); do
    hold "$run/holder$i" $(enter "$run/holder") unshare -n
    inside ip link add "port$i" type veth peer name eth0 netns "$(cat "$run/holder$i")"
    inside ip link set "port$i" master bridge up
    within "$i" ip address add "$(address "$i")/24" dev eth0
    within "$i" ip link set eth0 up
  done
}

enter() { # prints the words that run something in the namespace that a file tells of
  if [ "$(id -u)" = 0 ]; then echo "nsenter -t $(cat "$1") -n --"; else echo "nsenter -t $(cat "$1") -U -n --preserve-credentials --"; fi
}
inside() {
  alive "$run/holder" || { echo "the cluster is not up: make cluster-up" >&2; return 1; }
  $(enter "$run/holder") "$@"
}
within() { # node, command
  local file=$run/holder$1
  shift
  $(enter "$file") "$@"
}

start() {
  local i=$1 dir=$run/node$1 join="" peers="" n scheme=http secure=()
  mkdir -p "$dir/data"
  alive "$dir/pid" && return 0
  for ((n = 0; n < nodes; n++)); do
    join+=${join:+,}$(address $n):7946
    peers+=${peers:+,}node$n
  done
  (
    cd "$dir"
    export CLUSTER_HOSTNAME=node$i CLUSTER_BIND_ADDR=$(address "$i") CLUSTER_ADVERTISE_ADDR=$(address "$i") \
      CLUSTER_GOSSIP_BIND_PORT=7946 CLUSTER_DATA_BIND_PORT=7947 CLUSTER_JOIN="$join" RAFT_JOIN="$peers" \
      RAFT_BOOTSTRAP_EXPECT=$nodes RAFT_BOOTSTRAP_TIMEOUT=$patience PERSISTENCE_DATA_PATH=$dir/data GOMEMLIMIT=$memory \
      DEFAULT_VECTORIZER_MODULE=none ENABLE_MODULES= API_BASED_MODULES_DISABLED=true \
      DISABLE_TELEMETRY=true GO_PROFILING_DISABLE=true FAST_FAILURE_DETECTION=true LOG_LEVEL=${AKIN_CLUSTER_LOG:-warning}
    export AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true
    if [ -n "$key" ]; then
      export AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false AUTHENTICATION_APIKEY_ENABLED=true \
        AUTHENTICATION_APIKEY_ALLOWED_KEYS=$key AUTHENTICATION_APIKEY_USERS=akin
    fi
    if [ -n "$tls" ]; then
      export GRPC_CERT_FILE=$tls.crt GRPC_KEY_FILE=$tls.key
      scheme=https secure=(--tls-certificate "$tls.crt" --tls-key "$tls.key" --tls-port 8080 --tls-host 0.0.0.0 --tls-read-timeout=600s --tls-write-timeout=600s)
    fi
    exec $(enter "$run/holder$i") setsid "$server" --scheme "$scheme" "${secure[@]}" --host 0.0.0.0 --port 8080 --read-timeout=600s --write-timeout=600s \
      </dev/null >>"$dir/log" 2>&1
  ) &
  echo $! >"$dir/pid"
}

await() {
  local began=$SECONDS
  until inside curl -fsSk -o /dev/null -m 2 "http${tls:+s}://$(address "$1"):8080/v1/.well-known/ready" 2>/dev/null; do
    alive "$run/node$1/pid" || { echo "node $1 died:"; tail -5 "$run/node$1/log"; return 1; } >&2
    ((SECONDS - began < patience)) || { echo "node $1 is not ready after $patience s:"; tail -5 "$run/node$1/log"; return 1; } >&2
    sleep 0.2
  done
}

end() { # a file with a process id, and a signal
  alive "$1" || { rm -f "$1"; return 0; }
  local pid
  pid=$(cat "$1")
  kill "-$2" "$pid" 2>/dev/null || true
  for _ in $(seq 200); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1"
}

down() {
  local i
  for ((i = 0; i < nodes; i++)); do alive "$run/node$i/pid" && kill -TERM "$(cat "$run/node$i/pid")" || true; done
  for ((i = 0; i < nodes; i++)); do end "$run/node$i/pid" TERM; done
  for ((i = 0; i < nodes; i++)); do end "$run/holder$i" TERM; done
  end "$run/holder" TERM
}

# sever makes a node's packets to the others vanish, and theirs unanswered; clients reach it.
sever() {
  local n
  for ((n = 0; n < nodes; n++)); do
    [ "$n" = "$2" ] || within "$2" ip route "$1" blackhole "$(address "$n")/32"
  done
}

case "${1:-}" in
  build) build ;;
  up)
    build
    namespaces
    for ((i = 0; i < nodes; i++)); do start $i; done
    for ((i = 0; i < nodes; i++)); do await $i; done
    ;;
  down) down ;;
  wipe) down; rm -rf "$run" ;;
  start) start "$2"; await "$2" ;;
  kill) end "$run/node$2/pid" KILL ;;
  stop) end "$run/node$2/pid" TERM ;;
  pause) kill -STOP "$(cat "$run/node$2/pid")" ;;
  resume) kill -CONT "$(cat "$run/node$2/pid")" ;;
  cut) sever add "$2" ;;
  heal) sever del "$2" ;;
  address)
    out=weaviate://
    for ((i = 0; i < nodes; i++)); do out+=$([ $i = 0 ] || echo ,)$(address $i):8080; done
    echo "$out"
    ;;
  status)
    for ((i = 0; i < nodes; i++)); do
      pid=$run/node$i/pid
      alive "$pid" || { echo "node $i is down"; continue; }
      echo "node $i: process $(cat "$pid"), $(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$(cat "$pid")/status") MiB of memory, $(du -sm "$run/node$i/data" | cut -f1) MiB on disk"
    done
    ;;
  exec) shift; inside "$@" ;;
  *) sed -n 2,6p "${BASH_SOURCE[0]}"; exit 2 ;;
esac
