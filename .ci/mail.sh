#!/usr/bin/env bash
# Mails to servers of somebody else: aiosmtpd from PyPI, with TLS, a login, greylisting and
# refusals, and Debian's postfix, in a mount namespace of its own, which touches nothing of
# the machine (it needs root or sudo for that). What is missing is said, and is an error
# with AKIN_REQUIRE=1.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

missing() {
  echo "skipped: $1" >&2
  if [ "${AKIN_REQUIRE:-}" = 1 ]; then exit 1; fi
}

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
go test -c -o "$scratch/post.test" ./internal/notify/post
export AKIN_TEST_SMTP_CA=$scratch/cert.pem

if python3 -m venv "$scratch/venv" >/dev/null 2>&1 && "$scratch/venv/bin/pip" install -q aiosmtpd==1.4.6 >/dev/null 2>&1; then
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkfifo "$scratch/stop"
  "$scratch/venv/bin/python" .ci/mail_server.py "$scratch/cert.pem" "$scratch/key.pem" "$port" < "$scratch/stop" > "$scratch/server.log" 2>&1 &
  server=$!
  exec 3> "$scratch/stop"
  for _ in $(seq 100); do grep -q '^PORT' "$scratch/server.log" && break; sleep 0.1; done
  status=0
  AKIN_TEST_SMTP=127.0.0.1:$port AKIN_TEST_SMTP_KIND=aiosmtpd "$scratch/post.test" -test.run TestForeignServer -test.v || status=$?
  exec 3>&-
  wait "$server" || true
  if [ "$status" != 0 ]; then cat "$scratch/server.log" >&2; exit "$status"; fi
else
  missing "aiosmtpd cannot be installed: Python with venv, and PyPI, are needed"
fi

if ! command -v unshare >/dev/null || ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
  missing "postfix needs root, unshare and apt-get"
  exit 0
fi
mkdir "$scratch/pf"
(
  cd "$scratch/pf"
  apt-get download -q postfix libicu-dev 2>/dev/null || apt-get download -q postfix
  for package in $(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances postfix | grep '^lib' | sort -u); do
    dpkg -s "$package" >/dev/null 2>&1 || apt-get download -q "$package" 2>/dev/null || true
  done
  for deb in *.deb; do dpkg -x "$deb" root; done
) >/dev/null 2>&1 || { missing "the package of postfix cannot be fetched"; exit 0; }
[ -d "$scratch/pf/root/usr" ] || { missing "the package of postfix cannot be fetched"; exit 0; }
cp "$scratch/cert.pem" "$scratch/key.pem" "$scratch/pf/"
SCRATCH=$scratch unshare -m bash .ci/mail_postfix.sh
