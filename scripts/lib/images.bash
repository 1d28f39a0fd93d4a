# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Images: .env names those that run here, .env.example those of this release. Login's own image is not
# among them, because a deploy names it.

# Prints the names of the settings, one per line.
image_settings() { sed -n 's/^\([A-Z_]*_IMAGE\)=.*/\1/p' "${ROOT}/.env.example" | grep -vxF "${IMAGE_SETTING}"; }

# Prints the image that this release names.
release_image_of() { sed -n "s/^$1=//p" "${ROOT}/.env.example"; }

# Prints the image in use: that of .env, or this release's if .env has none.
image_here() {
  local image
  image=$(env_get "$1")
  printf '%s' "${image:-$(release_image_of "$1")}"
}

# The parts of REPOSITORY:TAG@DIGEST. A registry may have a port.
without_digest() { printf '%s' "${1%%@*}"; }
tag_of() {
  local image=${1%%@*}
  image=${image##*/}
  [[ ${image} == *:* ]] && printf '%s' "${image#*:}"
}
repository_of() {
  local image=${1%%@*}
  if [[ ${image##*/} == *:* ]]; then printf '%s' "${image%:*}"; else printf '%s' "${image}"; fi
}

# at_least WANTED FOUND, compared as versions
at_least() { printf '%s\n%s\n' "$1" "$2" | sort --version-sort --check=quiet; }

# Whether two tags differ only in their numbers: 1.30.7 and 1.30.8, but not 1.30.8-alpine.
same_kind() { [[ $(tr -s 0-9 0 <<<"$1") == "$(tr -s 0-9 0 <<<"$2")" ]]; }

# Whether .env names an image that a release must not replace: one from the operator's own repository
# (for example a mirror), another kind of tag, or another major version of Postgres, which cannot read
# this one's files.
is_own_choice() {
  local setting=$1 here there
  here=$(env_get "${setting}")
  there=$(release_image_of "${setting}")
  [[ -n ${here} ]] || return 1
  [[ $(repository_of "${here}") == "$(repository_of "${there}")" ]] || return 0
  here=$(tag_of "${here}") there=$(tag_of "${there}")
  same_kind "${here}" "${there}" || return 0
  [[ ${setting} == POSTGRES_IMAGE && ${here%%.*} != "${there%%.*}" ]]
}

# Whether this release has a newer image than .env. A newer tag of the operator stays.
release_is_newer() {
  local here there
  here=$(env_get "$1")
  there=$(release_image_of "$1")
  [[ $(without_digest "${here}") != "$(without_digest "${there}")" ]] || return 1
  [[ -n ${here} ]] || return 0
  ! is_own_choice "$1" && at_least "$(tag_of "${here}")" "$(tag_of "${there}")"
}

# Pulls an image and pins it to the digest pulled. If the registry does not answer, it uses a local
# image by its tag.
#   pinned REPOSITORY:TAG → REPOSITORY:TAG@DIGEST
pinned() {
  local image=$1 words digest
  if words=$(docker pull "${image}" 2>&1); then
    digest=$(sed -n 's/^Digest: \(sha256:[0-9a-f]\{64\}\)$/\1/p' <<<"${words}")
    [[ -n ${digest} ]] || die "${image}: docker pull names no digest: ${words##*$'\n'}"
    printf '%s@%s' "${image}" "${digest}"
  elif docker image inspect --format '{{.Id}}' "${image}" >/dev/null 2>&1; then
    warn "${image} is not pinned, it cannot be pulled: ${words##*$'\n'}"
    printf '%s' "${image}"
  else
    die "${image} cannot be pulled: ${words##*$'\n'}"
  fi
}

# Takes this release's images if they are newer, and pins the images in use that are not pinned. It
# pulls all of them before it writes anything.
take_release_images() {
  local setting image used taken=()
  used=$(settings_in_use)
  for setting in $(image_settings); do
    image=$(image_here "${setting}")
    if release_is_newer "${setting}"; then image=$(release_image_of "${setting}"); fi
    if [[ ${image} != *@sha256:* ]] && grep -qxF "${setting}" <<<"${used}"; then image=$(pinned "${image}"); fi
    [[ ${image} == "$(env_get "${setting}")" ]] || taken+=("${setting}=${image}")
  done
  for image in "${taken[@]}"; do
    say "  ${image}"
    env_set "${image%%=*}" "${image#*=}"
  done
}

# A release may have a service whose image is not in .env yet; without one, compose refuses the file.
take_missing_images() {
  local setting
  for setting in $(image_settings); do
    [[ -n $(env_get "${setting}") ]] || env_set "${setting}" "$(release_image_of "${setting}")"
  done
}

# Pins one setting, unless it is pinned already.
pin_setting() {
  local image
  image=$(image_here "$1")
  [[ ${image} != *@sha256:* ]] || return 0
  env_set "$1" "$(pinned "${image}")"
}

# Prints the settings that name the images of the services in use, one per line.
settings_in_use() {
  local service
  for service in $(services_in_use); do setting_of "${service}"; done | sort -u
}

# Prints the setting that names a service's image.
setting_of() {
  local name=${1//-/_}
  case $1 in
    login | edge-metrics) name=hasura_login ;;
    migrate) name=HASURA_MIGRATE ;;
    acme) name=CERTBOT ;;
    *) ;;
  esac
  printf '%s_IMAGE\n' "${name^^}"
}

# Keeps the images of .env for the way back; each verb in progress has its own copy.
images_before() { printf '%s/%s.images' "${STATE}" "${PHASE_VERB}"; }

remember_images() {
  ensure_state
  { grep -E '^[A-Z_]+_IMAGE=' "${ROOT}/.env" || true; } | write_file "$(images_before)" 0600
}

images_as_before() {
  local line
  [[ -f $(images_before) ]] || return 0
  while IFS= read -r line; do
    [[ $(env_get "${line%%=*}") == "${line#*=}" ]] || env_set "${line%%=*}" "${line#*=}"
  done <"$(images_before)"
  forget_images
}

forget_images() { rm -f "$(images_before)"; }

# Prints the services whose container has another image, or other settings, than the current ones.
services_left_behind() {
  local service
  for service in $(services_in_use); do
    [[ ${service} == migrate || -z $(running_of "${service}") ]] || is_current "${service}" || printf '%s\n' "${service}"
  done
}

how_to_bring() {
  case $1 in
    nginx) printf 'scripts/deploy --with-nginx' ;;
    postgres | redis) printf 'scripts/update-image %s' "$1" ;;
    *) printf 'scripts/deploy' ;;
  esac
}
