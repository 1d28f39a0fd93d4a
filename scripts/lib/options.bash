# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Options of every script. A script defines usage() and calls
#   parse_common "$@"; set -- "${REST[@]}"

DRY_RUN=${DRY_RUN:-}
REST=()

parse_common() {
  local argument
  REST=()
  for argument in "$@"; do
    case ${argument} in
      -h | --help)
        usage
        exit 0
        ;;
      --dry-run) DRY_RUN=1 ;;
      *) REST+=("${argument}") ;;
    esac
  done
}

usage_error() {
  usage >&2
  die_with 2 "$*"
}

# For a script without other options.
no_more_arguments() {
  (($# == 0)) || usage_error "unknown argument: $1"
}

# Returns the value of an option.
#   need_value --tag "$@"
need_value() {
  if (($# < 3)) || [[ -z $3 ]]; then usage_error "$1 needs a value"; fi
}

need_programs() {
  local program missing=()
  for program in "$@"; do
    command -v "${program}" >/dev/null || missing+=("${program}")
  done
  ((${#missing[@]} == 0)) || die "not installed: ${missing[*]} (on Debian and Ubuntu: apt-get install ${missing[*]})"
}
