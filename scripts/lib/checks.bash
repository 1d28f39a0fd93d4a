# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# What can be wrong with the machine. Each check reads, changes nothing, and calls
# problem() or note() for what it finds.

PROBLEMS=0

# problem RUNBOOK TEXT: a runbook of docs/runbooks, without its ending.
problem() {
  PROBLEMS=$((PROBLEMS + 1))
  printf 'PROBLEM  %s\n         → docs/runbooks/%s.md\n' "$2" "$1"
}

note() { printf 'note     %s\n' "$*"; }
good() { printf 'ok       %s\n' "$*"; }

# at_least WANTED FOUND, as versions
at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort --version-sort | head -n 1) == "$1" ]]; }

check_docker() {
  local engine plugin
  if ! engine=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || [[ -z ${engine} ]]; then
    problem deploy 'Docker does not answer: systemctl status docker'
    return 1
  fi
  plugin=$(docker compose version --short 2>/dev/null) || plugin=0
  if ! at_least 24.0 "${engine}" || ! at_least 2.24 "${plugin#v}"; then
    problem deploy "Docker ${engine} with compose ${plugin}: 24.0 and 2.24 are needed"
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

check_memory() {
  local megabytes
  megabytes=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
  if ((megabytes < 1800)); then
    problem deploy "${megabytes} MB of memory: the whole needs 2 GB"
  else
    good "memory: ${megabytes} MB"
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

# The names served must lead here, and no AAAA record may where Docker has no IPv6: all IPv6 clients
# would come from one address and share one limit.
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
