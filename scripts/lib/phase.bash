# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Stores how far a run has come, so that the next one can continue a killed run. One file per verb,
# with name=value lines; a finished run removes it. It never contains a secret.

declare -A PHASE=()
PHASE_VERB=

# Names the verb; PHASE[phase] is empty unless an earlier run was killed.
phase_open() {
  local line
  PHASE_VERB=$1
  PHASE=([phase]="")
  if [[ -f ${STATE}/${PHASE_VERB}.phase ]]; then
    while IFS= read -r line; do
      PHASE[${line%%=*}]=${line#*=}
    done <"${STATE}/${PHASE_VERB}.phase"
    say "an earlier ${PHASE_VERB} was cut off in phase \"${PHASE[phase]}\" (begun ${PHASE[begun]:-at an unknown time}): taking it up"
  fi
}

# Enters a phase and stores name=value pairs with it.
phase_enter() {
  local name=$1 pair key
  shift
  [[ -z ${DRY_RUN} ]] || return 0
  PHASE[phase]=${name}
  PHASE[begun]=${PHASE[begun]:-$(date -u +%FT%TZ)}
  for pair in "$@"; do
    PHASE[${pair%%=*}]=${pair#*=}
  done
  ensure_state
  for key in "${!PHASE[@]}"; do
    printf '%s=%s\n' "${key}" "${PHASE[${key}]}"
  done | sort | write_file "${STATE}/${PHASE_VERB}.phase" 0600
}

phase_close() {
  [[ -z ${DRY_RUN} ]] || return 0
  rm -f "${STATE}/${PHASE_VERB}.phase"
  PHASE=([phase]="")
}
