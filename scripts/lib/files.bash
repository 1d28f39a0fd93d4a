# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Files that are complete or absent, whenever the machine stops.

# Replaces a file with stdin.
#   write_file PATH MODE [UID[:GID]]
# The rename makes it atomic; the two syncs make it durable.
write_file() {
  local path=$1 mode=$2 owner=${3:-} temporary
  temporary=$(mktemp "${path%/*}/.${path##*/}.XXXXXX")
  if ! { cat >"${temporary}" && chmod "${mode}" "${temporary}" && give_to "${owner}" "${temporary}" && sync "${temporary}"; }; then
    rm -f "${temporary}"
    die "could not write ${path}"
  fi
  mv -f "${temporary}" "${path}"
  sync "${path%/*}"
}

# Only root can change the owner; other users work on a copy of their own.
give_to() {
  local owner=$1
  shift
  if [[ -n ${owner} ]] && ((EUID == 0)); then
    chown "${owner}" "$@"
  fi
}

# Creates a folder with its mode and owner, or corrects them.
make_folder() {
  local path=$1 mode=$2 owner=${3:-}
  mkdir -p "${path}"
  give_to "${owner}" "${path}"
  chmod "${mode}" "${path}"
}

ensure_state() {
  if [[ ! -d ${STATE} ]]; then
    mkdir -p "${STATE}"
    chmod 0700 "${STATE}"
  fi
  # The folder excludes itself from version control.
  [[ -e ${STATE}/.gitignore ]] || printf '*\n' >"${STATE}/.gitignore"
}

# The settings file has one NAME=value per line; compose also accepts quoted values.
env_get() {
  local name=$1
  [[ -f ${ROOT}/.env ]] || return 0
  sed -n "s/^${name}=//p" "${ROOT}/.env" | tail -n 1 | sed "s/^\([\"']\)\(.*\)\1\$/\2/"
}

env_set() {
  local name=$1 value=$2
  {
    if [[ -f ${ROOT}/.env ]]; then
      grep -v "^${name}=" "${ROOT}/.env" || true
    fi
    printf '%s=%s\n' "${name}" "${value}"
  } | write_file "${ROOT}/.env" 0600
}
