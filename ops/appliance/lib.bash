# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the scripts that source this
# Shared by the tests of the whole appliance. Sourced under ops/with-engine.

DOMAIN=login.example.org
PROJECT=hasura-login
# The appliance as an operator has it, next to the repository that it is a copy
# of.
SITE=${ENGINE_WORK:?runs under ops/with-engine}/hasura-login
CLIENT=${ENGINE_WORK}/client
export SSL_CERT_FILE=${ENGINE_WORK}/ca/ca.pem
readonly DOMAIN PROJECT SITE CLIENT

say() { printf '→ %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Runs a program on the machine outside, which knows the site by its name.
outside() { nsenter "--net=${OUTSIDE:?}" "$@"; }

# The name leads to the "host", here and for programs that read the hosts file.
name_the_site() {
  cp /etc/hosts "${ENGINE_WORK}/hosts"
  printf '203.0.113.10 %s\n2001:db8:1::10 %s\n' "${DOMAIN}" "${DOMAIN}" >>"${ENGINE_WORK}/hosts"
  mount --bind "${ENGINE_WORK}/hosts" /etc/hosts
}

# A web server outside, to see who reaches it, and addresses for many clients.
people_the_outside() {
  local n
  mkdir -p "${ENGINE_WORK}/www/cgi-bin"
  echo outside >"${ENGINE_WORK}/www/index.html"
  # A receiver of alerts.
  printf '#!/bin/sh\ncat >>"%s/told"\nprintf "Content-Type: text/plain\\r\\n\\r\\nok"\n' "${ENGINE_WORK}" >"${ENGINE_WORK}/www/cgi-bin/hook"
  chmod +x "${ENGINE_WORK}/www/cgi-bin/hook"
  touch "${ENGINE_WORK}/told"
  outside busybox httpd -p 80 -h "${ENGINE_WORK}/www"
  CLIENTS=()
  for n in {101..120}; do
    outside ip address add "203.0.113.${n}/24" dev wan
    CLIENTS+=("203.0.113.${n}")
  done
  go build -C "${ROOT}" -o "${CLIENT}" ./app/appliance/client
}

# clone_to FOLDER: a clone, as the README has it, with the files as they lie here.
clone_to() {
  local file
  git clone --quiet --no-hardlinks "${ROOT}" "$1"
  git -C "${ROOT}" ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -e ${ROOT}/${file} ]] || printf '%s\0' "${file}"
  done | tar -C "${ROOT}" --null --files-from=- -cf - | tar -C "$1" --no-same-permissions -xf -
}

# Removes from the copy what this machine cannot do, and prints it.
fit_to_machine() {
  local most
  most=$(ulimit -Hn)
  if [[ ${most} != unlimited ]] && ((most < 32768)); then
    say "NOT AS IN PRODUCTION: at most ${most} open files in place of 32768, more cannot be given here"
    sed -i "s/nofile: {soft: 32768, hard: 32768}/nofile: {soft: ${most}, hard: ${most}}/" "${SITE}/docker-compose.prod.yml"
  fi
  say "NOT AS IN PRODUCTION: $(docker run --rm "$(sed -n 's/^NGINX_IMAGE=//p' "${ROOT}/.env.example")" nginx -v 2>&1) in place of $(sed -n 's/^NGINX_IMAGE=//p' "${ROOT}/.env.example")"
  say 'NOT AS IN PRODUCTION: no Grafana, its image cannot be made here'
  sed -i '/^  grafana:/,/profiles:/ s/\[monitoring\]/[grafana]/' "${SITE}/docker-compose.prod.yml"
  # Like an operator's own change of settings.
  git -C "${SITE}" -c user.name=test -c user.email=test@example.org commit --quiet --all --allow-empty --message 'As it lies here'
}

# A certificate of an authority that only the clients here know.
certify() {
  local folder=${ENGINE_WORK}/ca
  mkdir "${folder}"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj '/CN=Test CA' \
    -keyout "${folder}/ca.key" -out "${folder}/ca.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=${DOMAIN}" \
    -keyout "${folder}/privkey.pem" -out "${folder}/site.csr" 2>/dev/null
  openssl x509 -req -in "${folder}/site.csr" -CA "${folder}/ca.pem" -CAkey "${folder}/ca.key" -CAcreateserial -days 60 \
    -extfile <(printf 'subjectAltName=DNS:%s' "${DOMAIN}") -out "${folder}/fullchain.pem" 2>/dev/null
}

