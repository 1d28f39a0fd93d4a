#!/usr/bin/env bats
# shellcheck disable=SC2154 # setup.bash and bats set names

load setup

setup() {
  empty_appliance
  cp "${REPOSITORY}/.env.example" "${HASURA_LOGIN_ROOT}/.env.example"
  publish_release
}

@test "install brings an empty machine to an appliance that serves" {
  script install --domain login.example.org
  assert_status 0
  assert_works
  assert_says 'it runs: https://login.example.org'
  grep -qx 'SITE_NAMES=login.example.org' "${HASURA_LOGIN_ROOT}/.env"
  grep -qx 'LOGIN_ISSUER=https://login.example.org' "${HASURA_LOGIN_ROOT}/.env"
  assert_same "$(stat -c %a "${HASURA_LOGIN_ROOT}/.env")" 600
}

@test "install starts each service after the one it needs" {
  script install --domain login.example.org
  assert_same "$(grep -oE '(no-build|no-recreate) (postgres|login|hasura|nginx)|no-deps migrate|login keys' "${WORLD}/calls" | awk '{ print $2 }' | paste -sd ' ' -)" \
    'postgres keys login migrate hasura nginx'
}

@test "install starts Redis, where it is used, before login looks for it" {
  printf '%s\n' redis >>"${WORLD}/services"
  script install --domain login.example.org --with redis
  assert_status 0
  assert_same "$(grep -oE 'no-build (redis|login)' "${WORLD}/calls" | awk '{ print $2 }' | paste -sd ' ' -)" 'redis login'
}

@test "install sets every variable the compose file insists on" {
  cp "${REPOSITORY}/docker-compose.prod.yml" "${HASURA_LOGIN_ROOT}/"
  script install --domain login.example.org --with redis
  assert_status 0
  local name
  while IFS= read -r name; do
    grep -qE "^${name}=.+" "${HASURA_LOGIN_ROOT}/.env" || {
      echo "${name} is not set"
      false
    }
  done < <(grep -oP '(?<!\$)\$\{\K[A-Z_]+(?=:\?)' "${HASURA_LOGIN_ROOT}/docker-compose.prod.yml" | sort -u)
  grep -qx 'LOGIN_REDIS_URL_FILE=/run/secrets/redis_url' "${HASURA_LOGIN_ROOT}/.env"
}

@test "a second install keeps settings, secrets and containers" {
  script install --domain login.example.org
  echo 'LOGIN_LOG_LEVEL=debug' >>"${HASURA_LOGIN_ROOT}/.env"
  local secrets containers
  secrets=$(find "${HASURA_LOGIN_ROOT}/secrets" -type f | sort | xargs sha256sum)
  containers=$(ls "${WORLD}/containers")
  script install
  assert_status 0
  assert_same "$(find "${HASURA_LOGIN_ROOT}/secrets" -type f | sort | xargs sha256sum)" "${secrets}"
  assert_same "$(ls "${WORLD}/containers")" "${containers}"
  grep -qx 'LOGIN_LOG_LEVEL=debug' "${HASURA_LOGIN_ROOT}/.env"
}

