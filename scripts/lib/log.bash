# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Words for the operator. Progress goes to stderr, so that what a script answers
# with on stdout can be read by another program.

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }

# Ends the run with status 1, saying why.
die() { die_with 1 "$@"; }

# Ends the run with the status given first.
die_with() {
  local status=$1
  shift
  printf 'ERROR: %s\n' "$*" >&2
  ERROR_SAID=1
  exit "${status}"
}

# Says what comes next, then does it; with --dry-run only says it.
#   step "reload nginx" reload_nginx
step() {
  local what=$1
  shift
  if [[ -n ${DRY_RUN} ]]; then
    say "would ${what}"
    return 0
  fi
  say "→ ${what}"
  "$@"
}
