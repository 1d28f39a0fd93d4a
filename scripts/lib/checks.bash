# shellcheck shell=bash disable=SC2034,SC2154 # names are shared with the other files here
# The checks of scripts/doctor. Each check only reads, and calls problem() or note() for its
# findings.

PROBLEMS=0

# problem RUNBOOK TEXT: RUNBOOK is a page of docs/runbooks, without .md.
problem() {
  PROBLEMS=$((PROBLEMS + 1))
  printf 'PROBLEM  %s\n         → docs/runbooks/%s.md\n' "$2" "$1"
}

note() { printf 'note     %s\n' "$*"; }
good() { printf 'ok       %s\n' "$*"; }

# shellcheck source=scripts/lib/checks-machine.bash
source "${LIB}/checks-machine.bash"
# shellcheck source=scripts/lib/checks-secrets.bash
source "${LIB}/checks-secrets.bash"
# shellcheck source=scripts/lib/checks-data.bash
source "${LIB}/checks-data.bash"

check_settings() {
  local mode complaint
  if [[ ! -f ${ROOT}/.env ]]; then
    problem deploy '.env is missing: scripts/install writes it'
    return 1
  fi
  mode=$(stat --format %a "${ROOT}/.env")
  if [[ ${mode} != 600 ]]; then problem deploy ".env can be read by others (mode ${mode}): chmod 600 .env"; fi
  if ! complaint=$(compose config --quiet 2>&1); then
    problem deploy "docker-compose.prod.yml and .env do not fit together: ${complaint##*$'\n'}"
    return 1
  fi
  good '.env and the compose file fit together'
}

# Each service has one container, up and healthy.
check_containers() {
  local before=${PROBLEMS} service names count name state
  for service in $(services_in_use); do
    [[ ${service} != migrate ]] || continue
    names=$(containers_of "${service}")
    count=$(grep -c . <<<"${names}" || true)
    if ((count == 0)); then
      problem deploy "${service} does not run: scripts/install starts what is missing"
    elif ((count > 1)); then
      problem deploy "${service} has ${count} containers (${names//$'\n'/, }): scripts/lib/replace-service or scripts/deploy settles it"
    fi
    for name in ${names}; do
      state=$(state_of "${name}")
      case ${state} in
        'running healthy' | 'running none') ;;
        *) problem deploy "${name} is ${state}: docker logs --tail 50 ${name}" ;;
      esac
    done
  done
  ((PROBLEMS > before)) || good 'every service has one container, up and healthy'
}

