# shellcheck shell=bash disable=SC2154 # part of the stub
# docker compose …, and nginx as far as it tells what a deploy has done.

# The image that the compose file names: that of settings/SERVICE.image, of the environment, of .env.
image_for() {
  local line setting=${1//-/_}
  IMAGE=$1:1
  setting=${setting^^}_IMAGE
  case $1 in
    login) setting=HASURA_LOGIN_IMAGE IMAGE='' ;;
    migrate) setting=HASURA_MIGRATE_IMAGE ;;
    *) ;;
  esac
  if [[ -f ${WORLD}/settings/$1.image ]]; then
    IMAGE=$(<"${WORLD}/settings/$1.image")
  elif [[ -n ${!setting:-} ]]; then
    IMAGE=${!setting}
  elif [[ -f ${env_file} ]]; then
    while IFS= read -r line; do
      [[ ${line} != "${setting}"=* ]] || IMAGE=${line#*=}
    done <"${env_file}"
  fi
}

hash_for() {
  local settings=''
  [[ ! -f ${WORLD}/settings/$1 ]] || settings=$(<"${WORLD}/settings/$1")
  image_for "$1"
  HASH=hash-$1-${IMAGE}-${settings}
}

# create SERVICE NAME ONEOFF
create() {
  local service=$1 name=$2 folder=${WORLD}/containers/.$2.$$ health=healthy
  hash_for "${service}"
  mkdir -p "${folder}"
  if listed sick "${IMAGE}"; then health=unhealthy; fi
  printf '%s' "${service}" >"${folder}/service"
  printf '%s' "${IMAGE}" >"${folder}/image"
  image_id "${IMAGE}" >"${folder}/imageid"
  printf '%s' "${HASH}" >"${folder}/hash"
  printf 'running' >"${folder}/state"
  printf '%s' "${health}" >"${folder}/health"
  printf '%s' "$3" >"${folder}/oneoff"
  if [[ ${service} == hasura ]]; then cat "${root}"/secrets/hasura/{action,admin}_secret >"${folder}/secrets"; fi
  mv -T "${folder}" "${WORLD}/containers/${name}"
  really started "${name}"
}

next_name() {
  local service=$1 name highest=0
  containers_of "${service}"
  for name in "${CONTAINERS[@]}"; do
    ((${name##*[-.]} <= highest)) || highest=${name##*[-.]}
  done
  if [[ -x ${WORLD}/real && ${service} == login ]]; then
    # An address that a real server can listen on.
    NEXT_NAME=127.0.87.$((highest + 1))
  elif [[ -n ${engine} ]]; then
    NEXT_NAME=$("${engine}" start "${service}")
  else
    NEXT_NAME=hasura-login-${service}-$((highest + 1))
  fi
}

compose_up() {
  local recreate=1 scale_of='' scale=1 services=() service name count wanted
  while (($# > 0)); do
    case $1 in
      --detach | -d | --no-deps | --no-build | --wait) ;;
      --no-recreate) recreate='' ;;
      --scale)
        scale_of=${2%%=*}
        scale=${2##*=}
        shift
        ;;
      -*) unknown "compose up $*" ;;
      *) services+=("$1") ;;
    esac
    shift
  done
  ((${#services[@]} > 0)) || mapfile -t services <"${WORLD}/services"
  for service in "${services[@]}"; do
    [[ ${service} != migrate ]] || continue
    count=0
    hash_for "${service}"
    containers_of "${service}"
    for name in "${CONTAINERS[@]}"; do
      part "${name}" hash
      if [[ -n ${recreate} && ${PART} != "${HASH}" ]]; then
        vanish "${name}"
        create "${service}" "${name}" False
      fi
      runs "${name}" || {
        put "${name}" state running
        really started "${name}"
      }
      count=$((count + 1))
    done
    wanted=1
    [[ ${service} != "${scale_of}" ]] || wanted=${scale}
    while ((count < wanted)); do
      next_name "${service}"
      create "${service}" "${NEXT_NAME}" False
      count=$((count + 1))
    done
    if [[ ${service} == nginx && ! -x ${WORLD}/real ]]; then
      containers_of nginx
      start_nginx "${CONTAINERS[0]}"
    fi
  done
}

compose_run() {
  local service='' name='' detach=''
  while [[ ${1:-} == -* ]]; do
    case $1 in
      --name)
        name=$2
        shift
        ;;
      --detach) detach=1 ;;
      *) ;;
    esac
    shift
  done
  service=$1
  shift
  name=${name:-hasura-login-${service}-run-$$}
  create "${service}" "${name}" True
  [[ -z ${detach} ]] || return 0
  if [[ ${service} == migrate ]]; then
    image_for login
    printf '%s\n' "${IMAGE}" >>"${WORLD}/migrations"
  fi
  if [[ ${service} == login ]]; then login_verb "$@"; fi
  if [[ ${service} == postgres ]]; then on_volume "$@"; fi
  vanish "${name}"
}

# login_verb VERB…: what a container of its own prints
login_verb() {
  case "$*" in
    'audit --since 0 --json')
      [[ ! -e ${WORLD}/no-trail ]] || exit 1
      printf '{"event":"user-deleted","user":"1"}\n'
      ;;
    'users replay-deletions --since '*' --stdin')
      { printf '%s' "$*" && running_of_login && cat; } >"${WORLD}/replayed"
      ;;
    *) ;;
  esac
}

