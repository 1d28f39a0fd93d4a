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

check_docker() {
  local engine plugin
  if ! engine=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || [[ -z ${engine} ]]; then
    problem deploy 'Docker does not answer: systemctl status docker'
    return 1
  fi
  plugin=$(docker compose version --short 2>/dev/null) || plugin=0
  if ! at_least 28.0 "${engine}" || ! at_least 2.33.1 "${plugin#v}"; then
    problem deploy "Docker ${engine} with compose ${plugin}: 28.0 and 2.33.1 are needed"
    return 1
  fi
  good "Docker ${engine}, compose ${plugin}"
}

check_disk() {
  local use free
  read -r use free < <(df --output=pcent,avail -m "${ROOT}" | tail -n 1 | tr -d '%')
  if ((use >= 85 || free < 2048)); then
    problem full-disk "the disk of ${ROOT} is ${use} % full, ${free} MB free"
  else
    good "disk: ${free} MB free"
  fi
}

# Prints the memory in MB that the containers of the services in use may take together. It includes a
# second Hasura, because during a deploy that is the largest service that runs twice. Without a .env
# the settings of the example count.
#   memory_ceiling [PROFILES]
memory_ceiling() {
  local env=${ROOT}/.env
  [[ -f ${env} ]] || env=${ROOT}/.env.example
  ${1:+env COMPOSE_PROFILES="$1"} docker compose --project-directory "${ROOT}" --file "${ROOT}/docker-compose.prod.yml" --env-file "${env}" config --format json |
    jq '[.services | to_entries[] | select(.key != "migrate") | .value.mem_limit // 0 | tonumber] as $all
        | (($all | add) + (.services.hasura.mem_limit // 0 | tonumber)) / 1048576 | floor'
}

check_memory() {
  local megabytes ceiling
  megabytes=$(awk '/^MemTotal/ { print int($2 / 1024) }' "${HASURA_LOGIN_MEMINFO:-/proc/meminfo}")
  ceiling=$(memory_ceiling "${1:-}" 2>/dev/null) || ceiling=0
  # Accept a tenth less: the containers never reach their limits all at once.
  if ((megabytes < ceiling * 9 / 10)); then
    problem memory-low "${megabytes} MB of memory: the limits of the containers add up to ${ceiling} MB, with the second Hasura of a deploy (docs/sizing.md)"
  else
    good "memory: ${megabytes} MB, the containers' limits add up to ${ceiling} MB"
  fi
}

check_clock() {
  local synchronized
  synchronized=$(timedatectl show --property NTPSynchronized --value 2>/dev/null) || synchronized=unknown
  case ${synchronized} in
    yes) good 'the clock is synchronized' ;;
    no) problem deploy 'the clock is not synchronized, and tokens live by it: timedatectl set-ntp true' ;;
    *) note 'cannot tell whether the clock is synchronized' ;;
  esac
}

# The served names must lead here. There must be no AAAA record if Docker has no IPv6: all IPv6
# clients would come from one address and share one limit.
check_names() {
  local name addresses own
  own=$(hostname --all-ip-addresses 2>/dev/null || true)
  for name in $(env_get SITE_NAMES | tr ',"' '  '); do
    addresses=$(getent ahosts "${name}" | awk '{ print $1 }' | sort -u || true)
    if [[ -z ${addresses} ]]; then
      problem deploy "the name ${name} has no address"
    elif ! grep -qwFf <(tr ' ' '\n' <<<"${own}" | grep .) <<<"${addresses}"; then
      note "the name ${name} leads to ${addresses//$'\n'/ }, which is none of this machine's own addresses"
    else
      good "${name} leads here"
    fi
    if [[ ${addresses} == *:*:* ]] && ! edge_has_ipv6; then
      problem deploy "${name} has an IPv6 address, but Docker's edge network has no IPv6: all those clients would share one limit"
    fi
  done
}

edge_has_ipv6() {
  [[ $(docker network inspect --format '{{.EnableIPv6}}' "${PROJECT}_edge" 2>/dev/null || true) != false ]]
}

