#!/bin/sh
# Reloads nginx when something that it read only once has changed: a certificate
# was renewed, the edge secret or an upstream file rewritten, or an upstream's
# name stands for another address since its container was made anew.
#
# The names of upstreams are asked for every 5 s; nothing is done while the
# answer stays the same. It also empties the log file before its tmpfs is full.
set -eu
config=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=nginx/lib.sh
. "${config}/lib.sh"
log=/var/log/edge/access.log

upstream_addresses() {
  sed -n 's/^ *server  *\([^:; ]*\):.*/\1/p' "${config}"/upstreams/*.conf | sort -u | while read -r name; do
    getent ahosts "${name}" | cut -d' ' -f1 | sort -u
  done
}

fingerprint() {
  {
    cat "${config}"/upstreams/*.conf "${secrets}/edge_secret.conf" "${run}"/tls/*.pem
    upstream_addresses
  } 2>/dev/null | sha256sum
}

# nginx appends, so it goes on at the beginning of the emptied file.
keep_log_small() {
  if [ "$(wc -c <"${log}" 2>/dev/null || echo 0)" -gt 16000000 ]; then
    : >"${log}"
  fi
}

seen=$(fingerprint)
# nginx is the parent; when it is gone there is nothing to watch.
while sleep 5 && kill -0 "${PPID}" 2>/dev/null; do
  keep_log_small
  [ "${ENTRY:-}" != tls ] || choose_certificate
  now=$(fingerprint)
  [ "${now}" != "${seen}" ] || continue
  # Half of a change (a chain without its key, a name that is gone for a moment)
  # does not pass the test; the next round finds the whole.
  if nginx -t -q -c "${config}/nginx.conf"; then
    nginx -s reload -c "${config}/nginx.conf" && seen=${now} && say 'reloaded'
  fi
done
