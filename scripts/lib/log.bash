# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Messages for the operator. Progress goes to stderr, so that another program can read a script's
# result on stdout.

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'WARNING: %s\n' "$*" >&2; }

# Prints why and ends the run with status 1.
die() { die_with 1 "$@"; }

# Ends the run with the given status.
die_with() {
  local status=$1
  shift
  printf 'ERROR: %s\n' "$*" >&2
  ERROR_SAID=1
  exit "${status}"
}

# Prints the next step, then runs it; with --dry-run it only prints it.
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
