# shellcheck shell=bash disable=SC2154,SC2034 # part of the stub
# What an operator types by hand and no script calls. Where a test has started the real login, its own
# program and log answer.

# by_hand DOCKER-VERB…: false if it is none of these
by_hand() {
  local name service
  case $1 in
    ps)
      [[ $* == 'ps --all --quiet' || $* == 'ps -a --filter label=com.docker.compose.project=hasura-login' || $* == 'ps --all --format table {{.Names}}\t{{.Status}}' ]] || return 1
      ls "${WORLD}/containers"
      ;;
    inspect)
      [[ $2 == --format && ($3 == *.RestartCount* || $3 == *.OOMKilled* || $3 == *.Mounts*) ]] || return 1
      shift 3
      for name in "$@"; do
        exists "${name}" || return 1
        printf '/%s restarts=0 oom=false exit=0\n' "${name}"
      done
      ;;
    exec)
      [[ ${*:3} == '/hasura-login keys list' && -n ${LOGIN_ENV:-} ]] || return 1
      exists "$2" || return 1
      login_itself "${@:4}"
      ;;
    *) return 1 ;;
  esac
}

login_itself() {
  local settings
  mapfile -t settings <"${LOGIN_ENV}"
  exec env -i "PATH=${PATH}" "${settings[@]}" "${LOGIN_PROGRAM}" "$@"
}

# compose_by_hand VERB…: false if it is none of these
compose_by_hand() {
  local service services=() name quiet=''
  case $1 in
    ps)
      shift
      while [[ ${1:-} == --* ]]; do
        [[ $1 == --all || $1 == --quiet ]] || return 1
        [[ $1 != --quiet ]] || quiet=1
        shift
      done
      services=("$@")
      ((${#services[@]} > 0)) || mapfile -t services <"${WORLD}/services"
      for service in "${services[@]}"; do
        in_use "${service}" || return 1
        containers_of "${service}"
        for name in "${CONTAINERS[@]}"; do printf '%s\n' "${name}"; done
      done
      ;;
    logs)
      shift
      while [[ ${1:-} == --* ]]; do
        case $1 in
          --no-log-prefix) shift ;;
          --tail | --since) shift 2 ;;
          *) return 1 ;;
        esac
      done
      for service in "$@"; do
        in_use "${service}" || return 1
        [[ ! -f ${WORLD}/logs/${service} ]] || cat "${WORLD}/logs/${service}"
      done
      ;;
    restart)
      in_use "$2" || return 1
      ;;
    rm)
      [[ $2 == --stop && $3 == --force ]] || return 1
      containers_of "$4"
      for name in "${CONTAINERS[@]}"; do vanish "${name}"; done
      ;;
    exec)
      shift
      [[ ${1:-} != -T ]] || shift
      case "$1 $2" in
        'login /hasura-login')
          # Scripts read and change the stub's own ring.
          [[ -n ${LOGIN_ENV:-} && ($3 != keys || $* == *'keys list') ]] || return 1
          login_itself "${@:3}"
          ;;
        'nginx curl')
          # Its configuration comes on stdin where a script calls it.
          [[ $* == *' http://'* && -n ${LOGIN_ENV:-} ]] || return 1
          # The name is that of the network of metrics: login listens for it there alone.
          exec "${@:2:$#-2}" "${*: -1:1}" --connect-to "login-metrics:9100:127.0.0.1:${LOGIN_OPS_PORT}" --connect-to '::127.0.0.9:9'
          ;;
        'nginx nginx') [[ $* == *' -s reload -c /etc/nginx/nginx.conf' ]] && load_nginx ;;
        'redis redis-cli') exec redis-cli -p "${REDIS_PORT}" "${@:3}" ;;
        *) return 1 ;;
      esac
      ;;
    *) return 1 ;;
  esac
}

in_use() { grep -qxF -- "$1" "${WORLD}/services" "${WORLD}/profiles" 2>/dev/null || { printf 'no such service: %s\n' "$1" >&2 && return 1; }; }
