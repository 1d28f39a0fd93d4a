#!/bin/sh
# The acme container's command: gets a certificate for SITE_NAMES and checks
# twice a day whether to renew it. nginx serves the challenge from the shared
# webroot and finds the new files by itself.
set -eu

tls=/tls
webroot=/var/lib/acme-challenge
names=$(printf '%s' "${SITE_NAMES:?}" | tr -s ' ,' ',' | sed 's/^,//; s/,$//')

say() { printf 'acme: %s\n' "$*" >&2; }

# Certbot creates an account at the first call, and does nothing while more than
# a third of the certificate's life is left.
look() {
  set -- --non-interactive --agree-tos --server "${ACME_SERVER:?}" --domains "${names}" --cert-name site
  if [ -n "${ACME_EMAIL:-}" ]; then
    set -- "$@" --email "${ACME_EMAIL}"
  else
    set -- "$@" --register-unsafely-without-email
  fi
  certbot certonly --webroot --webroot-path "${webroot}" --keep-until-expiring --key-type ecdsa --expand \
    --config-dir "${tls}/acme" --work-dir /tmp/work --logs-dir /tmp/logs "$@"
}

# Write the key first. If nginx looks in between, the pair does not match and it
# keeps the old one until the next look.
install_file() {
  cmp -s "$1" "$2" && return 0
  rm -f "$2.new" # of a try that was cut off; nobody may write into it
  (umask 377 && cp "$1" "$2.new")
  mv -f "$2.new" "$2"
  say "installed $2"
}

trap 'exit 0' TERM INT # as process 1 a shell would ignore both
while true; do
  if look; then
    install_file "${tls}/acme/live/site/privkey.pem" "${tls}/privkey.pem"
    install_file "${tls}/acme/live/site/fullchain.pem" "${tls}/fullchain.pem"
    touch /tmp/last-look
    wait_for=43200
  else
    # Authorities block clients that retry too often after failures.
    say 'no certificate; next try in an hour'
    wait_for=3600
  fi
  sleep "${wait_for}" &
  wait $!
done