check_ports() {
  local port owner
  for port in 80 443; do
    owner=$(ss --listening --tcp --numeric --no-header "sport = :${port}" 2>/dev/null || true)
    if [[ -n ${owner} && -z $(running_of nginx) ]]; then
      problem deploy "port ${port} is taken: ss -ltnp 'sport = :${port}'"
    fi
  done
}

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

# Every secret exists, only its consumer can read it, and it ends without a newline.
check_secrets() {
  local before=${PROBLEMS} missing file owner mode
  missing=$("${LIB}/../init-secrets" --check 2>&1) || problem lost-keys "${missing#ERROR: }"
  while IFS= read -r -d '' file; do
    read -r owner mode < <(stat --format '%u %a' "${file}")
    if [[ ${owner} != "$(owner_of "$(consumer_of "${file}")")" ]]; then
      problem rotation "${file#"${ROOT}/"} belongs to uid ${owner} and its reader cannot read it: scripts/init-secrets puts it right"
    elif [[ 0${mode} != "${SECRET_MODE}" ]]; then
      problem rotation "${file#"${ROOT}/"} has mode ${mode}: scripts/init-secrets puts it right"
    fi
    if [[ ! -s ${file} ]]; then
      problem lost-keys "${file#"${ROOT}/"} is empty"
    elif [[ -z $(tail -c 1 "${file}" | tr -d '\n') ]]; then
      problem rotation "${file#"${ROOT}/"} ends with a newline"
    fi
  done < <(find "${SECRETS}" -mindepth 2 -maxdepth 2 -type f ! -path '*/acme/*' -print0 2>/dev/null)
  check_values
  ((PROBLEMS > before)) || good 'secrets: all there, each readable only by its reader'
}

