# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# Releases: which image of login runs, and with which files it was deployed.

# The setting in .env that names login's image.
IMAGE_SETTING=HASURA_LOGIN_IMAGE
RELEASES=${STATE}/releases
readonly IMAGE_SETTING RELEASES

# The files of a release, besides its image. Migrations are not among them: the tables never go back
# (expand, then contract). nginx/upstreams is current state.
RELEASE_FILES=(docker-compose.prod.yml nginx hasura/metadata ops)

# Records the running release under a name that sorts by time. A rollback names the commit of the
# files that it restored.
record_release() {
  local image=$1 name partial
  name="$(date -u +%Y%m%dT%H%M%SZ)-${image##*:}"
  partial=${RELEASES}/.partial
  rm -rf "${partial}"
  mkdir -p "${partial}"
  tar -C "${ROOT}" --exclude=nginx/upstreams --exclude=node_modules -cf "${partial}/files.tar" "${RELEASE_FILES[@]}"
  printf '%s\n' "${image}" >"${partial}/image"
  if [[ -n ${RELEASE_COMMIT:-} ]]; then
    printf '%s\n' "${RELEASE_COMMIT}" >"${partial}/commit"
  else
    git -C "${ROOT}" rev-parse HEAD >"${partial}/commit" 2>/dev/null || true
  fi
  sync "${partial}/files.tar" "${partial}/image"
  mv "${partial}" "${RELEASES}/${name}"
  forget_old_releases
}

forget_old_releases() {
  local name
  releases | head -n -5 | while IFS= read -r name; do
    rm -rf "${RELEASES:?}/${name:?}"
  done
}

# Prints the names of the recorded releases, oldest first.
releases() {
  [[ -d ${RELEASES} ]] || return 0
  find "${RELEASES}" -mindepth 1 -maxdepth 1 -name '[0-9]*Z-*' -printf '%f\n' | sort
}

release_image() { cat "${RELEASES}/$1/image"; }

# The files of a release that containers read. git creates them by the caller's umask, and with 077
# only root could read them.
open_release_files() {
  local path
  for path in nginx hasura ops docs/runbooks; do
    [[ ! -d ${ROOT}/${path} ]] || chmod -R a+rX "${ROOT}/${path}"
  done
}

# Restores a release's files.
restore_release_files() { tar -C "${ROOT}" -xf "${RELEASES}/$1/files.tar"; }

# Prints when a container started, to the minute, in UTC.
since_of() { docker inspect --format '{{.State.StartedAt}}' "$1" | cut -c 1-16; }

image_of() { docker inspect --format '{{.Config.Image}}' "$1"; }

# Whether every container of a service has the current settings and image.
is_current() {
  local service=$1 name wanted
  ! differs_from_settings "${service}" || return 1
  name=$(running_of "${service}" | sed -n 1p)
  wanted=$(docker image inspect --format '{{.Id}}' "$(image_of "${name}")" 2>/dev/null || true)
  [[ -z ${wanted} || ${wanted} == "$(docker inspect --format '{{.Image}}' "${name}")" ]]
}

# A tag for the content: the same commit is the same image, unless the image's sources have changed
# since. Other files may differ: deploys write nginx/upstreams, operators their own settings.
image_to_build() {
  local tag
  if tag=$(git -C "${ROOT}" describe --always --abbrev=12 2>/dev/null); then
    [[ -z $(git -C "${ROOT}" status --porcelain -- Dockerfile .dockerignore go.mod go.sum app hasura) ]] || tag+=-dirty
  else
    tag=$(date -u +%Y%m%d%H%M%S)
  fi
  printf 'hasura-login:%s\n' "${tag}"
}

# The owner of the releases: the setting, or the origin of this clone.
owner_of_releases() {
  local owner
  owner=$(env_get HASURA_LOGIN_OWNER)
  owner=${owner:-$(release_image_of HASURA_LOGIN_OWNER)}
  [[ -n ${owner} ]] || owner=$(git -C "${ROOT}" remote get-url origin 2>/dev/null | sed -n 's#.*github\.com[:/]\([^/]*\)/.*#\1#p' || true)
  printf '%s' "${owner,,}"
}

# Pulls the image that was published with these files and prints it with its digest. There is none
# unless the files are exactly those of a tag.
published_image() {
  local owner tag image
  [[ -z ${DRY_RUN} && $(image_to_build) != *-dirty ]] || return 1
  tag=$(git -C "${ROOT}" describe --exact-match --match 'v[0-9]*' 2>/dev/null) || return 1
  owner=$(owner_of_releases)
  [[ -n ${owner} ]] || return 1
  image=ghcr.io/${owner}/hasura-login:${tag}
  docker pull "${image}" >/dev/null 2>&1 || return 1
  pinned "${image}"
}

image_of_this_release() { published_image || image_to_build; }

build_image() {
  pin_setting GO_IMAGE
  local -x "${IMAGE_SETTING}=$1"
  compose build login </dev/null >&2
}
