# shellcheck shell=bash disable=SC2154 # bats sets names
# A copy of the appliance for one test, with the stub docker and a world in which it runs.

SCRIPTS=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
REPOSITORY=$(dirname -- "${SCRIPTS}")

# An appliance's folder without anything running.
empty_appliance() {
  export HASURA_LOGIN_ROOT=${BATS_TEST_TMPDIR}/appliance WORLD=${BATS_TEST_TMPDIR}/world
  export HASURA_LOGIN_PAUSE=0.01 HASURA_LOGIN_REREAD=0.01 HASURA_LOGIN_CONNECTIONS_END=0 HASURA_LOGIN_PROBE_TRIES=2 HASURA_LOGIN_BACKUPS=${HASURA_LOGIN_ROOT}/backups
  export PATH=${SCRIPTS}/tests/stub:${PATH}
  unset HASURA_LOGIN_LOCKED
  mkdir -p "${WORLD}/users" "${HASURA_LOGIN_ROOT}"/{nginx/upstreams,hasura/metadata,ops/postgres} \
    "${WORLD}"/{containers,images,registry,settings,nginx,machine}
  echo '40% 20000' >"${WORLD}/machine/disk"
  echo yes >"${WORLD}/machine/clock"
  echo '192.0.2.1 STREAM login.example.org' >"${WORLD}/machine/addresses"
  : >"${WORLD}/machine/listeners"
  cp "${REPOSITORY}"/nginx/upstreams/*.conf "${HASURA_LOGIN_ROOT}/nginx/upstreams/"
  mkdir -p "${HASURA_LOGIN_ROOT}/ops/alertmanager"
  cp "${REPOSITORY}/ops/alertmanager/routes.yml" "${HASURA_LOGIN_ROOT}/ops/alertmanager/"
  cp "${REPOSITORY}/ops/postgres/roles.sql" "${HASURA_LOGIN_ROOT}/ops/postgres/"
  printf 'name: hasura-login\n' >"${HASURA_LOGIN_ROOT}/docker-compose.prod.yml"
  printf '%s\n' postgres login migrate hasura nginx >"${WORLD}/services"
  printf '0' >"${WORLD}/leaving"
  echo 28.2.2 >"${WORLD}/engine"
  printf '{"keys":[{"kid":"k1"}]}' >"${WORLD}/jwks.json"
}

# An appliance that runs the image hasura-login:old. Made once for a file of tests, then copied.
running_appliance() {
  local kept=${BATS_FILE_TMPDIR}/running
  empty_appliance
  if [[ ! -d ${kept} ]]; then
    make_running_appliance
    mkdir "${BATS_TEST_TMPDIR}/kept"
    cp -a "${HASURA_LOGIN_ROOT}" "${WORLD}" "${BATS_TEST_TMPDIR}/kept/"
    mv -T "${BATS_TEST_TMPDIR}/kept" "${kept}" 2>/dev/null || true
  else
    rm -r "${HASURA_LOGIN_ROOT}" "${WORLD}"
    cp -a "${kept}"/* "${BATS_TEST_TMPDIR}/"
  fi
}

# A digest that a registry may name: 64 times the same digit.
digest() { printf 'sha256:%064d' 0 | tr 0 "$1"; }

# publish IMAGE [DIGIT]: a registry has it from now on.
publish() { digest "${2:-1}" >"${WORLD}/registry/${1//\//_}"; }

# A registry has every image that the repository's own release names.
publish_release() {
  local image
  while IFS= read -r image; do publish "${image}"; done < <(sed -n 's/^[A-Z_]*_IMAGE=//p' "${REPOSITORY}/.env.example")
}

# What a small release was made with.
image_settings_of_release() {
  printf '%s\n' GO_IMAGE=golang:1 NGINX_IMAGE=nginx:1 HASURA_IMAGE=hasura:1 HASURA_MIGRATE_IMAGE=hasura:1.cli-migrations-v3 POSTGRES_IMAGE=postgres:1
}

make_running_appliance() {
  image_settings_of_release >"${HASURA_LOGIN_ROOT}/.env.example"
  image_settings_of_release | sed "s/\$/@$(digest 1)/" >"${HASURA_LOGIN_ROOT}/.env"
  printf 'HASURA_LOGIN_IMAGE=hasura-login:old\nSITE_NAMES=login.example.org\nHTTPS_BIND=1\n' >>"${HASURA_LOGIN_ROOT}/.env"
  chmod 0600 "${HASURA_LOGIN_ROOT}/.env"
  touch "${WORLD}/images/hasura-login:old"
  "${SCRIPTS}/init-secrets" 2>/dev/null
  touch "${WORLD}/users/$(<"${HASURA_LOGIN_ROOT}/secrets/operator/probe_email")"
  quietly docker compose --project-directory "${HASURA_LOGIN_ROOT}" --env-file "${HASURA_LOGIN_ROOT}/.env" up --detach
  : >"${WORLD}/calls"
}

quietly() { "$@" >/dev/null 2>&1; }

script() {
  local name=$1
  shift
  run "${SCRIPTS}/${name}" "$@"
}

# Names of a service's containers in the stub's world, running or not.
world_containers() {
  local folder
  for folder in "${WORLD}"/containers/*/; do
    [[ $(<"${folder}/service") != "$1" ]] || basename "${folder}"
  done
}

world_image() { cat "${WORLD}/containers/$1/image"; }

assert_status() {
  [[ ${status} == "$1" ]] || {
    printf 'status %s, wanted %s\n%s\n' "${status}" "$1" "${output}"
    return 1
  }
}

assert_says() {
  [[ ${output} == *"$1"* ]] || {
    printf 'does not say: %s\n%s\n' "$1" "${output}"
    return 1
  }
}

assert_same() {
  [[ $1 == "$2" ]] || {
    printf 'found  %s\nwanted %s\n' "$1" "$2"
    return 1
  }
}

called() { grep -qE -- "$1" "${WORLD}/calls"; }

never_called() {
  if called "$1"; then
    printf 'was called: %s\n' "$(grep -E -- "$1" "${WORLD}/calls" | head -n 1)"
    return 1
  fi
}

never_called_with() {
  if grep -qF -- "$1" "${WORLD}/calls"; then
    printf 'a call holds a secret\n'
    return 1
  fi
}

# Whatever happened: each service has one running container, nginx has loaded its name, and what
# nginx' file says is what it has loaded.
assert_works() {
  local service names
  for service in postgres login hasura nginx; do
    names=$(world_containers "${service}")
    [[ -n ${names} && $(wc -l <<<"${names}") == 1 ]] || {
      printf '%s has these containers: %s\n' "${service}" "${names//$'\n'/ }"
      return 1
    }
    assert_same "$(<"${WORLD}/containers/${names}/state")" running
  done
  for service in login hasura; do
    # Before the first replacement the service's name stands there.
    [[ $(<"${WORLD}/nginx/${service}") == "${service}" ]] || assert_same "$(<"${WORLD}/nginx/${service}")" "$(world_containers "${service}")"
    grep -q "server $(<"${WORLD}/nginx/${service}"):" "${HASURA_LOGIN_ROOT}/nginx/upstreams/${service}.conf"
  done
}