# No secret has more values than its reader accepts, or a value that is too short.
check_values() {
  local complaint files=()
  mapfile -d '' files < <(cd "${SECRETS}" 2>/dev/null && find . -mindepth 2 -type f ! -path './acme/*' -printf '%P\0')
  ((${#files[@]} > 0)) || return 0
  while IFS= read -r complaint; do
    problem rotation "secrets/${complaint}"
  done < <(cd "${SECRETS}" && secret_list | LC_ALL=C awk -F '\t' '
    NR == FNR { fewest[$1] = $3; most[$1] = $4; next }
    FNR == 1 { name = FILENAME; sub(/^\357\273\277/, "") }
    { sub(/[[:space:]]+$/, ""); if ($0 != "" && name in most) { values[name]++; if (length($0) < fewest[name]) short[name] = 1 } }
    END {
      for (name in values) {
        if (most[name] != "-" && values[name] > most[name]) print name " has " values[name] " values, its reader takes " most[name]
        if (short[name]) print name " has a value of fewer than " fewest[name] " characters"
      }
    }' - "${files[@]}" 2>/dev/null | sort)
}

consumer_of() {
  local rest=${1#"${SECRETS}/"}
  printf '%s' "${rest%%/*}"
}

# has_value NAME VALUE: whether a secret of several lines contains a value.
has_value() { grep -qxF -- "$2" <<<"$(read_secret "$1" 2>/dev/null)"; }

# Services that share a secret have the same value.
check_shared_secrets() {
  local before=${PROBLEMS} consumer file role
  for consumer in hasura migrate; do
    has_value login/action_secret "$(read_secret "${consumer}/action_secret")" ||
      problem rotation "login does not know ${consumer}'s action secret: scripts/rotate-action-secret brings them together"
  done
  [[ $(read_secret hasura/admin_secret) == "$(read_secret migrate/admin_secret)" ]] ||
    problem rotation 'hasura and migrate have different admin secrets: scripts/rotate-admin-secret'
  has_value login/edge_secret "$(secret_of_nginx)" ||
    problem rotation "login does not know nginx's edge secret: every client counts as unknown. scripts/rotate-edge-secret"
  for file in login/database_url {hasura,migrate}/{metadata_,}database_url; do
    role=$(user_in "${file}")
    [[ $(password_in "${file}") == "$(read_secret "postgres/${role}" 2>/dev/null || true)" ]] ||
      problem rotation "secrets/${file} has another password than secrets/postgres/${role}: scripts/rotate-postgres-password"
  done
  ((PROBLEMS > before)) || good 'shared secrets agree'
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
  local setting uid programs paths image lacking wanted=()
  while IFS=$'\t' read -r setting uid programs paths _; do
    image=$(image_here "${setting}")
    if ! docker image inspect --format '{{.Id}}' "${image}" >/dev/null 2>&1; then
      note "${setting}: ${image} is not here"
      continue
    fi
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

check_keys() {
  local mode owner listing active complaints published
  read -r owner mode < <(stat --format '%u %a' "${ROOT}/keys" 2>/dev/null || echo 'none none')
  if [[ ${owner} != "$(owner_of keys)" || 0${mode} != "${KEYS_MODE}" ]]; then
    problem lost-keys "keys/ does not belong only to login (uid ${owner}, mode ${mode}): scripts/init-secrets repairs it"
  fi
  if ! listing=$(compose exec -T login /hasura-login keys list --json </dev/null 2>/dev/null); then
    problem lost-keys 'login cannot list its signing keys'
    return 0
  fi
  active=$(jq -r 'first(.keys[] | select(.state == "active") | .kid) // empty' <<<"${listing}")
  complaints=$(jq -r '.problems // [] | map(tostring) | join("; ")' <<<"${listing}")
  if [[ -n ${complaints} ]]; then problem lost-keys "the key ring has unusable files: ${complaints}"; fi
  if [[ -z ${active} ]]; then
    problem lost-keys 'no signing key is active: scripts/rotate-jwt-key makes one'
    return 0
  fi
  published=$(http_call GET "http://$(upstream_of login):3000/.well-known/jwks.json" 2>/dev/null || true)
  if jq -e --arg kid "${active}" 'any(.keys[]; .kid == $kid)' <<<"${published%$'\n'*}" >/dev/null 2>&1; then
    good "signing key ${active} is active and published"
  else
    problem lost-keys "the active key ${active} is not in the published set"
  fi
}

# nginx's certificate is valid for three more weeks, matches its key, and is the one served.
check_certificate() {
  local chain=${SECRETS}/nginx/tls/fullchain.pem key=${SECRETS}/nginx/tls/privkey.pem name served
  [[ $(env_get ENTRY) != load-balancer ]] || return 0
  if [[ ! -s ${chain} ]]; then
    problem expired-certificate 'there is no certificate: nginx serves a self-signed one'
    return 0
  fi
  if ! openssl x509 -in "${chain}" -noout -checkend 0 >/dev/null; then
    problem expired-certificate "the certificate has expired ($(openssl x509 -in "${chain}" -noout -enddate))"
  elif ! openssl x509 -in "${chain}" -noout -checkend $((21 * 86400)) >/dev/null; then
    problem expired-certificate "the certificate expires within three weeks ($(openssl x509 -in "${chain}" -noout -enddate))"
  else
    good "certificate: $(openssl x509 -in "${chain}" -noout -enddate)"
  fi
  if [[ $(openssl x509 -in "${chain}" -noout -pubkey) != "$(openssl pkey -in "${key}" -pubout 2>/dev/null || true)" ]]; then
    problem expired-certificate 'secrets/nginx/tls: the key is not the certificate'\''s'
  fi
  read -r name _ < <(env_get SITE_NAMES | tr ',' ' ')
  served=$(openssl s_client -connect "127.0.0.1:$(https_port)" -servername "${name}" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint 2>/dev/null || true)
  if [[ -n ${served} && ${served} != "$(openssl x509 -in "${chain}" -noout -fingerprint)" ]]; then
    problem expired-certificate 'nginx serves another certificate than the one in secrets/nginx/tls: docker compose logs nginx says why'
  fi
}

https_port() {
  local bind
  bind=$(env_get HTTPS_BIND)
  bind=${bind:-443}
  printf '%s' "${bind##*:}"
}

check_database() {
  local before=${PROBLEMS} role
  if ! sql <<<'SELECT 1;' >/dev/null 2>&1; then
    problem restore 'Postgres does not answer'
    return 0
  fi
  for role in "$(user_in login/database_url)" "$(user_in hasura/database_url)"; do
    password_opens "${role}" <"${SECRETS}/postgres/${role}" >/dev/null 2>&1 ||
      problem rotation "the password of ${role} does not open the database: scripts/rotate-postgres-password"
  done
  if [[ $(sql <<<"SELECT count(*) FROM information_schema.tables WHERE table_schema || '.' || table_name IN ('public.users', 'auth.accounts', 'auth.sessions', 'auth.refresh_tokens');") != 4 ]]; then
    problem restore 'tables are missing: scripts/deploy runs the migrations'
  fi
  ((PROBLEMS > before)) || good 'the database has its tables and its roles get in'
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

check_backups() {
  local newest age verified
  [[ -s ${RECIPIENTS} ]] || problem restore 'backups/recipients is missing: nothing can be backed up'
  newest=$(newest_archive)
  if [[ -z ${newest} ]]; then
    problem restore 'there is no backup: scripts/backup'
    return 0
  fi
  age=$((($(date +%s) - $(stat --format %Y "${newest}/SHA256SUMS")) / 3600))
  if ((age > 26)); then
    problem restore "the newest backup is ${age} hours old: systemctl status hasura-login-backup.timer"
  else
    good "newest backup: ${newest##*/}, ${age} hours old"
  fi
  check_stamp copied 26 'has a copy off this machine: scripts/backup makes one'
  check_stamp verified $((8 * 24)) 'was restored and compared: scripts/verify-backup'
  copies_leave || problem restore 'neither BACKUP_COPY_TO in .env nor backups/copy-off-box is set: backups burn with this machine'
}

# check_stamp WHAT HOURS TEXT
check_stamp() {
  local what=$1 hours=$2 text=$3 made age
  made=$(stamped "${what}")
  if ((made == 0)); then
    problem restore "no backup ${text}"
    return 0
  fi
  age=$((($(date +%s) - made) / 3600))
  if ((age > hours)); then
    problem restore "no backup of the last ${hours} hours ${text}"
  else
    good "last ${what} backup: ${age} hours old"
  fi
}

# The archive for a restore to a moment, if it is on.
check_wal() {
  local before=${PROBLEMS} mode newest
  wal_wanted || return 0
  mode=$(sql postgres <<<'SHOW archive_mode;' 2>/dev/null || true)
  if [[ ${mode} != on ]]; then
    problem point-in-time 'WAL_ARCHIVE is on in .env, but Postgres runs without an archive: scripts/update-image postgres'
    return 0
  fi
  systemctl is-enabled --quiet hasura-login-archive-wal.timer 2>/dev/null ||
    problem point-in-time 'nothing encrypts the write-ahead log: scripts/install-timers'
  (($(wal_stamp secured_timestamp_seconds) > $(date +%s) - 900)) ||
    problem wal-not-secured 'the archive is more than 15 minutes behind: scripts/archive-wal says why'
  [[ -z $(env_get BACKUP_COPY_TO) ]] || (($(wal_stamp copied_timestamp_seconds) > $(date +%s) - 1800)) ||
    problem wal-not-copied 'the changes of the last 30 minutes have no copy off this machine: scripts/archive-wal says why'
  newest=$(wal_stamp base_timestamp_seconds)
  ((newest > $(date +%s) - 26 * 3600)) || problem base-backup-too-old 'no base backup of the last 26 hours: scripts/archive-wal takes one'
  ((PROBLEMS > before)) || good "any moment can be restored: the archive ends $((($(date +%s) - $(wal_stamp secured_timestamp_seconds)) / 60)) minutes ago"
}
