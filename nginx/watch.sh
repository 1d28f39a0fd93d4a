#!/bin/sh
# Reloads nginx when something that nginx read only once has changed: a renewed
# certificate, a rewritten edge secret or upstream file, or another address of an
# upstream's name since its container was replaced.
#
# It looks every 5 s and reloads only after a change since the last load, by itself or
# by reload.sh, because each reload closes WebSockets. It also empties the log file
# before its tmpfs is full.
set -eu
config=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=nginx/lib.sh
. "${config}/lib.sh"
log=/var/log/edge/access.log

# nginx appends, so it continues at the start of the emptied file.
keep_log_small() {
  if [ "$(wc -c <"${log}" 2>/dev/null || echo 0)" -gt 16000000 ]; then
    : >"${log}"
  fi
}

remember "$(fingerprint)"
# nginx is the parent; without it there is nothing to watch.
while sleep 5 && kill -0 "${PPID}" 2>/dev/null; do
  keep_log_small
  # Ignore any failure of one look; the next one follows.
  [ "${ENTRY:-}" != tls ] || choose_certificate || say 'looking for a certificate failed'
  [ "$(fingerprint)" != "$(cat "${run}/loaded")" ] || continue
  # Half of a change (a chain without its key, a name that is gone for a moment)
  # fails nginx -t; the next round finds the whole change.
  if load; then
    say 'reloaded'
  fi
done
