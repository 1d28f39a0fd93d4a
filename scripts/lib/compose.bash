# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The one way to Docker.

PROJECT=$(env_get COMPOSE_PROJECT_NAME)
PROJECT=${PROJECT:-hasura-login}
# How long scripts wait, where nothing says otherwise: for a container to be up, and for an answer to
# be as it should, in half seconds.
START_SECONDS=180
REPLY_TRIES=20
readonly PROJECT START_SECONDS REPLY_TRIES

compose() {
  docker compose --project-name "${PROJECT}" --project-directory "${ROOT}" \
    --file "${ROOT}/docker-compose.prod.yml" --env-file "${ROOT}/.env" "$@"
}

# Names of a service's containers, running or not, one-off runs left out.
containers_of() {
  docker ps --all --format '{{.Names}}' \
    --filter "label=com.docker.compose.project=${PROJECT}" \
    --filter "label=com.docker.compose.service=$1" \
    --filter 'label=com.docker.compose.oneoff=False'
}

# A service's containers that run.
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

# Waits until a container runs and its health check agrees.
#   wait_up NAME
wait_up() {
  local name=$1 deadline=$((SECONDS + START_SECONDS)) state
  while true; do
    state=$(state_of "${name}")
    case ${state} in
      'running healthy' | 'running none') return 0 ;;
      # Docker calls a container unhealthy only after its start period and some more tries.
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

# Sleeps; tests, whose containers are quick, make it shorter.
pause() { sleep "${HASURA_LOGIN_PAUSE:-$1}"; }

# Runs a command again and again until it succeeds, for what a service in good health does within
# REPLY_TRIES half seconds.
#   eventually COMMAND…
eventually() {
  local tries=${REPLY_TRIES}
  until "$@"; do
    ((--tries > 0)) || return 1
    pause 0.5
  done
}

# Makes a service run as the compose file says, if it does not yet. What runs stays as it is; a
# container that does not run is made anew if the settings have changed since.
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

# Whether a service's container was made from other settings, or another image, than those of now.
differs_from_settings() {
  local service=$1 name wanted made
  name=$(running_of "${service}" | sed -n 1p)
  [[ -n ${name} ]] || return 0
  wanted=$(compose config --hash "${service}" | awk '{print $2}')
  made=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' "${name}")
  [[ ${wanted} != "${made}" ]]
}

# Services the profiles in use bring, one a line.
services_in_use() { compose config --services; }

# Starts what stands beside the way of a request, or brings it to its settings: monitoring, ACME. Redis
# and Postgres hold data and are left as they run.
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
