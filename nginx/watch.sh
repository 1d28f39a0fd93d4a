#!/bin/sh
# Reloads nginx when something that it read only once has changed: a certificate
# was renewed, the edge secret or an upstream file rewritten, or an upstream's
# name stands for another address since its container was made anew.
#
# It looks every 5 s, and does nothing while all is as it was loaded, by itself or
# by reload.sh: each reload costs WebSockets. It also empties the log file before
# its tmpfs is full.
set -eu
config=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=nginx/lib.sh
. "${config}/lib.sh"
log=/var/log/edge/access.log

# nginx appends, so it goes on at the beginning of the emptied file.
keep_log_small() {
  if [ "$(wc -c <"${log}" 2>/dev/null || echo 0)" -gt 16000000 ]; then
    : >"${log}"
  fi
}

remember "$(fingerprint)"
# nginx is the parent; when it is gone there is nothing to watch.
while sleep 5 && kill -0 "${PPID}" 2>/dev/null; do
  keep_log_small
  # Whatever goes wrong with one look, there is a next one.
  [ "${ENTRY:-}" != tls ] || choose_certificate || say 'looking for a certificate failed'
  [ "$(fingerprint)" != "$(cat "${run}/loaded")" ] || continue
  # Half of a change (a chain without its key, a name that is gone for a moment)
  # does not pass the test; the next round finds the whole.
  if load; then
    say 'reloaded'
  fi
done
