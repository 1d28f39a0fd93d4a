# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Scripts replace a service instead of restarting it: a second container starts next to the first,
# passes a proof with a signed-in request, and gets nginx's requests. Only then the first one drains
# and stops. Only login and hasura: other services publish ports or hold data.

# Seconds that a container gets to finish its work: Hasura drains for at most 30 s and then closes its
# WebSockets; login finishes within its shutdown grace.
drain_seconds() {
  case $1 in
    hasura) echo 60 ;;
    *) echo 30 ;;
  esac
}

# Reduces a service to one container, the one that nginx sends requests to, whatever a killed run
# left behind.
settle_service() {
  local service=$1 serving name moved=''
  serving=$(serving_container "${service}")
  if [[ -z ${serving} ]]; then
    for name in $(containers_of "${service}"); do
      remove_container "${name}"
    done
    start_service "${service}"
    serving=$(running_of "${service}" | sed -n 1p)
  fi
  if ! points_at "${service}" "${serving}"; then
    point_upstream "${service}" "${serving}" || die "nginx refuses its files; nothing was removed"
    moved=1
  fi
  for name in $(containers_of "${service}"); do
    [[ ${name} != "${serving}" ]] || continue
    [[ -z ${moved} ]] || let_connections_end
    moved=''
    remove_container "${name}" "$(drain_seconds "${service}")"
  done
}

# Prints the container that gets a service's requests: the one in the upstream file if it is up,
# otherwise any that is. It waits for one that is still starting (after a reboot).
serving_container() {
  local service=$1 named candidates name
  named=$(upstream_of "${service}")
  candidates=$(running_of "${service}")
  for name in $(grep -xF "${named}" <<<"${candidates}" || true) ${candidates}; do
    if is_up "${name}" || { [[ $(state_of "${name}") == 'running starting' ]] && wait_up "${name}"; }; then
      printf '%s\n' "${name}"
      return 0
    fi
  done
}

# Replaces the container of login or hasura by one with the current files and secrets. On failure the
# first container still serves, the second is removed, and the status is 1.
replace_service() {
  local service=$1 old new
  settle_service "${service}"
  old=$(containers_of "${service}")
  compose up --detach --no-deps --no-build --no-recreate --scale "${service}=2" "${service}" </dev/null >&2
  new=$(containers_of "${service}" | grep -vxF "${old}" || true)
  [[ -n ${new} ]] || die "no second ${service} container appeared"
  say "  ${new} starts next to ${old}"
  if ! { wait_up "${new}" && prove "${service}" "${new}" && point_upstream "${service}" "${new}"; }; then
    remove_container "${new}"
    say "${new} did not prove itself and is removed; ${old} serves on"
    return 1
  fi
  say "  ${new} proved itself and takes the requests; ${old} drains"
  let_connections_end
  remove_container "${old}" "$(drain_seconds "${service}")"
}

# For tasks that need the database for themselves.
stop_services() { compose stop hasura login </dev/null >&2; }

start_services() {
  compose up --detach --no-deps --no-build login </dev/null >&2
  compose up --detach --no-deps --no-build hasura </dev/null >&2
  settle_both
}

settle_both() {
  settle_service login
  settle_service hasura
}

prove_both() { prove login "$(upstream_container login)" && prove hasura "$(upstream_container hasura)"; }