# The running containers match .env and the compose file, and their images are not older than this
# release.
check_images() {
  local before=${PROBLEMS} service setting here unpinned=() own=()
  for service in $(services_left_behind); do
    problem upgrade "${service} runs $(image_of "$(running_of "${service}" | sed -n 1p)"), made from another image or other settings than those of now ($(image_here "$(setting_of "${service}")")): $(how_to_bring "${service}")"
  done
  for setting in $(settings_in_use); do
    [[ ${setting} != "${IMAGE_SETTING}" ]] || continue
    here=$(env_get "${setting}")
    if release_is_newer "${setting}"; then
      problem upgrade "${setting} is ${here:-missing} in .env, this release has $(release_image_of "${setting}"): scripts/deploy takes it"
    elif [[ ${here} != *@sha256:* ]]; then
      unpinned+=("${setting}")
    fi
    ! is_own_choice "${setting}" || own+=("${setting}")
  done
  if ((${#unpinned[@]} > 0)); then note "by a tag, which may change: ${unpinned[*]}. scripts/resolve-digests pins them"; fi
  if ((${#own[@]} > 0)); then note "not this release's repository or kind of image, so yours to keep up to date: ${own[*]}"; fi
  ((PROBLEMS > before)) || good 'images: what .env names runs, and it is not older than this release'
}

# The local images contain what the compose file expects.
check_inside_images() {
  local setting uid programs paths image lacking wanted=() here=0
  while IFS=$'\t' read -r setting uid programs paths _; do
    image=$(image_here "${setting}")
    if ! docker image inspect --format '{{.Id}}' "${image}" >/dev/null 2>&1; then
      note "${setting}: ${image} is not here"
      continue
    fi
    here=$((here + 1))
    if [[ ${programs} == - ]]; then
      note "${setting}: ${image} has no shell to look with"
      continue
    fi
    read -ra wanted <<<"${programs} ${paths}"
    # shellcheck disable=SC2016 # the shell in the container expands this
    if ! lacking=$(docker run --rm --network none --user "${uid}:${uid}" --entrypoint sh "${image}" -c \
      'for each in "$@"; do case $each in /*) [ -e "$each" ] ;; *) command -v "$each" >/dev/null ;; esac || echo "$each"; done' sh "${wanted[@]}" </dev/null 2>&1); then
      problem upgrade "${image} does not run as uid ${uid} with a shell: ${lacking##*$'\n'}"
    elif [[ -n ${lacking} ]]; then
      problem upgrade "${image} lacks ${lacking//$'\n'/, }, which this release needs (docs/images.md)"
    else
      good "${setting}: ${image} has what the compose file expects"
    fi
  done < <(grep -v '^#' "${LIB}/../../ops/images.tsv")
  ((here > 0)) || problem upgrade 'none of these images is here, so none was looked at: docker pull those to look into'
}

# The running release was deployed from the files in this folder.
check_release() {
  local newest deployed here
  newest=$(releases | tail -n 1)
  here=$(git -C "${ROOT}" rev-parse HEAD 2>/dev/null || true)
  if [[ -z ${newest} ]]; then
    problem deploy 'no release was ever deployed to its end: scripts/install, or scripts/deploy'
    return 0
  fi
  deployed=$(cat "${RELEASES}/${newest}/commit" 2>/dev/null || true)
  if [[ $(release_image "${newest}") != "$(env_get "${IMAGE_SETTING}")" ]]; then
    problem deploy "${IMAGE_SETTING} is $(env_get "${IMAGE_SETTING}") in .env, deployed was $(release_image "${newest}"): scripts/deploy"
  elif [[ -n ${deployed} && -n ${here} && ${deployed} != "${here}" ]]; then
    problem deploy "the files here are those of commit ${here:0:12}, deployed were those of ${deployed:0:12}: scripts/deploy, or git checkout ${deployed:0:12}"
  else
    good "release: ${newest}"
  fi
}

check_upstreams() {
  local service host
  for service in login hasura; do
    host=$(upstream_of "${service}")
    if [[ ${host} == "${service}" ]] || grep -qxF "${host}" <<<"$(running_of "${service}")"; then
      good "nginx sends ${service}'s requests to ${host}"
    else
      problem deploy "nginx sends ${service}'s requests to ${host:-no address}, which does not run: scripts/deploy repairs it"
    fi
  done
  if nginx_runs && ! nginx_accepts_its_files 2>/dev/null; then
    problem deploy 'nginx would refuse its files on a reload: docker compose exec nginx nginx -t'
  fi
}

# Only nginx is reachable from outside.
check_published() {
  local published
  published=$(docker ps --format '{{.Names}} {{.Ports}}' --filter "label=com.docker.compose.project=${PROJECT}" |
    grep -- '->' | grep -v "^${PROJECT}-nginx-" || true)
  if [[ -n ${published} ]]; then problem deploy "a container besides nginx publishes a port: ${published//$'\n'/; }"; fi
}

check_unfinished() {
  local file verb
  # shellcheck disable=SC2153 # not a misspelling of "state"
  for file in "${STATE}"/*.phase; do
    [[ -f ${file} ]] || continue
    verb=$(basename "${file}" .phase)
    problem "$(runbook_of "${verb}")" "a run of scripts/${verb} was cut off (phase $(sed -n 's/^phase=//p' "${file}")): run it again, it goes on"
  done
}

runbook_of() {
  case $1 in
    restore | restore-to) echo restore ;;
    upgrade-postgres) echo upgrade ;;
    rotate-*) echo rotation ;;
    *) echo deploy ;;
  esac
}

# Sends a signed-in user's request through login and Hasura, then signs out.
check_signed_in() {
  local service host
  for service in login hasura; do
    host=$(upstream_container "${service}")
    if "probe_${service}" "${host}" >/dev/null 2>&1; then
      good "signed in through ${service} and asked"
    else
      problem deploy "a signed-in request through ${service} (${host}) fails: docker logs --tail 50 ${host}"
    fi
  done
}

# Somebody gets a message when something is wrong: from Alertmanager, or from the timer of this
# script.
check_alerting() {
  local complaint
  if ! complaint=$( (check_alert_settings && ways_of ALERT_CRITICAL && ways_of ALERT_WARNINGS) 2>&1 >/dev/null); then
    problem alerts-not-delivered "${complaint#ERROR: }"
  elif [[ -z $(ways_set_up) ]]; then
    problem alerts-not-delivered 'alerts reach nobody: .env sets no way to send them (docs/alerts.md)'
  elif ! monitoring_in_use && ! systemctl is-enabled --quiet hasura-login-doctor.timer 2>/dev/null; then
    problem alerts-not-delivered 'neither the profile monitoring nor the timer of this script watches the appliance: scripts/install-timers'
  else
    good "alerts go out by: $(ways_set_up | paste -sd ' ' -)"
  fi
  has_alert_secret dead_man_url || note 'no service outside notices when this machine is gone: scripts/set-secret alertmanager/dead_man_url (docs/alerts.md)'
}
