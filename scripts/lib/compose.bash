# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# All calls of Docker.

PROJECT=$(env_get COMPOSE_PROJECT_NAME)
PROJECT=${PROJECT:-hasura-login}
# The default waits of scripts: for a container to be up, and for an answer to be as expected. In
# half seconds.
START_SECONDS=180
REPLY_TRIES=20
readonly PROJECT START_SECONDS REPLY_TRIES

compose() {
  docker compose --project-name "${PROJECT}" --project-directory "${ROOT}" \
    --file "${ROOT}/docker-compose.prod.yml" --env-file "${ROOT}/.env" "$@"
}

# Prints the names of a service's containers, running or not, without one-off runs.
containers_of() {
  docker ps --all --format '{{.Names}}' \
    --filter "label=com.docker.compose.project=${PROJECT}" \
    --filter "label=com.docker.compose.service=$1" \
    --filter 'label=com.docker.compose.oneoff=False'
}

# Prints a service's running containers.
running_of() {
  docker ps --format '{{.Names}}' \
    --filter "label=com.docker.compose.project=${PROJECT}" \
    --filter "label=com.docker.compose.service=$1" \
    --filter 'label=com.docker.compose.oneoff=False'
}

# "running healthy", "running none" (no health check), "exited unhealthy", …; empty if there is no
# such container.
state_of() {
  docker inspect --format '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$1" 2>/dev/null || true
}

is_up() {
  local state
  state=$(state_of "$1")
  [[ ${state} == 'running healthy' || ${state} == 'running none' ]]
}

# Waits until a container runs and is healthy.
#   wait_up NAME
wait_up() {
  local name=$1 deadline=$((SECONDS + START_SECONDS)) state
  while true; do
    state=$(state_of "${name}")
    case ${state} in
      'running healthy' | 'running none') return 0 ;;
      # Docker reports a container as unhealthy only after its start period and some retries.
      'exited '* | 'dead '* | 'running unhealthy' | '')
        say "${name} is ${state:-gone}; its last words:"
        docker logs --tail 20 "${name}" >&2 || true
        return 1
        ;;
      *) ;;
    esac
    if ((SECONDS >= deadline)); then
      say "${name} is still \"${state}\" after ${START_SECONDS} s; its last words:"
      docker logs --tail 20 "${name}" >&2 || true
      return 1
    fi
    pause 1
  done
}

# Sleeps; tests make it shorter, because their containers are quick.
pause() { sleep "${HASURA_LOGIN_PAUSE:-$1}"; }

# Repeats a command until it succeeds, for what a healthy service does within REPLY_TRIES half
# seconds.
#   eventually COMMAND…
eventually() {
  local tries=${REPLY_TRIES}
  until "$@"; do
    ((--tries > 0)) || return 1
    pause 0.5
  done
}

# Starts a service as the compose file says. A running container stays as it is; a stopped one is
# recreated if the settings have changed.
#   start_service NAME
start_service() {
  local service=$1 name keep=()
  [[ -z $(running_of "${service}") ]] || keep=(--no-recreate)
  compose up --detach --no-deps --no-build "${keep[@]}" "${service}" </dev/null >&2
  for name in $(running_of "${service}"); do
    wait_up "${name}" || die "${service} does not come up"
    return 0
  done
  die "${service} does not run"
}

remove_container() {
  local name=$1 seconds=${2:-10}
  docker stop -t "${seconds}" "${name}" >/dev/null || true
  docker rm --force "${name}" >/dev/null
}

# Whether a service's container has other settings, or another image, than the current ones.
differs_from_settings() {
  local service=$1 name wanted made
  name=$(running_of "${service}" | sed -n 1p)
  [[ -n ${name} ]] || return 0
  wanted=$(compose config --hash "${service}" | awk '{print $2}')
  made=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' "${name}")
  [[ ${wanted} != "${made}" ]]
}

# Prints the services of the profiles in use, one per line.
services_in_use() { compose config --services; }

# Starts or updates the services that no request passes through: monitoring, ACME. Redis and Postgres
# hold data, so they stay as they are.
start_other_services() {
  local service wanted=()
  for service in $(services_in_use); do
    case ${service} in
      nginx | login | migrate | hasura | postgres) ;;
      redis) compose up --detach --no-deps --no-build --no-recreate redis </dev/null >&2 ;;
      *) wanted+=("${service}") ;;
    esac
  done
  if ((${#wanted[@]} > 0)); then
    compose up --detach --no-deps --no-build "${wanted[@]}" </dev/null >&2
  fi
}