running_of_login() { if runs hasura-login-login-1; then printf ' while login runs\n'; else printf ' while login is stopped\n'; fi; }

# host_in SERVICE: what nginx' file names
host_in() {
  local line
  HOST=''
  while IFS= read -r line; do
    if [[ ${line} =~ ^[[:space:]]*server[[:space:]]+([^:\;[:space:]]+): ]]; then
      HOST=${BASH_REMATCH[1]}
      return 0
    fi
  done <"${root}/nginx/upstreams/$1.conf"
}

# A name stands for a container, or for the running ones of a service.
resolves() {
  local name
  if exists "$1"; then
    runs "$1"
    return
  fi
  containers_of "$1"
  for name in "${CONTAINERS[@]}"; do
    if runs "${name}"; then return 0; fi
  done
  return 1
}

nginx_test() {
  local service
  for service in login hasura; do
    host_in "${service}"
    resolves "${HOST}" || {
      printf 'nginx: [emerg] host not found in upstream "%s"\n' "${HOST}" >&2
      return 1
    }
  done
}

load_nginx() {
  local service generation=0
  nginx_test || return 0
  mkdir -p "${WORLD}/nginx"
  for service in login hasura; do
    host_in "${service}"
    printf '%s' "${HOST}" >"${WORLD}/nginx/.${service}"
    mv "${WORLD}/nginx/.${service}" "${WORLD}/nginx/${service}"
  done
  cp "${root}/secrets/nginx/edge_secret.conf" "${WORLD}/nginx/edge_secret.conf"
  [[ ! -f ${WORLD}/nginx/generation ]] || generation=$(<"${WORLD}/nginx/generation")
  printf '%d' "$((generation + 1))" >"${WORLD}/nginx/generation"
}

# Without an address for each name it ends at once, and is started again and again.
start_nginx() {
  if nginx_test 2>/dev/null; then load_nginx; else put "$1" state restarting; fi
}

compose_exec() {
  local service name
  [[ ${1:-} != -T ]] || shift
  service=$1
  shift
  containers_of "${service}"
  name=${CONTAINERS[0]:-}
  if [[ -z ${name} ]] || ! runs "${name}"; then
    printf 'service "%s" is not running\n' "${service}" >&2
    exit 1
  fi
  if [[ -n ${engine} ]]; then exec "${engine}" exec "${name}" "$@"; fi
  if [[ -x ${WORLD}/real && ${service} == nginx && $1 != curl ]]; then
    exec "${WORLD}/real" "$@"
  fi
  case "${service} $*" in
    'prometheus wget '* | 'alertmanager wget '* | 'blackbox-exporter wget '*) ;;
    'alertmanager test -r '*) [[ -f ${root}/site/alertmanager/${3##*/} ]] ;;
    'alertmanager amtool '*) ;;
    'nginx nginx -t'*) nginx_test ;;
    'nginx sh /etc/nginx/reload.sh') nginx_test && load_nginx ;;
    'nginx sh -c '*'shutting down'*) echo "$(<"${WORLD}/leaving")" ;;
    'nginx sh -c '*'worker process'*) printf '%d\n' "$((100 + $(<"${WORLD}/nginx/generation")))" ;;
    'nginx curl '*)
      # shellcheck source=scripts/tests/stub/curl.bash
      source "${here}/curl.bash"
      ;;
    'login /hasura-login keys '*)
      # shellcheck source=scripts/tests/stub/keys.bash
      source "${here}/keys.bash"
      ;;
    postgres* | redis*)
      # shellcheck source=scripts/tests/stub/servers.bash
      source "${here}/servers.bash"
      ;;
    *) unknown "compose exec ${service} $*" ;;
  esac
}

compose() {
  root=''
  env_file=/dev/null
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --project-directory) root=$2 ;;
      --env-file) env_file=$2 ;;
      --project-name | --file) ;;
      *) unknown "compose $*" ;;
    esac
    shift 2
  done
  # By hand it is run in the appliance's folder.
  : "${root:=${PWD}}"
  [[ ${env_file} != /dev/null || ! -f .env ]] || env_file=.env
  if compose_by_hand "$@"; then return 0; fi
  local verb=$1
  shift
  case ${verb} in
    up) compose_up "$@" ;;
    run) compose_run "$@" ;;
    exec) compose_exec "$@" ;;
    build) printf 'built-%s' "${call}" >"${WORLD}/images/${HASURA_LOGIN_IMAGE//\//_}" ;;
    stop)
      local service name
      for service in "$@"; do
        containers_of "${service}"
        for name in "${CONTAINERS[@]}"; do
          really stopped "${name}"
          put "${name}" state exited
        done
      done
      ;;
    config)
      case $1 in
        --quiet) ;;
        --hash)
          hash_for "$2"
          printf '%s %s\n' "$2" "${HASH}"
          ;;
        --format) if [[ -f ${WORLD}/machine/compose.json ]]; then cat "${WORLD}/machine/compose.json"; else printf '{"services":{"nginx":{"networks":{"edge":null,"inside":null}}},"networks":{"edge":{"name":"hasura-login_edge"},"inside":{"name":"hasura-login_inside"}}}\n'; fi ;;
        --services) cat "${WORLD}/services" ;;
        *) unknown "compose config $*" ;;
      esac
      ;;
    version) echo 2.40.0 ;;
    *) unknown "compose ${verb} $*" ;;
  esac
}
