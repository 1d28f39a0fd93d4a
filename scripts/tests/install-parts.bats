#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup

setup() {
  running_appliance
  source_of_certificate=${BATS_TEST_TMPDIR}/live
  make_certificate login.example.org
}

make_certificate() {
  mkdir -p "${source_of_certificate}"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "${2:-90}" -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
    -keyout "${source_of_certificate}/privkey.pem" -out "${source_of_certificate}/fullchain.pem" 2>/dev/null
}

served() { printf '%s/secrets/nginx/tls/%s' "${HASURA_LOGIN_ROOT}" "$1"; }

@test "install-certificate puts key and chain where nginx reads them, readable only by nginx, and reloads" {
  script install-certificate "${source_of_certificate}"
  assert_status 0
  cmp "${source_of_certificate}/fullchain.pem" "$(served fullchain.pem)"
  cmp "${source_of_certificate}/privkey.pem" "$(served privkey.pem)"
  assert_same "$(stat -c %a "$(served privkey.pem)")" 400
  called 'nginx/reload.sh'
}

@test "install-certificate refuses another's key, another name and one that has expired" {
  openssl genpkey -algorithm ed25519 -out "${source_of_certificate}/privkey.pem"
  script install-certificate "${source_of_certificate}"
  assert_status 1
  assert_says "the key is not this certificate's"
  make_certificate other.example.org
  script install-certificate "${source_of_certificate}"
  assert_status 1
  assert_says 'does not cover login.example.org'
  make_certificate login.example.org 1
  script install-certificate "${source_of_certificate}"
  assert_status 1
  assert_says 'has expired'
  [[ ! -e $(served fullchain.pem) ]]
}

@test "measure-containers writes the memory of each container for node-exporter, and no other's" {
  docker() {
    case $1 in
      ps) printf 'hasura-login-login-1 login\nhasura-login-nginx-1 nginx\n' ;;
      stats) printf 'hasura-login-login-1|12.3MiB / 512MiB|9\nhasura-login-nginx-1|0B / 1.5GiB|3\nanother|1KiB / 2KiB|1\n' ;;
      *) return 1 ;;
    esac
  }
  export -f docker
  script measure-containers
  assert_status 0
  local file=${HASURA_LOGIN_BACKUPS}/metrics/hasura_login_containers.prom
  grep -qx 'hasura_login_container_memory_bytes{service="login",container="hasura-login-login-1"} 12897485' "${file}"
  grep -qx 'hasura_login_container_memory_limit_bytes{service="nginx",container="hasura-login-nginx-1"} 1610612736' "${file}"
  grep -qx 'hasura_login_container_memory_bytes{service="nginx",container="hasura-login-nginx-1"} 0' "${file}"
  grep -qx 'hasura_login_container_processes{service="login",container="hasura-login-login-1"} 9' "${file}"
  assert_same "$(grep -c another "${file}" || true)" 0
  promtool check metrics <"${file}"
  assert_same "$(stat -c %a "${file}")" 644
}

@test "install-timers writes units that systemd accepts, with this folder's path, and enables the timers" {
  local units=${BATS_TEST_TMPDIR}/units
  mkdir "${units}"
  cp -R "${REPOSITORY}/ops/systemd" "${HASURA_LOGIN_ROOT}/ops/"
  HASURA_LOGIN_SYSTEMD=${units} script install-timers
  assert_status 0
  grep -qx "ExecStart=${HASURA_LOGIN_ROOT}/scripts/backup" "${units}/hasura-login-backup.service"
  assert_same "$(grep -c '^enable --now hasura-login-.*\.timer$' "${WORLD}/systemctl")" 6
  assert_same "$(grep -rc @ROOT@ "${units}" | grep -v ":0$" || true)" ""
  # Every unit runs a script that is there.
  local script_name
  while IFS= read -r script_name; do
    [[ -x ${SCRIPTS}/${script_name} ]]
  done < <(sed -n 's|^ExecStart=.*/scripts/\([^ ]*\).*|\1|p' "${units}"/*.service)
}
