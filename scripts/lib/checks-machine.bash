# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The checks of scripts/doctor and scripts/install that look at the machine.

check_docker() {
  local engine plugin
  if ! engine=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || [[ -z ${engine} ]]; then
    problem deploy 'Docker does not answer: systemctl status docker'
    return 1
  fi
  plugin=$(docker compose version --short 2>/dev/null) || plugin=0
  if ! at_least 28.0 "${engine}" || ! at_least 2.33.1 "${plugin#v}"; then
    problem deploy "Docker ${engine} with compose ${plugin}: 28.0 and 2.33.1 are needed"
    return 1
  fi
  good "Docker ${engine}, compose ${plugin}"
}

check_disk() {
  local use free
  read -r use free < <(df --output=pcent,avail -m "${ROOT}" | tail -n 1 | tr -d '%')
  if ((use >= 85 || free < 2048)); then
    problem full-disk "the disk of ${ROOT} is ${use} % full, ${free} MB free"
  else
    good "disk: ${free} MB free"
  fi
}

# Prints the memory in MB that the containers of the services in use may take together. It includes a
# second Hasura, because during a deploy that is the largest service that runs twice. Without a .env
# the settings of the example count.
#   memory_ceiling [PROFILES]
memory_ceiling() {
  local env=${ROOT}/.env
  [[ -f ${env} ]] || env=${ROOT}/.env.example
  ${1:+env COMPOSE_PROFILES="$1"} docker compose --project-directory "${ROOT}" --file "${ROOT}/docker-compose.prod.yml" --env-file "${env}" config --format json |
    jq '[.services | to_entries[] | select(.key != "migrate") | .value.mem_limit // 0 | tonumber] as $all
        | (($all | add) + (.services.hasura.mem_limit // 0 | tonumber)) / 1048576 | floor'
}

check_memory() {
  local megabytes ceiling
  megabytes=$(awk '/^MemTotal/ { print int($2 / 1024) }' "${HASURA_LOGIN_MEMINFO:-/proc/meminfo}")
  ceiling=$(memory_ceiling "${1:-}" 2>/dev/null) || ceiling=0
  # Accept a tenth less: the containers never reach their limits all at once.
  if ((megabytes < ceiling * 9 / 10)); then
    problem memory-low "${megabytes} MB of memory: the limits of the containers add up to ${ceiling} MB, with the second Hasura of a deploy (docs/sizing.md)"
  else
    good "memory: ${megabytes} MB, the containers' limits add up to ${ceiling} MB"
  fi
}

check_clock() {
  local synchronized
  synchronized=$(timedatectl show --property NTPSynchronized --value 2>/dev/null) || synchronized=unknown
  case ${synchronized} in
    yes) good 'the clock is synchronized' ;;
    no) problem deploy 'the clock is not synchronized, and tokens live by it: timedatectl set-ntp true' ;;
    *) note 'cannot tell whether the clock is synchronized' ;;
  esac
}

# The served names must lead here. There must be no AAAA record if Docker has no IPv6: all IPv6
# clients would come from one address and share one limit.
check_names() {
  local name addresses own
  own=$(hostname --all-ip-addresses 2>/dev/null || true)
  for name in $(env_get SITE_NAMES | tr ',"' '  '); do
    addresses=$(getent ahosts "${name}" | awk '{ print $1 }' | sort -u || true)
    if [[ -z ${addresses} ]]; then
      problem deploy "the name ${name} has no address"
    elif ! grep -qwFf <(tr ' ' '\n' <<<"${own}" | grep .) <<<"${addresses}"; then
      note "the name ${name} leads to ${addresses//$'\n'/ }, which is none of this machine's own addresses"
    else
      good "${name} leads here"
    fi
    if [[ ${addresses} == *:*:* ]] && ! edge_has_ipv6; then
      problem deploy "${name} has an IPv6 address, but Docker's edge network has no IPv6: all those clients would share one limit"
    fi
  done
}

edge_has_ipv6() {
  [[ $(docker network inspect --format '{{.EnableIPv6}}' "${PROJECT}_edge" 2>/dev/null || true) != false ]]
}

check_ports() {
  local port owner
  for port in 80 443; do
    owner=$(ss --listening --tcp --numeric --no-header "sport = :${port}" 2>/dev/null || true)
    if [[ -n ${owner} && -z $(running_of nginx) ]]; then
      problem deploy "port ${port} is taken: ss -ltnp 'sport = :${port}'"
    fi
  done
}
