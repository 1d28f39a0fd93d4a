# shellcheck shell=bash disable=SC2154 # bats, setup.bash and servers.bash set names
# The real login for the tests that need it: the stub docker hands "exec login" to it and prints what it
# logged. It runs on the appliance's own secrets and key ring, and on the Postgres of servers.bash.

build_login() {
  export LOGIN_PROGRAM=${BATS_FILE_TMPDIR}/hasura-login
  CGO_ENABLED=0 go build -C "${REPOSITORY}" -trimpath -o "${LOGIN_PROGRAM}" ./app
}

# start_login [NAME=VALUE…]: settings besides those of the compose file.
start_login() {
  local folder=${BATS_TEST_TMPDIR}/login secrets=${HASURA_LOGIN_ROOT}/secrets/login
  export LOGIN_ENV=${folder}/env LOGIN_PORT LOGIN_OPS_PORT
  LOGIN_PORT=$(free_port) LOGIN_OPS_PORT=$(free_port)
  mkdir -p "${folder}/audit"
  # The container's network leads "postgres" to the server.
  sed "s/@postgres:5432/@127.0.0.1:${PG_PORT}/" "${secrets}/database_url" >"${folder}/database_url"
  printf '%s\n' "LOGIN_LISTEN=127.0.0.1:${LOGIN_PORT}" "LOGIN_OPS_LISTEN=127.0.0.1:${LOGIN_OPS_PORT}" \
    "LOGIN_KEYS_DIR=${HASURA_LOGIN_ROOT}/keys" "LOGIN_DATABASE_URL_FILE=${folder}/database_url" \
    "LOGIN_AUDIT_DIR=${folder}/audit" 'LOGIN_ISSUER=https://login.example.org' 'LOGIN_AUDIENCE=hasura' \
    'LOGIN_CORS_ORIGINS=https://login.example.org' 'LOGIN_BCRYPT_COST=10' "$@" >"${LOGIN_ENV}"
  # The secrets that the compose file gives it.
  sed -n "s|^      \(LOGIN_[A-Z_]*_FILE\): /run/secrets/|\1=${secrets}/|p" "${REPOSITORY}/docker-compose.prod.yml" |
    grep -v '^LOGIN_DATABASE_URL_FILE=' >>"${LOGIN_ENV}"
  (login_program keys list --json) 2>/dev/null | jq -e '.keys | length > 0' >/dev/null || (login_program keys rotate) >/dev/null 2>&1
  (login_program serve) >"${folder}/log" 2>&1 3>&- &
  LOGIN_PID=$!
  for _ in {1..200}; do
    kill -0 "${LOGIN_PID}" 2>/dev/null || break
    ! curl -fso /dev/null "http://127.0.0.1:${LOGIN_OPS_PORT}/readyz" || return 0
    sleep 0.1
  done
  cat "${folder}/log"
  return 1
}

stop_login() {
  kill "${LOGIN_PID}"
  wait "${LOGIN_PID}" || true
}

# In a subshell of its own, which the program takes over: what is started can be stopped by its id.
login_program() {
  local settings
  mapfile -t settings <"${LOGIN_ENV}"
  exec env -i "PATH=${PATH}" "${settings[@]}" "${LOGIN_PROGRAM}" "$@"
}

# ask METHOD PATH [BODY [curl's options…]], as nginx passes on a request of the client 192.0.2.7
ask() {
  local method=$1 path=$2 body=${3:-}
  shift $(($# < 3 ? $# : 3))
  curl -s -X "${method}" -H 'Content-Type: application/json' -H 'X-Real-IP: 192.0.2.7' \
    -H "X-Edge-Secret: $(head -n 1 "${HASURA_LOGIN_ROOT}/secrets/login/edge_secret")" \
    -d "${body}" "$@" "http://127.0.0.1:${LOGIN_PORT}${path}"
}
