# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Only one script may change things at a time.

# Child processes inherit the lock's file descriptor on purpose: when a run is killed, its child (a
# docker command) may still be changing things, and the next run waits until that has ended.
take_lock() {
  local seconds=${1:-120} holder fd
  if [[ -n ${DRY_RUN} || -n ${HASURA_LOGIN_LOCKED:-} ]]; then
    return 0
  fi
  ensure_state
  exec {fd}>>"${STATE}/lock"
  if ! flock --nonblock "${fd}"; then
    holder=$(cat "${STATE}/lock.holder" 2>/dev/null || true)
    say "waiting up to ${seconds} s for another run to end${holder:+ (${holder})}"
    flock --wait "${seconds}" "${fd}" || die_with 75 "another run is still going${holder:+: ${holder}}; nothing was changed"
  fi
  printf '%s, process %s\n' "${0##*/}" "$$" >"${STATE}/lock.holder"
  # A script that this one calls uses the same lock.
  export HASURA_LOGIN_LOCKED=1
}