# A real authority outside that speaks ACME. It requests the site's name on port 80, like the big
# ones.
start_authority() {
  local folder=${ENGINE_WORK}/authority
  mkdir "${folder}"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj '/CN=authority' -keyout "${folder}/key.pem" -out "${folder}/site.csr" 2>/dev/null
  openssl x509 -req -in "${folder}/site.csr" -CA "${ENGINE_WORK}/ca/ca.pem" -CAkey "${ENGINE_WORK}/ca/ca.key" -CAcreateserial -days 60 \
    -extfile <(printf 'subjectAltName=IP:203.0.113.1') -out "${folder}/cert.pem" 2>/dev/null
  jq -n --arg folder "${folder}" '{pebble: {listenAddress: "203.0.113.1:14000", managementListenAddress: "203.0.113.1:15000",
    certificate: "\($folder)/cert.pem", privateKey: "\($folder)/key.pem", httpPort: 80, tlsPort: 443,
    profiles: {default: {description: "as of any authority", validityPeriod: 5184000}}}}' >"${folder}/config.json"
  outside "${CHALLTESTSRV:?}" -dnsserver 203.0.113.1:8053 -defaultIPv4 203.0.113.10 -defaultIPv6 '' -http01 '' -https01 '' -tlsalpn01 '' -doh '' \
    -management 203.0.113.1:8055 >"${folder}/dns.log" 2>&1 &
  PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 outside "${PEBBLE:?}" -config "${folder}/config.json" -dnsserver 203.0.113.1:8053 -strict >"${folder}/log" 2>&1 &
  until outside curl -fsS --cacert "${ENGINE_WORK}/ca/ca.pem" https://203.0.113.1:15000/roots/0 >"${folder}/root.pem" 2>/dev/null; do sleep 0.5; done
  # Clients trust it, and the test's own authority.
  cat "${folder}/root.pem" "${ENGINE_WORK}/ca/ca.pem" >"${ENGINE_WORK}/ca/trusted.pem"
}

# install_with PROFILES: as docs/vps.md says, with an authority that asks for a certificate as others do.
install_with() {
  say "scripts/install --with $1"
  start_authority
  sed 's|^#ACME_SERVER=.*|ACME_SERVER=https://203.0.113.1:14000/dir|' .env.example >.env
  scripts/install --domain "${DOMAIN}" --with "$1"
  wait_for_certificate
}

wait_for_certificate() {
  local tries=120
  export SSL_CERT_FILE=${ENGINE_WORK}/ca/trusted.pem
  say 'a certificate by ACME, which nginx finds by itself'
  until outside curl -fsS --cacert "${ENGINE_WORK}/authority/root.pem" "https://${DOMAIN}/healthz" >/dev/null 2>&1; do
    ((tries-- > 0)) || die "no certificate: $(docker logs --tail 20 "$(container_of acme)" 2>&1)"
    sleep 1
  done
}

# told TEXT…: whether the receiver outside got the text, within two minutes.
told() {
  local text tries=240
  for text in "$@"; do
    until grep -qF "${text}" "${ENGINE_WORK}/told"; do
      ((tries-- > 0)) || die "no alert arrived about ${text}: $(<"${ENGINE_WORK}/told")"
      sleep 0.5
    done
  done
}

containers() { docker ps --filter "label=com.docker.compose.project=${PROJECT}" --format '{{.Names}}' | sort; }

container_of() { docker ps --filter "label=com.docker.compose.project=${PROJECT}" --filter "label=com.docker.compose.service=$1" --format '{{.Names}}' | sed -n 1p; }

prepare() {
  certify
  "${ROOT}/ops/appliance/images"
  name_the_site
  people_the_outside
  # The installing user has a umask that lets nobody else read anything.
  umask 077
  clone_to "${SITE}"
  fit_to_machine
}

# What docs/vps.md says between a heading and the next one, in its blocks of code.
#   documented '## 3. A first login'
documented() {
  awk -v heading="$1" '$0 == heading { on = 1; next } /^## / { on = 0 } on && /^```/ { code = !code; next } on && code' "${SITE}/docs/vps.md"
}
