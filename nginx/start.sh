#!/bin/sh
# The nginx container's command: writes the few files that depend on the settings
# below, all on the tmpfs /run/nginx, and then executes nginx.
#
#   SITE_NAMES        host names served, separated by blanks; others get no answer
#   ENTRY             tls, load-balancer or plain: which of entry/*.conf listens
#   CORS_ORIGINS      origins whose pages may read the errors that nginx makes; see origins/origins.sh
#   LOAD_BALANCERS    addresses or networks, for ENTRY=load-balancer only
#   GRAPHQL_MAX_BODY  largest body to /v1/graphql, such as 256k or 1m; 256k if not set
#   NAT64_PREFIX      IPv6 /96 of a NAT64 with IPv4 clients, besides 64:ff9b::/96
set -eu
config=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=nginx/lib.sh
. "${config}/lib.sh"

set -f # lists are split at blanks and commas, never matched against files
site=${run}/site
mkdir -p "${site}"

# Replaces commas by blanks; a list of only those is empty.
list() { printf '%s' "${1:-}" | tr ',' ' ' | sed 's/^ *//; s/ *$//'; }

# Each value goes into a configuration file, so it may hold only the characters that
# its kind needs.
write_server_names() {
  names=$(list "${SITE_NAMES:-}")
  [ -n "${names}" ] || die 'SITE_NAMES is empty'
  for name in ${names}; do
    case ${name} in
      *[!A-Za-z0-9.-]*) die "SITE_NAMES: '${name}' is not a host name" ;;
      *) ;;
    esac
  done
  printf 'server_name %s;\n' "${names}" >"${site}/server-names.conf"
}

# shellcheck disable=SC2016 # the dollars are nginx's
write_cors_origins() {
  {
    printf 'map $http_origin $cors_origin {\n    default "";\n'
    for origin in $(sh "${config}/origins/origins.sh" "${CORS_ORIGINS:-}"); do
      case ${origin} in
        *://\*.*)
          # One label, as in Hasura's own setting.
          rest=$(printf '%s' "${origin#*://\*.}" | sed 's/\./\\./g')
          printf '    "~*^%s[a-z0-9_-]+\\.%s$" $http_origin;\n' "${origin%%\**}" "${rest}"
          ;;
        *) printf '    "%s" $http_origin;\n' "${origin}" ;;
      esac
    done
    printf '}\nmap $cors_origin $cors_exposed {\n    "" "";\n    default "X-Request-Id, Retry-After";\n}\n'
  } >"${site}/cors.conf"
}

write_load_balancers() {
  balancers=$(list "${LOAD_BALANCERS:-}")
  [ -n "${balancers}" ] || die 'ENTRY=load-balancer needs LOAD_BALANCERS, the addresses of the load balancer'
  : >"${site}/real-ip.conf"
  : >"${site}/load-balancers.conf"
  for address in ${balancers}; do
    case ${address} in
      *[!0-9A-Fa-f.:/]*) die "LOAD_BALANCERS: '${address}' is not an address or network" ;;
      */0) die "LOAD_BALANCERS: '${address}' would believe everybody" ;;
      *) ;;
    esac
    printf 'set_real_ip_from %s;\n' "${address}" >>"${site}/real-ip.conf"
    printf '%s 1;\n' "${address}" >>"${site}/load-balancers.conf"
  done
}

write_graphql_body() {
  size=${GRAPHQL_MAX_BODY:-256k}
  case ${size} in
    0* | [km]* | *[!0-9km]* | *[km]?*) die "GRAPHQL_MAX_BODY: '${size}' is not a size such as 256k or 1m" ;;
    *) printf 'client_max_body_size %s;\n' "${size}" >"${site}/graphql-body.conf" ;;
  esac
}

write_nat64() {
  prefix=$(list "${NAT64_PREFIX:-}")
  case ${prefix} in
    '') : >"${site}/nat64.conf" ;;
    *[!0-9A-Fa-f:/]* | */*/*) die "NAT64_PREFIX: '${prefix}' is not an IPv6 prefix such as 2001:db8:64::/96" ;;
    *:*/96) printf '%s 1;\n' "${prefix}" >"${site}/nat64.conf" ;;
    *) die "NAT64_PREFIX: '${prefix}' is not a /96" ;;
  esac
}

# If this nginx can, it keeps recently used connections open for a moment when it
# reloads. Otherwise a client's next request may arrive on a closed connection:
# browsers send it again, other clients fail.
write_keepalive() {
  version=$(nginx -v 2>&1 | sed 's/.*nginx\///; s/[^0-9.].*//')
  if [ "$(printf '1.27.4\n%s\n' "${version}" | sort -V | head -n 1)" = 1.27.4 ]; then
    printf 'keepalive_min_timeout 5s;\n'
  fi >"${site}/keepalive.conf"
}

write_server_names
write_cors_origins
write_graphql_body
write_nat64
write_keepalive
case ${ENTRY:-} in
  tls) choose_certificate ;;
  load-balancer) write_load_balancers ;;
  plain) ;;
  *) die "ENTRY is '${ENTRY:-}', not tls, load-balancer or plain" ;;
esac
printf 'include %s;\n' "${site}/cors.conf" "${site}/keepalive.conf" "${config}/entry/${ENTRY}.conf" >"${site}/http.conf"

sh "${config}/watch.sh" &
exec nginx -c "${config}/nginx.conf" -g 'daemon off;'