@test "an appliance whose containers are all gone is installed again, whatever nginx's files name" {
  script install --domain login.example.org
  sed -i 's/server [^:]*:/server hasura-login-hasura-7:/' "${HASURA_LOGIN_ROOT}/nginx/upstreams/hasura.conf"
  rm -r "${WORLD}/containers"/* "${WORLD}/nginx"/*
  script install
  assert_status 0
  assert_works
}

@test "an install that never ran is repeated after a setting was corrected" {
  script install --domain login.example.org
  printf exited >"${WORLD}/containers/hasura-login-postgres-1/state"
  echo 'a limit that fits this machine' >"${WORLD}/settings/postgres"
  script install
  assert_status 0
  assert_same "$(<"${WORLD}/containers/hasura-login-postgres-1/hash")" "hash-postgres-$(sed -n 's/^POSTGRES_IMAGE=//p' "${HASURA_LOGIN_ROOT}/.env")-a limit that fits this machine"
}

@test "a machine that does not fit is left as it is" {
  echo '95% 100' >"${WORLD}/machine/disk"
  echo 'LISTEN 0 4096 0.0.0.0:443' >"${WORLD}/machine/listeners"
  script install --domain login.example.org
  assert_status 1
  assert_says '95 % full'
  assert_says 'port 443 is taken'
  assert_says 'nothing was changed'
  [[ ! -e ${HASURA_LOGIN_ROOT}/.env && ! -e ${HASURA_LOGIN_ROOT}/secrets && ! -e ${HASURA_LOGIN_ROOT}/.state ]]
}

@test "a machine with less memory than the containers may take is named, the second Hasura of a deploy included" {
  printf '{"services":{"hasura":{"mem_limit":"1073741824"},"login":{"mem_limit":"536870912"},"migrate":{"mem_limit":"4294967296"},"nginx":{"networks":{"edge":null}}},"networks":{"edge":{"name":"hasura-login_edge"}}}' \
    >"${WORLD}/machine/compose.json"
  echo 'MemTotal: 2300000 kB' >"${WORLD}/machine/meminfo"
  HASURA_LOGIN_MEMINFO=${WORLD}/machine/meminfo script install --domain login.example.org
  assert_status 1
  assert_says "2246 MB of memory: the limits of the containers add up to 2560 MB"
  echo 'MemTotal: 2400000 kB' >"${WORLD}/machine/meminfo"
  HASURA_LOGIN_MEMINFO=${WORLD}/machine/meminfo script install --domain login.example.org
  assert_status 0
}

@test "what containers read can be read by them, whatever umask git and the operator had" {
  mkdir -p "${HASURA_LOGIN_ROOT}"/{nginx/http,docs/runbooks}
  echo x >"${HASURA_LOGIN_ROOT}/nginx/http/a.conf"
  echo x >"${HASURA_LOGIN_ROOT}/docs/runbooks/a.md"
  printf '#!/bin/sh\n' >"${HASURA_LOGIN_ROOT}/nginx/start.sh"
  chmod -R go-rwx "${HASURA_LOGIN_ROOT}"
  chmod u+x "${HASURA_LOGIN_ROOT}/nginx/start.sh"
  umask 077
  script install --domain login.example.org
  assert_status 0
  assert_same "$(find "${HASURA_LOGIN_ROOT}"/{nginx,hasura,ops,docs/runbooks} -type f ! -perm -0044)" ''
  assert_same "$(find "${HASURA_LOGIN_ROOT}"/{nginx,hasura,ops,docs/runbooks,site} -type d ! -perm -0055)" ''
  assert_same "$(find "${HASURA_LOGIN_ROOT}"/{secrets,keys} -type f -perm /0077)" ''
  assert_same "$(stat -c %a "${HASURA_LOGIN_ROOT}/.env" "${HASURA_LOGIN_ROOT}/nginx/start.sh" | paste -sd ' ' -)" '600 755'
}

@test "install --dry-run says each step and does none" {
  script install --domain login.example.org --dry-run
  assert_status 0
  assert_says 'would start Hasura'
  [[ ! -e ${HASURA_LOGIN_ROOT}/.env && ! -e ${HASURA_LOGIN_ROOT}/secrets ]]
}

@test "an install killed at any point is finished by the next" {
  RANDOM=3
  for _ in 1 2 3 4 5 6; do
    "${SCRIPTS}/install" --domain login.example.org >/dev/null 2>&1 &
    sleep "0.$((RANDOM % 10))"
    kill -KILL $! 2>/dev/null || true
  done
  script install --domain login.example.org
  assert_status 0
  assert_works
}

@test "install refuses a name that is not a host name" {
  script install --domain 'a b;c'
  assert_status 2
  assert_says 'is no host name'
}

@test "the files of a tag take the image that was published with them, and build it if there is none" {
  local image=ghcr.io/acme/hasura-login:v1.2.3
  export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
  git -C "${HASURA_LOGIN_ROOT}" init -q
  git -C "${HASURA_LOGIN_ROOT}" commit -q --allow-empty -m release
  git -C "${HASURA_LOGIN_ROOT}" tag -m release v1.2.3
  git -C "${HASURA_LOGIN_ROOT}" remote add origin https://github.com/Acme/hasura-login.git
  assert_same "$(image_of_this_release)" hasura-login:v1.2.3
  publish "${image}"
  script install --domain login.example.org
  assert_status 0
  grep -qx "HASURA_LOGIN_IMAGE=${image}@$(digest 1)" "${HASURA_LOGIN_ROOT}/.env"
  never_called ' build login'
  # Files that differ from the tag are no release.
  touch "${HASURA_LOGIN_ROOT}/Dockerfile"
  assert_same "$(image_of_this_release)" hasura-login:v1.2.3-dirty
}

image_of_this_release() { bash -c 'source "$1/lib/all.bash"; image_of_this_release' _ "${SCRIPTS}"; }
