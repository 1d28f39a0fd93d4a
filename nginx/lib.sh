# shellcheck shell=sh
# Shared by start.sh, watch.sh and reload.sh.

: "${config:?the folder of these files}"
run=/run/nginx
secrets=/run/secrets

say() { printf 'nginx %s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Everything that nginx reads only when it loads its files: certificates, the edge
# secret, upstream files, and the addresses of the names in them.
fingerprint() {
  {
    cat "${config}"/upstreams/*.conf "${secrets}/edge_secret.conf" "${run}"/tls/*.pem
    upstream_addresses
  } 2>/dev/null | sha256sum
}

upstream_addresses() {
  sed -n 's/^ *server  *\([^:; ]*\):.*/\1/p' "${config}"/upstreams/*.conf | sort -u | while read -r name; do
    getent ahosts "${name}" | cut -d' ' -f1 | sort -u
  done
}

# load makes nginx load its files, if it accepts them, and records their state.
load() {
  loading=$(fingerprint)
  nginx -t -q -c "${config}/nginx.conf" || return 1
  nginx -s reload -c "${config}/nginx.conf" || return 1
  remember "${loading}"
}

remember() { printf '%s\n' "$1" >"${run}/loaded.$$" && mv "${run}/loaded.$$" "${run}/loaded"; }

# choose_certificate keeps in $run/tls a copy of the newest certificate of the
# operator or ACME that nginx accepts, or a self-signed one until there is one.
# nginx reads only the copy, so it starts and reloads even if files are half
# written, do not match or cannot be read.
choose_certificate() {
  exec 9>"${run}/tls.lock"
  flock 9 # watch.sh and reload.sh may look at the same time
  take_given
  [ -e "${run}/tls" ] || make_self_signed
  exec 9>&-
}

take_given() {
  given=${secrets}/tls
  new=${run}/tls.new
  [ -e "${given}/fullchain.pem" ] && [ -e "${given}/privkey.pem" ] || return 0
  rm -rf "${new}"
  if ! why=$( (umask 077 && mkdir "${new}" && cp "${given}/fullchain.pem" "${given}/privkey.pem" "${new}") 2>&1); then
    refuse "${why}"
    return 0
  fi
  generation=${run}/tls-$(cat "${new}/fullchain.pem" "${new}/privkey.pem" | sha256sum | cut -c 1-16)
  [ "$(readlink "${run}/tls")" != "${generation}" ] || return 0
  if why=$(nginx -t -q -c "${config}/certificate.conf" 2>&1); then
    rm -rf "${generation}"
    mv "${new}" "${generation}"
    serve "${generation}"
    say "serving the certificate of ${given}"
  else
    refuse "${why}"
  fi
}

# watch.sh calls it every few seconds; it prints the same message only once.
refuse() {
  [ "$1" != "${refused:-}" ] || return 0
  refused=$1
  say "not taking the certificate of ${given}: $1"
}

# serve makes $run/tls a link to a folder, atomically.
serve() {
  ln -sfn "$1" "${run}/tls.link"
  mv -fT "${run}/tls.link" "${run}/tls"
}

make_self_signed() {
  say 'no certificate yet: making a self-signed one'
  mkdir -p "${run}/self-signed"
  (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj '/CN=self-signed' -keyout "${run}/self-signed/privkey.pem" -out "${run}/self-signed/fullchain.pem" 2>/dev/null) ||
    die 'openssl could not make a certificate'
  serve "${run}/self-signed"
}
