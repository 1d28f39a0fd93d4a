# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# A failed run prints where it failed, and then undoes its changes.

ERROR_SAID=
# The function that undoes the changes; set before the first change, and emptied at the point of no
# return.
ROLLBACK=

report_error() {
  local status=$1 file=$2 line=$3 command=$4
  # A failing subshell also fails its parent, and one report is enough. The command is the source
  # text before expansion, so it contains no secret.
  if ((BASH_SUBSHELL == 0)) && [[ -z ${ERROR_SAID} ]]; then
    printf 'ERROR: %s:%s: "%s" ended with status %s\n' "${file#"${ROOT}/"}" "${line}" "${command}" "${status}" >&2
    ERROR_SAID=1
  fi
}

finish() {
  local status=$?
  trap - ERR EXIT
  ((BASH_SUBSHELL == 0)) || exit "${status}"
  if ((status != 0)) && [[ -n ${ROLLBACK} ]]; then
    # A second Ctrl-C must not stop the undo.
    trap '' INT TERM HUP
    local undo=${ROLLBACK}
    ROLLBACK=
    say "↩ putting things back"
    # Not "if ! (…)": inside a condition the shell does not stop at the first failure.
    set +e
    (
      set -e
      "${undo}"
    )
    local undone=$?
    if ((undone != 0)); then
      say "ERROR: could not put everything back. Run scripts/doctor; it names what is wrong."
    fi
  fi
  exit "${status}"
}

trap 'report_error "$?" "${BASH_SOURCE[0]}" "${LINENO}" "${BASH_COMMAND}"' ERR
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
