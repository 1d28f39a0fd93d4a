# shellcheck shell=sh
# Shared by start.sh and watch.sh.

run=/run/nginx
secrets=/run/secrets

say() { printf 'nginx %s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# choose_certificate points $run/tls at the operator's or ACME's certificate, or
# makes a self-signed one that serves until there is one.
choose_certificate() {
  if [ -s "${secrets}/tls/fullchain.pem" ] && [ -s "${secrets}/tls/privkey.pem" ]; then
    source=${secrets}/tls
  else
    source=${run}/self-signed
    [ -s "${source}/privkey.pem" ] || make_self_signed "${source}"
  fi
  [ "$(readlink "${run}/tls" 2>/dev/null)" = "${source}" ] && return 0
  say "serving the certificate of ${source}"
  ln -sfn "${source}" "${run}/tls"
}

make_self_signed() {
  say 'no certificate yet: making a self-signed one'
  mkdir -p "$1"
  (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj '/CN=self-signed' -keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2>/dev/null) ||
    die 'openssl could not make a certificate'
}
